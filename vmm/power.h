/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sleep control, sleep status and reset, a byte each: what a hardware-reduced machine has in place
 * of the PM1 blocks (ACPI 6.5 sections 4.8.3.7 and 4.8.3.6). The only sleep state is S5. The power
 * button is an event of the GED (ged_raise(…, GED_POWER_BUTTON)).
 */
#ifndef VMM_POWER_H
#define VMM_POWER_H

#include <stdint.h>

#include "bus.h"

/** The SLP_TYP that _S5 names, and the value that resets the machine, as the FADT says. */
#define POWER_S5_TYPE     5
#define POWER_RESET_VALUE 1

/** What the guest asks for. Called from the register's write, with the VM's lock held. */
struct power_ops {
    void (*off)(void *opaque);
    void (*reset)(void *opaque);
};

struct power {
    uint8_t control; /* SLP_TYP as written; SLP_EN reads as 0 */
    const struct power_ops *ops;
    void *opaque;
};

/** The registers at LAYOUT_SLEEP_CONTROL; the device is a struct power. */
extern const struct bus_ops power_bus_ops;

#endif
