/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CPU hotplug controller: the "modern" register block of QEMU's specification
 * (docs/specs/acpi_cpu_hotplug), 12 bytes. It shows the possible CPUs (cpus.h) to the guest, takes
 * the acknowledgement of their events, ejects and what the guest says by _OST.
 */
#ifndef VMM_CPUHP_H
#define VMM_CPUHP_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"

struct cpu;

/** Offsets of the registers; what is not listed is reserved. */
enum cpuhp_register {
    CPUHP_SELECTOR = 0, /**< when written; when read, data 2 */
    CPUHP_FLAGS = 4,
    CPUHP_COMMAND = 5,
    CPUHP_DATA = 8,
};

/** Values of the command register. */
enum cpuhp_command {
    CPUHP_COMMAND_NEXT = 0,       /**< select the next CPU with an event */
    CPUHP_COMMAND_OST_EVENT = 1,  /**< data is the source of an _OST */
    CPUHP_COMMAND_OST_STATUS = 2, /**< data is its status, and completes it */
    CPUHP_COMMAND_ARCH_ID = 3,    /**< data is the APIC ID */
};

/** Bits of the flags register. */
enum cpuhp_flags {
    CPUHP_ENABLED = 0x1,
    CPUHP_INSERT = 0x2,
    CPUHP_REMOVE = 0x4,
    CPUHP_EJECT = 0x8,
    CPUHP_FIRMWARE = 0x10,
};

/** The owner of the CPUs. Called with the VM's lock held. */
struct cpuhp_ops {
    /** CPU @index, below the controller's count. */
    struct cpu *(*at)(void *opaque, unsigned int index);
    /** The guest ejects CPU @index; the owner checks that somebody asked for it. If so, the CPU is
     * not enabled any more when this returns: Linux reads _STA at once. */
    void (*eject)(void *opaque, unsigned int index);
    /** The guest evaluated _OST for CPU @index, which may be an empty slot by now. */
    void (*ost)(void *opaque, unsigned int index, uint32_t source, uint32_t status);
};

struct cpuhp {
    unsigned int count; /* of possible CPUs */
    uint32_t selector;
    enum cpuhp_command command;
    uint32_t source;    /* the first half of an _OST on its way */
    uint32_t source_of; /* the CPU that it is about */
    const struct cpuhp_ops *ops;
    void *opaque;
};

/** The machine is reset: registers are as at the start. The CPUs are their owner's. */
void cpuhp_reset(struct cpuhp *hp);
/** The registers at LAYOUT_CPUHP; the device is a struct cpuhp. */
extern const struct bus_ops cpuhp_bus_ops;

#endif
