/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sleep control, reset and the generic event device. */
#include "main.h"

#include <stdbool.h>
#include <stdint.h>

#include "vmm/ged.h"
#include "vmm/power.h"

struct machine {
    struct power power;
    unsigned int offs, resets;
};

static void off(void *opaque)
{
    struct machine *machine = opaque;

    machine->offs++;
}

static void reset(void *opaque)
{
    struct machine *machine = opaque;

    machine->resets++;
}

static const struct power_ops ops = { .off = off, .reset = reset };

static void setup(struct machine *machine)
{
    *machine = (struct machine){ .power = { .ops = &ops, .opaque = machine } };
}

START_TEST(s5)
{
    struct machine machine;

    setup(&machine);
    /* Linux first clears WAK_STS, then writes the type with SLP_EN. */
    power_bus_ops.write(&machine.power, 1, 1, 0x80);
    ck_assert_uint_eq(machine.offs, 0);
    power_bus_ops.write(&machine.power, 0, 1, POWER_S5_TYPE << 2);
    ck_assert_uint_eq(machine.offs, 0);
    power_bus_ops.write(&machine.power, 0, 1, 0x20 | POWER_S5_TYPE << 2);
    ck_assert_uint_eq(machine.offs, 1);
    ck_assert_uint_eq(power_bus_ops.read(&machine.power, 0, 1), POWER_S5_TYPE << 2);
    ck_assert_uint_eq(power_bus_ops.read(&machine.power, 1, 1), 0);
    ck_assert_uint_eq(machine.resets, 0);
}
END_TEST

START_TEST(only_s5_and_the_reset_value)
{
    struct machine machine;

    setup(&machine);
    for (unsigned int value = 0; value < 0x100; value++) {
        if ((value & 0x3c) != (0x20 | POWER_S5_TYPE << 2))
            power_bus_ops.write(&machine.power, 0, 1, value);
        power_bus_ops.write(&machine.power, 1, 1, value);
        if (value != POWER_RESET_VALUE)
            power_bus_ops.write(&machine.power, 2, 1, value);
    }
    ck_assert_uint_eq(machine.offs + machine.resets, 0);
    power_bus_ops.write(&machine.power, 2, 1, POWER_RESET_VALUE);
    ck_assert_uint_eq(machine.resets, 1);
    ck_assert_uint_eq(power_bus_ops.read(&machine.power, 2, 1), 0);
}
END_TEST

START_TEST(power_registers_of_wrong_size)
{
    struct machine machine;

    setup(&machine);
    for (unsigned int offset = 0; offset < 3; offset++) {
        for (unsigned int size = 2; size <= 8; size *= 2) {
            power_bus_ops.write(&machine.power, offset, size, 0x20 | POWER_S5_TYPE << 2);
            power_bus_ops.write(&machine.power, offset, size, POWER_RESET_VALUE);
            ck_assert_uint_eq(power_bus_ops.read(&machine.power, offset, size), UINT64_MAX);
        }
    }
    ck_assert_uint_eq(machine.offs + machine.resets + machine.power.control, 0);
}
END_TEST

static void set_line(void *opaque, bool high)
{
    bool *line = opaque;

    *line = high;
}

START_TEST(ged_line_is_a_level)
{
    bool line = false;
    struct ged ged = { .set_line = set_line, .opaque = &line };

    ged_raise(&ged, GED_CPU_HOTPLUG);
    ck_assert(line);
    ged_raise(&ged, GED_POWER_BUTTON);
    ck_assert(line);
    /* The read gives both, clears them and lowers the line. */
    ck_assert_uint_eq(ged_bus_ops.read(&ged, 0, 4), 0x8 | 0x2);
    ck_assert(!line);
    ck_assert_uint_eq(ged_bus_ops.read(&ged, 0, 4), 0);
    ged_raise(&ged, GED_CPU_HOTPLUG);
    ck_assert(line);
    ged_reset(&ged);
    ck_assert(!line);
    ck_assert_uint_eq(ged_bus_ops.read(&ged, 0, 4), 0);
}
END_TEST

START_TEST(ged_keeps_its_status)
{
    bool line = false;
    struct ged ged = { .set_line = set_line, .opaque = &line };

    ged_raise(&ged, 0);
    ck_assert(!line);
    ged_raise(&ged, GED_CPU_HOTPLUG);
    for (unsigned int offset = 0; offset < 4; offset++) {
        for (unsigned int size = 1; size <= 8; size *= 2) {
            ged_bus_ops.write(&ged, offset, size, UINT64_MAX);
            ged_bus_ops.write(&ged, offset, size, 0);
            if (offset != 0 || size != 4)
                ck_assert_uint_eq(ged_bus_ops.read(&ged, offset, size), UINT64_MAX);
        }
    }
    ck_assert(line);
    ck_assert_uint_eq(ged_bus_ops.read(&ged, 0, 4), GED_CPU_HOTPLUG);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-power");
    TCase *power = tcase_create("power"), *ged = tcase_create("ged");

    tcase_add_test(power, s5);
    tcase_add_test(power, only_s5_and_the_reset_value);
    tcase_add_test(power, power_registers_of_wrong_size);
    tcase_add_test(ged, ged_line_is_a_level);
    tcase_add_test(ged, ged_keeps_its_status);
    suite_add_tcase(suite, power);
    suite_add_tcase(suite, ged);
    return suite;
}
