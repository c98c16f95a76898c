/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU hotplug as the host sees it: joins the possible CPUs (cpus.h) to the guest's view of them
 * (cpuhp.h). With the VM's lock held.
 */
#ifndef VMM_HOTPLUG_H
#define VMM_HOTPLUG_H

#include <stdbool.h>
#include <stdint.h>

struct cpuctl_error;
struct vm;

/** Who hears of CPUs; called in the main thread. Each may be NULL. */
struct hotplug_listener {
    /** CPU @index is gone: ejected and parked. */
    void (*deleted)(void *data, unsigned int index);
    /** The guest evaluated _OST for CPU @index. */
    void (*ost)(void *data, unsigned int index, uint32_t source, uint32_t status);
    void *data;
};

/** How many _OSTs wait for the main thread; a guest that makes more loses the oldest. */
#define HOTPLUG_REPORTS 256U

struct hotplug_report {
    bool ejected; /* made after the eject: comes after deleted() */
    unsigned int index;
    uint32_t source, status;
};

struct hotplug {
    struct hotplug_listener listener;
    struct hotplug_report reports[HOTPLUG_REPORTS];
    unsigned int first, count;
};

/** Adds the controller's registers to the VM's I/O ports. */
int hotplug_init(struct vm *vm, struct cpuctl_error *error);

/** Hot-adds CPU @index: cpus_plug(), and the guest is told. */
int hotplug_plug(struct vm *vm, unsigned int index, struct cpuctl_error *error);
/**
 * Asks the guest to give CPU @index up; asking again is no error (see removal_request()). Returns
 * 0, -ENOENT (not plugged) or -EPERM (CPU 0) with a sentence.
 */
int hotplug_unplug(struct vm *vm, unsigned int index, struct cpuctl_error *error);
/** Takes that back. Returns 0 (also if there is nothing to take back), -ENOENT, or -EALREADY: the
 * guest has seen it. */
int hotplug_withdraw(struct vm *vm, unsigned int index, struct cpuctl_error *error);
/** A reset completes what is pending: it ejects, and inserted CPUs are in the next kernel's tables.
 */
void hotplug_reset(struct vm *vm);
/** The main thread's part: reports what has happened, and parks what has been ejected. */
void hotplug_dispatch(struct vm *vm);
/** Whether there is something for hotplug_settle(). */
bool hotplug_unsettled(struct vm *vm);
/** What nobody waits for after that: makes KVM forget the CPUs that are parked. Main thread. */
void hotplug_settle(struct vm *vm);

#endif
