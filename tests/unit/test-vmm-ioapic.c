/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The I/O APIC's registers and pins. Section numbers are those of the 82093AA's data sheet. What
 * would go to KVM is counted instead.
 */
#include "main.h"

#include <string.h>

#include "cpuctl.h"
#include "vmm/ioapic.h"
#include "vmm/irq.h"
#include "vmm/layout.h"
#include "vmm/vm.h"

#define SELECT 0x00U
#define WINDOW 0x10U
#define EOI    0x40U

#define MASKED     (1U << 16)
#define LEVEL      (1U << 15)
#define REMOTE_IRR (1U << 14)
#define PENDING    (1U << 12)

static struct vm vm;
static struct ioapic *ioapic;
static struct msi sent, routes[LAYOUT_IOAPIC_PINS];
static bool routed[LAYOUT_IOAPIC_PINS];
static unsigned int sends, route_changes;

/* In the place of irq.c's. */
void irq_send(struct irq *irq, const struct msi *msi)
{
    ck_assert_ptr_null(irq);
    sent = *msi;
    sends++;
}

void irq_route(struct irq *irq, unsigned int gsi, const struct msi *msi)
{
    ck_assert_ptr_null(irq);
    ck_assert_uint_lt(gsi, LAYOUT_IOAPIC_PINS);
    routed[gsi] = msi != NULL;
    if (msi)
        routes[gsi] = *msi;
    route_changes++;
}

static void start(void)
{
    ck_assert_int_eq(ioapic_new(&vm, &ioapic, NULL), 0);
}

static void finish(void)
{
    ioapic_free(ioapic);
}

static uint32_t get(unsigned int number)
{
    bus_write(&vm.mmio, LAYOUT_IOAPIC + SELECT, 4, number);
    return (uint32_t)bus_read(&vm.mmio, LAYOUT_IOAPIC + WINDOW, 4);
}

static void set(unsigned int number, uint32_t value)
{
    bus_write(&vm.mmio, LAYOUT_IOAPIC + SELECT, 4, number);
    bus_write(&vm.mmio, LAYOUT_IOAPIC + WINDOW, 4, value);
}

static uint32_t low(unsigned int pin)
{
    return get(0x10 + 2 * pin);
}

static void set_low(unsigned int pin, uint32_t value)
{
    set(0x10 + 2 * pin, value);
}

static void set_high(unsigned int pin, uint32_t value)
{
    set(0x11 + 2 * pin, value);
}

START_TEST(power_on)
{
    ck_assert_uint_eq(get(0), 0);
    ck_assert_uint_eq(get(1), 0x20 | 23U << 16);
    ck_assert_uint_eq(get(2), 0);
    for (unsigned int pin = 0; pin < LAYOUT_IOAPIC_PINS; pin++) {
        ck_assert_uint_eq(low(pin), MASKED);
        ck_assert_uint_eq(get(0x11 + 2 * pin), 0);
        ck_assert(!routed[pin]);
    }
}
END_TEST

/* 3.2.1: four bits of ID; the arbitration ID follows it. The version can not be written. */
START_TEST(identification)
{
    set(0, 0xffffffff);
    ck_assert_uint_eq(get(0), 0x0f000000);
    ck_assert_uint_eq(get(2), 0x0f000000);
    set(1, 0);
    ck_assert_uint_eq(get(1), 0x20 | 23U << 16);
    set(2, 0);
    ck_assert_uint_eq(get(2), 0x0f000000);
}
END_TEST

/* 3.2.4: delivery status and remote IRR are read-only, bits 17 to 47 are reserved. */
START_TEST(entry_bits)
{
    set_low(5, 0xffffffff);
    set_high(5, 0xffffffff);
    ck_assert_uint_eq(low(5), 0x1ffff & ~(REMOTE_IRR | PENDING));
    ck_assert_uint_eq(get(0x11 + 2 * 5), 0xffff0000);
    ck_assert_uint_eq(low(4), MASKED);
    ck_assert_uint_eq(low(6), MASKED);
    ck_assert_uint_eq(sends, 0);
}
END_TEST

START_TEST(registers_that_are_not_there)
{
    static const unsigned int numbers[] = { 0x03, 0x0f, 0x40, 0x41, 0x80, 0xff };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        set(numbers[i], 0x31);
        ck_assert_uint_eq(get(numbers[i]), 0);
    }
    for (unsigned int pin = 0; pin < LAYOUT_IOAPIC_PINS; pin++)
        ck_assert_uint_eq(low(pin), MASKED);
    /* The select register has eight bits. */
    bus_write(&vm.mmio, LAYOUT_IOAPIC + SELECT, 4, 0xabcdef01);
    ck_assert_uint_eq(bus_read(&vm.mmio, LAYOUT_IOAPIC + SELECT, 4), 1);
}
END_TEST

/* Every size at every place but the three registers: all ones, and nothing changes. */
START_TEST(wrong_sizes_and_places)
{
    unsigned int changes;

    set_low(0, 0x31);
    bus_write(&vm.mmio, LAYOUT_IOAPIC + SELECT, 4, 0x10);
    changes = route_changes;
    for (unsigned int size = 1; size <= 8; size *= 2) {
        uint64_t ones = size == 8 ? UINT64_MAX : (1ULL << 8 * size) - 1;

        for (uint64_t at = 0; at < LAYOUT_IOAPIC_SIZE; at++) {
            if (size == 4 && (at == SELECT || at == WINDOW || at == EOI))
                continue;
            bus_write(&vm.mmio, LAYOUT_IOAPIC + at, size, 0x32);
            ck_assert_uint_eq(bus_read(&vm.mmio, LAYOUT_IOAPIC + at, size), ones);
        }
    }
    ck_assert_uint_eq(bus_read(&vm.mmio, LAYOUT_IOAPIC + SELECT, 4), 0x10);
    ck_assert_uint_eq(bus_read(&vm.mmio, LAYOUT_IOAPIC + WINDOW, 4), 0x31);
    ck_assert_uint_eq(bus_read(&vm.mmio, LAYOUT_IOAPIC + EOI, 4), 0);
    ck_assert_uint_eq(route_changes, changes);
    ck_assert_uint_eq(sends, 0);
}
END_TEST

START_TEST(edge)
{
    set_high(4, 7U << 24);
    set_low(4, 0x31);
    ioapic_set_level(ioapic, 4, true);
    ck_assert_uint_eq(sends, 1);
    ck_assert_uint_eq(sent.address, 0xfee07000);
    ck_assert_uint_eq(sent.data, 0x31);
    ioapic_set_level(ioapic, 4, true); /* it does not rise */
    ioapic_set_level(ioapic, 4, false);
    ck_assert_uint_eq(sends, 1);
    ioapic_set_level(ioapic, 4, true);
    ck_assert_uint_eq(sends, 2);
    ck_assert_uint_eq(low(4), 0x31); /* no remote IRR */
    ioapic_eoi(ioapic, 0x31);
    ck_assert_uint_eq(sends, 2);
}
END_TEST

/* An edge that comes while the pin is masked is lost. */
START_TEST(edge_masked)
{
    set_low(4, 0x31 | MASKED);
    ioapic_set_level(ioapic, 4, true);
    set_low(4, 0x31);
    ck_assert_uint_eq(sends, 0);
    ioapic_set_level(ioapic, 4, false);
    ioapic_set_level(ioapic, 4, true);
    ck_assert_uint_eq(sends, 1);
}
END_TEST

START_TEST(level_until_eoi)
{
    set_low(9, 0x41 | LEVEL);
    ioapic_set_level(ioapic, 9, true);
    ck_assert_uint_eq(sends, 1);
    ck_assert_uint_eq(sent.data, 0x41 | 3U << 14);
    ck_assert_uint_eq(low(9), 0x41 | LEVEL | REMOTE_IRR);
    ioapic_set_level(ioapic, 9, false);
    ioapic_set_level(ioapic, 9, true);
    set_low(9, 0x41 | LEVEL); /* can't clear remote IRR */
    ck_assert_uint_eq(sends, 1);
    ioapic_eoi(ioapic, 0x42);
    ck_assert_uint_eq(sends, 1);
    ioapic_eoi(ioapic, 0x41); /* still asserted: once more */
    ck_assert_uint_eq(sends, 2);
    ioapic_set_level(ioapic, 9, false);
    bus_write(&vm.mmio, LAYOUT_IOAPIC + EOI, 4, 0x41);
    ck_assert_uint_eq(low(9), 0x41 | LEVEL);
    ck_assert_uint_eq(sends, 2);
}
END_TEST

/* A level that is there when the pin is unmasked counts; one that has gone does not. */
START_TEST(level_masked)
{
    set_low(9, 0x41 | LEVEL | MASKED);
    ioapic_set_level(ioapic, 9, true);
    ck_assert_uint_eq(sends, 0);
    set_low(9, 0x41 | LEVEL);
    ck_assert_uint_eq(sends, 1);
    set_low(9, 0x41 | LEVEL | MASKED);
    ioapic_eoi(ioapic, 0x41);
    ck_assert_uint_eq(low(9), 0x41 | LEVEL | MASKED);
    ioapic_set_level(ioapic, 9, false);
    set_low(9, 0x41 | LEVEL);
    ck_assert_uint_eq(sends, 1);
}
END_TEST

/* Pins that share a vector share its end. */
START_TEST(shared_vector)
{
    set_low(9, 0x41 | LEVEL);
    set_low(10, 0x41 | LEVEL);
    ioapic_set_level(ioapic, 9, true);
    ioapic_set_level(ioapic, 10, true);
    ck_assert_uint_eq(sends, 2);
    ioapic_set_level(ioapic, 9, false);
    ioapic_eoi(ioapic, 0x41);
    ck_assert_uint_eq(sends, 3);
    ck_assert_uint_eq(low(9), 0x41 | LEVEL);
    ck_assert_uint_eq(low(10), 0x41 | LEVEL | REMOTE_IRR);
}
END_TEST

/* How Linux ends an interrupt where there is no EOI register. */
START_TEST(edge_for_a_moment)
{
    set_low(9, 0x41 | LEVEL);
    ioapic_set_level(ioapic, 9, true);
    set_low(9, 0x41 | MASKED);
    ck_assert_uint_eq(low(9), 0x41 | MASKED);
    set_low(9, 0x41 | LEVEL);
    ck_assert_uint_eq(sends, 2);
}
END_TEST

/* Vectors below 16 reach nobody, and are not waited for. */
START_TEST(reserved_vectors)
{
    for (uint32_t vector = 0; vector < 16; vector++) {
        set_low(9, vector | LEVEL);
        ck_assert(!routed[9]);
        ioapic_set_level(ioapic, 9, true);
        ck_assert_uint_eq(low(9), vector | LEVEL);
        ioapic_set_level(ioapic, 9, false);
        set_low(9, vector);
        ioapic_set_level(ioapic, 9, true);
        ioapic_set_level(ioapic, 9, false);
    }
    ck_assert_uint_eq(sends, 0);
    set_low(9, 16);
    ioapic_set_level(ioapic, 9, true);
    ck_assert_uint_eq(sends, 1);
}
END_TEST

/* KVM hears of each change of a vector, of the trigger mode and of either half of the target. */
START_TEST(route_follows)
{
    set_low(3, 0x51 | LEVEL);
    ck_assert(routed[3]);
    ck_assert_uint_eq(routes[3].data, 0x51 | 3U << 14);
    ck_assert_uint_eq(routes[3].address, 0xfee00000);
    set_high(3, 0x2cU << 24 | 1U << 17); /* ID 300: bits 14..8 are at 55..49 */
    ck_assert_uint_eq(routes[3].address, 0xfee2c020);
    ioapic_set_level(ioapic, 3, true);
    ck_assert_uint_eq(sent.address, 0xfee2c020);
    set_low(3, 0x52);
    ck_assert_uint_eq(routes[3].data, 0x52);
    set_low(3, 0x52 | MASKED); /* its last interrupt may yet be under way */
    ck_assert(routed[3]);
    set_low(3, MASKED);
    ck_assert(!routed[3]);
}
END_TEST

/* KVM must go on to look for the EOI where the interrupt went; then it hears of the new target. */
START_TEST(route_waits_for_eoi)
{
    set_low(3, 0x51 | LEVEL);
    ioapic_set_level(ioapic, 3, true);
    ck_assert_uint_eq(sent.address, 0xfee00000);
    set_high(3, 0x2cU << 24 | 1U << 17);
    ck_assert_uint_eq(routes[3].address, 0xfee00000);
    ck_assert_uint_eq(sends, 1);
    ioapic_eoi(ioapic, 0x51);
    ck_assert_uint_eq(routes[3].address, 0xfee2c020);
    ck_assert_uint_eq(sent.address, 0xfee2c020);
    ck_assert_uint_eq(sends, 2);
    set_high(3, 1U << 24);
    set_low(3, 0x52); /* edge-triggered: none is waited for */
    ck_assert_uint_eq(routes[3].address, 0xfee01000);
}
END_TEST

/* The entries go, the devices' lines stay. */
START_TEST(reset)
{
    set(0, 0x0f000000);
    set_low(9, 0x41 | LEVEL);
    ioapic_set_level(ioapic, 9, true);
    ioapic_reset(ioapic);
    ck_assert_uint_eq(bus_read(&vm.mmio, LAYOUT_IOAPIC + SELECT, 4), 0);
    ck_assert_uint_eq(get(0), 0);
    ck_assert_uint_eq(low(9), MASKED);
    ck_assert(!routed[9]);
    ck_assert_uint_eq(sends, 1);
    set_low(9, 0x42 | LEVEL);
    ck_assert_uint_eq(sends, 2);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-ioapic");
    TCase *tcase = tcase_create("ioapic");

    tcase_add_checked_fixture(tcase, start, finish);
    tcase_add_test(tcase, power_on);
    tcase_add_test(tcase, identification);
    tcase_add_test(tcase, entry_bits);
    tcase_add_test(tcase, registers_that_are_not_there);
    tcase_add_test(tcase, wrong_sizes_and_places);
    tcase_add_test(tcase, edge);
    tcase_add_test(tcase, edge_masked);
    tcase_add_test(tcase, level_until_eoi);
    tcase_add_test(tcase, level_masked);
    tcase_add_test(tcase, shared_vector);
    tcase_add_test(tcase, edge_for_a_moment);
    tcase_add_test(tcase, reserved_vectors);
    tcase_add_test(tcase, route_follows);
    tcase_add_test(tcase, route_waits_for_eoi);
    tcase_add_test(tcase, reset);
    suite_add_tcase(suite, tcase);
    return suite;
}
