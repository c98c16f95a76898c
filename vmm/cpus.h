/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The possible CPUs of a VM: which of them are plugged, their vCPUs, what is asked of the guest and
 * what it said. Here is how vCPUs come and go; hotplug.c talks of it with the guest. With the VM's
 * lock held, unless a function says otherwise.
 */
#ifndef VMM_CPUS_H
#define VMM_CPUS_H

#include <stdbool.h>
#include <stdint.h>

struct cpuctl_error;
struct cpus;
struct vcpu;
struct vm;

/** What the host last asked of the guest about a CPU. */
enum cpu_request {
    CPU_REQUEST_NONE, /**< nothing, or it was withdrawn */
    CPU_REQUEST_INSERTION,
    CPU_REQUEST_REMOVAL,
};

/** How far that has come. */
enum cpu_phase {
    CPU_PHASE_NONE,
    CPU_PHASE_REQUESTED,   /**< the event waits for the guest, or has been seen by it */
    CPU_PHASE_IN_PROGRESS, /**< the guest said so by _OST (status 0x80 or 0x84) */
    CPU_PHASE_REJECTED,    /**< the guest refused: see the _OST status */
    CPU_PHASE_DONE, /**< the guest said so; a removal: ejected, and the vCPU's thread has ended */
};

/** One possible CPU. */
struct cpu {
    unsigned int index; /**< by rising (socket, die, core, thread); the slot's number in _OST */
    uint32_t apic_id;
    /** Plugged: bit 0 of the controller's status, and _STA. */
    bool enabled;
    /** Events that the guest has not acknowledged: bits 1 and 2 of the status. cpuhp.c clears them.
     */
    bool insert_event, remove_event;
    /** The guest's search for an event found the remove event, which it is about to take. */
    bool remove_found;
    /** The host asked for the removal, and it is neither done, refused as often as it was asked for
     * nor withdrawn. Authorises an eject; the event bit does not, since the guest acknowledges it
     * earlier. */
    bool removal_requested;
    /** How many events of it, before the last, the guest has acknowledged and not answered. */
    unsigned int removals_seen;
    /** Ejected, while its vCPU's thread has yet to end. */
    bool parking;
    /** Parked, while KVM still knows the guest that ran on its vCPU: see cpus_forget(). */
    bool stale;
    enum cpu_request request;
    enum cpu_phase phase;
    /** The last _OST: event (source) and status; valid when @ost_known. */
    bool ost_known;
    uint32_t ost_event, ost_status;
    /** NULL until it is first plugged; kept ever after, since KVM can not destroy a vCPU. */
    struct vcpu *vcpu;
};

/** @model: the value of --cpu. Makes no vCPU yet. Returns 0 or a negative errno with a sentence. */
int cpus_new(struct vm *vm, const char *model, struct cpus **ret_cpus, struct cpuctl_error *error);
/** The threads must have been joined; takes NULL. */
void cpus_free(struct cpus *cpus);
/** Whether the guest is offered extended destination IDs. */
bool cpus_ext_dest_id(const struct cpus *cpus);
/** Whether it is offered x2APIC. */
bool cpus_x2apic(const struct cpus *cpus);

/** The number of possible CPUs. */
unsigned int cpus_count(const struct cpus *cpus);
/** The CPU @index, or NULL when there is none. */
struct cpu *cpus_at(struct cpus *cpus, unsigned int index);

/**
 * Makes CPU @index present; its thread runs as soon as the VM does. The guest is not told. Returns
 * 0, -ENOENT (no such CPU), -EEXIST (plugged), -EBUSY (being ejected, its vCPU still stops) or
 * KVM's error, with a sentence.
 */
int cpus_plug(struct cpus *cpus, unsigned int index, struct cpuctl_error *error);
/** Makes the first @count CPUs present, before the VM runs. Returns and fails as cpus_plug(). */
int cpus_plug_first(struct cpus *cpus, unsigned int count, struct cpuctl_error *error);
/** Ends the thread of a CPU that was ejected and is not enabled any more; see cpus_park(). */
void cpus_stop(struct cpus *cpus, struct cpu *cpu);
/** Parks @cpu if it was ejected and its thread has ended. Main thread. Returns whether it did. */
bool cpus_park(struct cpu *cpu);
/** Makes KVM forget all about the guest that ran on a parked CPU, once; plugging it does, too.
 * Returns 0, or KVM's error. */
int cpus_forget(struct cpu *cpu);

/** Makes every vCPU leave the guest. */
void cpus_kick(struct cpus *cpus);
/** Waits, giving up the lock, until no vCPU is in the guest. Main thread. */
void cpus_wait_idle(struct cpus *cpus);
/** The state after power-on for all plugged CPUs, which are idle. Returns 0 or a negative errno. */
int cpus_reset(struct cpus *cpus);
/** Ends all threads; gives up the lock meanwhile. */
void cpus_end(struct cpus *cpus);
/** Joins them, without the lock. */
void cpus_join(struct cpus *cpus);

#endif
