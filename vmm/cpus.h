/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The possible CPUs of a VM: which of them are plugged, what is asked of the guest, what it said.
 * The hotplug controller (cpuhp.c) shows this to the guest, QMP to the host. Every function is
 * called with the VM's lock held, unless it says otherwise.
 */
#ifndef VMM_CPUS_H
#define VMM_CPUS_H

#include <stdbool.h>
#include <stdint.h>

struct cpuctl_error;
struct vcpu;
struct vm;

/** How far a removal has come. */
enum cpu_removal {
    CPU_REMOVAL_NONE,
    CPU_REMOVAL_REQUESTED,   /**< the remove event waits for the guest, or has been seen by it */
    CPU_REMOVAL_IN_PROGRESS, /**< the guest said so by _OST (status 0x84) */
    CPU_REMOVAL_REJECTED,    /**< the guest refused: see the _OST status */
    CPU_REMOVAL_DONE,        /**< ejected, and the vCPU's thread has ended */
};

/** One possible CPU. */
struct cpu {
    unsigned int index; /**< by rising (socket, die, core, thread); the slot's number in _OST */
    uint32_t apic_id;
    /** The slot is occupied: bit 0 of the controller's status, and _STA. */
    bool enabled;
    /** Events that the guest has not acknowledged: bits 1 and 2 of the status. cpuhp.c clears them.
     */
    bool insert_event, remove_event;
    /** The host asked for the removal, and it is neither done, refused nor withdrawn. Authorises an
     * eject; the event bit does not, since the guest acknowledges it earlier. */
    bool removal_requested;
    /** Ejected, while its vCPU's thread has yet to end. */
    bool parking;
    enum cpu_removal removal;
    /** The last _OST: event (source) and status; valid when @ost_known. */
    bool ost_known;
    uint32_t ost_event, ost_status;
    /** NULL until it is first plugged; kept ever after, since KVM can not destroy a vCPU. */
    struct vcpu *vcpu;
};

/** Who hears of CPUs; the main thread calls, with the lock held. */
struct cpus_listener {
    /** The CPU is gone: ejected and parked. */
    void (*deleted)(void *data, unsigned int index);
    /** The guest has said something by _OST (ost_event and ost_status of the CPU). */
    void (*ost)(void *data, unsigned int index, uint32_t event, uint32_t status);
    void *data;
};

struct cpus;

/** The number of possible CPUs. */
unsigned int cpus_count(const struct cpus *cpus);
/** The CPU @index, or NULL when there is none. */
struct cpu *cpus_at(struct cpus *cpus, unsigned int index);

/** Who is told that an insert or remove event has been set (the controller raises its interrupt).
 */
void cpus_set_controller(struct cpus *cpus, void (*notify)(void *data), void *data);
void cpus_set_listener(struct cpus *cpus, const struct cpus_listener *listener);

/**
 * Hot-adds CPU @index. Returns 0, -ENOENT (no such CPU), -EEXIST (plugged), -EBUSY (being ejected,
 * its vCPU still stops) or KVM's error, with a sentence.
 */
int cpus_plug(struct cpus *cpus, unsigned int index, struct cpuctl_error *error);
/**
 * Asks the guest to give CPU @index up. Asking again sets the event again when the guest has
 * acknowledged it, or else changes nothing. Returns 0, -ENOENT (not plugged) or -EPERM (CPU 0).
 */
int cpus_request_removal(struct cpus *cpus, unsigned int index, struct cpuctl_error *error);
/** Takes a request back. Returns 0 (also if there is none), or -EALREADY: the guest has seen it. */
int cpus_withdraw(struct cpus *cpus, unsigned int index, struct cpuctl_error *error);

/**
 * The guest ejects CPU @index. It reads as not enabled at once; the listener hears "deleted" when
 * its thread has ended. Returns 0, or -EPERM when nobody asked for it (the guest is then ignored).
 */
int cpus_eject(struct cpus *cpus, unsigned int index);
/** The guest's _OST about CPU @index, which may be an empty slot by now. */
void cpus_ost(struct cpus *cpus, unsigned int index, uint32_t event, uint32_t status);

#endif
