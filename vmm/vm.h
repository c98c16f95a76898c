/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM as a whole: what is created in which order, the lock, run states, reset and shutdown.
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "acpi-tables.h"
#include "bus.h"
#include "cpuctl.h"
#include "cpuhp.h"
#include "ged.h"
#include "hotplug.h"
#include "kvm.h"
#include "memory.h"
#include "power.h"
#include "smp.h"

struct chardev;
struct control;
struct cpus;
struct devices;
struct ioapic;
struct irq;
struct options;
struct sd_event;
struct sd_event_source;
struct serial;

/** Where a VM is in its life; the words of QMP's RunState. */
enum vm_state {
    VM_PRELAUNCH, /**< being created */
    VM_RUNNING,
    VM_PAUSED,
    VM_INTERNAL_ERROR, /**< KVM can not run a vCPU: only a reset lets it go on */
    VM_SHUTDOWN,       /**< the main loop is about to end */
};

/** Who hears of what happens to the VM; called in the main thread, with the lock held. */
struct vm_listener {
    void (*state_changed)(void *data, enum vm_state state);
    /** @guest: the guest asked for it. */
    void (*reset)(void *data, bool guest);
    void (*shutdown)(void *data, bool guest);
    void *data;
};

struct vm {
    const struct options *options;
    struct kvm_host kvm;
    int fd;                        /**< KVM's */
    unsigned long long file_limit; /**< RLIMIT_NOFILE */
    /** Protects everything that follows; see README.md. */
    pthread_mutex_t lock;
    struct sd_event *event;
    struct memory memory;
    struct bus pio, mmio;
    struct smp smp;
    struct irq *irq;
    struct ioapic *ioapic;
    struct cpus *cpus;
    struct chardev *serial_end;
    struct serial *serial;
    struct control *control;
    struct devices *devices;
    struct ged ged;
    struct cpuhp cpuhp;
    struct hotplug hotplug;
    struct power power;
    /** The tables, and the guest-physical address that they are at. */
    struct acpi_tables acpi;
    uint64_t acpi_base;

    enum vm_state state;
    /** Signalled when a vCPU's thread has become idle or ended, and when the state has changed. */
    pthread_cond_t idle, resumed;
    struct vm_listener listener;
    /* Requests, to be carried out by the main thread. */
    int wake;         /* eventfd */
    /* As soon as the lock is given up, it is to be written, and this thread (0: none) is to be
     * kicked out of the guest: before, they would only wait for the lock. */
    bool wake_wanted;
    pid_t kick_wanted;
    struct sd_event_source *wake_source;
    bool shutdown_requested, shutdown_by_guest;
    bool reset_requested, reset_by_guest, continue_after_reset;
    int failure;                 /* negative errno that ends the VM */
    struct cpuctl_error trouble; /* why a vCPU can not go on; its code is 0 when that is told */
    /** Tells the user what does not end the VM; in the main thread. */
    void (*complain)(const char *sentence);
};

/**
 * Creates the VM that @options describe, with everything in it, not yet running. @options must
 * outlive it; @complain tells the user what does not end the VM. Returns 0 or a negative errno with
 * a sentence.
 */
int vm_new(const struct options *options, void (*complain)(const char *sentence),
           struct vm **ret_vm, struct cpuctl_error *error);
/** Stops the vCPUs and frees everything; the lock must not be held. */
void vm_free(struct vm *vm);

/**
 * Runs the VM until it is shut down. Returns 0 after an orderly end, or a negative errno with a
 * sentence.
 */
int vm_run(struct vm *vm, struct cpuctl_error *error);

/** Ends the main loop soon. @guest: the guest asked for it (S5). Any thread, lock held. */
void vm_request_shutdown(struct vm *vm, bool guest);
/** Resets the VM soon. @guest: the guest asked for it. Any thread, lock held. */
void vm_request_reset(struct vm *vm, bool guest);
/** Ends the VM with @code (negative errno): its own state can not be relied on. Any thread, lock
 * held. */
void vm_fail(struct vm *vm, int code);
/** Pauses the VM until a reset: KVM can not run vCPU @index, @why is a part of a sentence. Any
 * thread, lock held. */
void vm_internal_error(struct vm *vm, unsigned int index, const char *why);

/** Lets the main thread look for what there is to do, once the lock is given up by vm_unlock() or
 * vm_wait(). Any thread, lock held. */
void vm_wake(struct vm *vm);
void vm_lock(struct vm *vm);
void vm_unlock(struct vm *vm);
/** Waits for @condition, without the lock meanwhile. */
void vm_wait(struct vm *vm, pthread_cond_t *condition);

/** Stops the vCPUs, or lets them go on. Main thread, lock held. Nothing happens when it is so. */
void vm_stop(struct vm *vm);
void vm_continue(struct vm *vm);

#endif
