/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VM's life: the main loop, run states, reset and shutdown. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "boot.h"
#include "cpuctl.h"
#include "cpus.h"
#include "devices.h"
#include "fail.h"
#include "ioapic.h"
#include "options.h"
#include "serial.h"
#include "vcpu.h"
#include "vm-internal.h"
#include "vm.h"

/* How long the host's clients, who may wait for a processor, come before what can wait. */
#define SETTLE_USEC 1000U

void vm_wake(struct vm *vm)
{
    vm->wake_wanted = true;
}

void vm_lock(struct vm *vm)
{
    pthread_mutex_lock(&vm->lock);
}

static void tell(const struct vm *vm, bool wake, pid_t kick)
{
    if (wake)
        (void)eventfd_write(vm->wake, 1);
    if (kick != 0)
        vcpu_kick_thread(kick);
}

void vm_unlock(struct vm *vm)
{
    bool wake = vm->wake_wanted;
    pid_t kick = vm->kick_wanted;

    vm->wake_wanted = false;
    vm->kick_wanted = 0;
    pthread_mutex_unlock(&vm->lock);
    tell(vm, wake, kick);
}

void vm_wait(struct vm *vm, pthread_cond_t *condition)
{
    tell(vm, vm->wake_wanted, vm->kick_wanted);
    vm->wake_wanted = false;
    vm->kick_wanted = 0;
    pthread_cond_wait(condition, &vm->lock);
}

void vm_request_shutdown(struct vm *vm, bool guest)
{
    if (vm->shutdown_requested)
        return;
    vm->shutdown_requested = true;
    vm->shutdown_by_guest = guest;
    vm_wake(vm);
}

void vm_request_reset(struct vm *vm, bool guest)
{
    /* The vCPU that asked goes no further; it could only fault again. */
    if (guest && vm->state == VM_RUNNING) {
        vm->state = VM_PAUSED;
        vm->continue_after_reset = true;
        cpus_kick(vm->cpus);
    }
    if (!vm->reset_requested)
        vm->reset_by_guest = guest;
    vm->reset_requested = true;
    vm_wake(vm);
}

void vm_fail(struct vm *vm, int code)
{
    if (vm->failure == 0)
        vm->failure = code;
    vm_wake(vm);
}

void vm_internal_error(struct vm *vm, unsigned int index, const char *why)
{
    /* One is enough; and who is stopped already meets it again. */
    if (vm->state != VM_RUNNING)
        return;
    vm->state = VM_INTERNAL_ERROR;
    cpuctl_error_set(&vm->trouble, -EIO,
                     "vCPU %u can not go on: %s; the VM is paused until it is reset", index, why);
    cpus_kick(vm->cpus);
    vm_wake(vm);
}

static void set_state(struct vm *vm, enum vm_state state)
{
    vm->state = state;
    if (vm->listener.state_changed)
        vm->listener.state_changed(vm->listener.data, state);
}

void vm_stop(struct vm *vm)
{
    /* One that a reset of the guest's has paused would go on. */
    if (vm->state != VM_RUNNING && !vm->continue_after_reset)
        return;
    vm->continue_after_reset = false;
    set_state(vm, VM_PAUSED);
    cpus_kick(vm->cpus);
    cpus_wait_idle(vm->cpus);
    serial_flush(vm->serial);
}

void vm_continue(struct vm *vm)
{
    /* One that a reset of the guest's has paused goes on after it, by itself. */
    if ((vm->state != VM_PAUSED && vm->state != VM_PRELAUNCH) || vm->continue_after_reset)
        return;
    set_state(vm, VM_RUNNING);
    pthread_cond_broadcast(&vm->resumed);
}

/* The main thread's part of vm_internal_error(). */
static void tell_trouble(struct vm *vm)
{
    if (vm->trouble.code == 0)
        return;
    vm->complain(vm->trouble.text);
    vm->trouble.code = 0;
    cpus_wait_idle(vm->cpus);
    serial_flush(vm->serial);
    set_state(vm, VM_INTERNAL_ERROR);
}

/* ---- reset ---- */

/*
 * A removal that is pending is completed by it, as on hardware; the CPUs that are left are in the
 * tables that the next kernel reads.
 */
static int reset(struct vm *vm, struct cpuctl_error *error)
{
    int r;

    cpus_kick(vm->cpus);
    cpus_wait_idle(vm->cpus);
    vcpu_drain_writes(cpus_at(vm->cpus, 0)->vcpu);
    hotplug_reset(vm);
    cpus_wait_idle(vm->cpus);
    ged_reset(&vm->ged);
    vm->power.control = 0;
    serial_reset(vm->serial);
    devices_reset(vm->devices);
    ioapic_reset(vm->ioapic);
    r = cpus_reset(vm->cpus);
    if (r < 0)
        return fail_system(error, r, "a vCPU can not be reset");
    r = vm_build_acpi(vm, error);
    if (r < 0 || !vm->options->kernel)
        return r;
    return boot_load(vm, error);
}

static int carry_out_reset(struct vm *vm, struct cpuctl_error *error)
{
    bool running = vm->state == VM_RUNNING || vm->continue_after_reset;
    int r;

    /* As in QEMU: one that does not run begins anew, and waits for "cont". */
    vm->state = VM_PRELAUNCH;
    vm->continue_after_reset = false;
    r = reset(vm, error);
    /* This was also for vCPUs that asked until they stood still. */
    vm->reset_requested = false;
    if (r < 0)
        return r;
    if (running) {
        vm->state = VM_RUNNING;
        pthread_cond_broadcast(&vm->resumed);
    }
    /* Last: a client's next request may be carried out by it. */
    if (vm->listener.reset)
        vm->listener.reset(vm->listener.data, vm->reset_by_guest);
    return 0;
}

/* ---- the main loop ---- */

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *data)
{
    /* What there is to do is looked for after every event. */
    (void)source;
    (void)fd;
    (void)events;
    (void)data;
    return 0;
}

int vm_watch_wake(struct vm *vm, struct cpuctl_error *error)
{
    /* Each write to it is an edge: what it counts need not be read. */
    int r = sd_event_add_io(vm->event, &vm->wake_source, vm->wake, EPOLLIN | EPOLLET, on_wake, vm);

    return r < 0 ? cpuctl_error_set(error, r, "the event loop does not take an eventfd") : 0;
}

/* Gives up the lock while it waits for an event. */
static int wait_and_dispatch(struct vm *vm)
{
    uint64_t timeout = hotplug_unsettled(vm) ? SETTLE_USEC : UINT64_MAX;
    int r = sd_event_prepare(vm->event);

    if (r == 0) {
        vm_unlock(vm);
        r = sd_event_wait(vm->event, timeout);
        vm_lock(vm);
    }
    if (r > 0)
        r = sd_event_dispatch(vm->event);
    else if (r == 0)
        hotplug_settle(vm);
    return r == -EINTR ? 0 : r;
}

static int run(struct vm *vm, struct cpuctl_error *error)
{
    int r;

    if (!vm->options->stopped)
        vm_continue(vm);
    while (!vm->shutdown_requested) {
        r = wait_and_dispatch(vm);
        if (r >= 0)
            r = vm->failure;
        if (r < 0)
            return fail_system(error, r, "the VM can not go on");
        tell_trouble(vm);
        hotplug_dispatch(vm);
        if (vm->reset_requested && !vm->shutdown_requested) {
            r = carry_out_reset(vm, error);
            if (r < 0)
                return r;
        }
    }
    if (vm->listener.shutdown)
        vm->listener.shutdown(vm->listener.data, vm->shutdown_by_guest);
    vm_stop(vm);
    set_state(vm, VM_SHUTDOWN);
    return 0;
}

int vm_run(struct vm *vm, struct cpuctl_error *error)
{
    int r;

    vm_lock(vm);
    r = run(vm, error);
    vm_unlock(vm);
    return r;
}
