/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sleep control, sleep status and reset. */
#include "power.h"

#include "layout.h"

/* ACPI 6.5 section 4.8.3.7.1: bits of sleep control. */
#define SLP_TYP_SHIFT 2
#define SLP_TYP_MASK  0x1c
#define SLP_EN        0x20

enum { CONTROL = 0, STATUS = LAYOUT_SLEEP_STATUS - LAYOUT_SLEEP_CONTROL };
enum { RESET = LAYOUT_RESET - LAYOUT_SLEEP_CONTROL };

static uint64_t power_read(void *device, uint64_t offset, unsigned int size)
{
    const struct power *power = device;

    if (size != 1)
        return UINT64_MAX;
    /* Nothing ever wakes from S5, so WAK_STS stays 0; the reset register is write-only. */
    return offset == CONTROL ? power->control : 0;
}

static void power_write(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    struct power *power = device;

    if (size != 1)
        return;
    switch (offset) {
    case CONTROL:
        power->control = value & SLP_TYP_MASK;
        if ((value & SLP_EN) && power->control >> SLP_TYP_SHIFT == POWER_S5_TYPE)
            power->ops->off(power->opaque);
        break;
    case STATUS: /* WAK_STS is cleared by writing 1; it is never set */
        break;
    case RESET:
        if (value == POWER_RESET_VALUE)
            power->ops->reset(power->opaque);
        break;
    }
}

const struct bus_ops power_bus_ops = { .read = power_read, .write = power_write };
