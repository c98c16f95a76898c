/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The generic event device (ACPI 6.5 section 5.6.9): a status register whose bits say what
 * happened. A read clears it.
 *
 * QEMU's device pulses its line. An edge that comes before the guest's driver is bound would be
 * lost, so ours is a level: high while the status is not 0.
 */
#ifndef VMM_GED_H
#define VMM_GED_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"

/** Bits of the status; those that QEMU has use its numbers. */
#define GED_POWER_BUTTON 0x2U
#define GED_CPU_HOTPLUG  0x8U

struct ged {
    uint32_t status;
    void (*set_line)(void *opaque, bool high);
    void *opaque;
};

/** Adds events (GED_*) and raises the line. */
void ged_raise(struct ged *ged, uint32_t events);
/** Forgets what has not been read, and lowers the line. */
void ged_reset(struct ged *ged);
/** The registers at LAYOUT_GED; the device is a struct ged. */
extern const struct bus_ops ged_bus_ops;

#endif
