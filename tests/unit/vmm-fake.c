/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VM that exists only as numbers. */
#include "vmm-fake.h"

#include <errno.h>

#include "cpuctl.h"

static enum vm_state state(void *vm)
{
    return ((struct fake_vm *)vm)->state;
}

static void set_state(struct fake_vm *fake, enum vm_state state)
{
    if (fake->state == state)
        return;
    fake->state = state;
    control_state_changed(fake->control, state);
}

static void stop(void *vm)
{
    struct fake_vm *fake = vm;

    if (fake->state == VM_RUNNING)
        set_state(fake, VM_PAUSED);
}

static void resume(void *vm)
{
    set_state(vm, VM_RUNNING);
}

static void powerdown(void *vm)
{
    ((struct fake_vm *)vm)->powerdowns++;
}

static void reset(void *vm)
{
    ((struct fake_vm *)vm)->resets++;
}

static void quit(void *vm)
{
    ((struct fake_vm *)vm)->quits++;
}

static void get_cpu(void *vm, unsigned int index, struct control_cpu *ret_cpu)
{
    *ret_cpu = ((struct fake_vm *)vm)->cpus[index];
}

static int plug(void *vm, unsigned int index, struct cpuctl_error *error)
{
    struct fake_vm *fake = vm;

    if (fake->plug_result < 0)
        return cpuctl_error_set(error, fake->plug_result, "no CPU %u today", index);
    fake->cpus[index] = (struct control_cpu){ .present = true, .thread_id = 1000 + (int)index };
    return 0;
}

static int unplug(void *vm, unsigned int index, struct cpuctl_error *error)
{
    struct fake_vm *fake = vm;

    if (index == 0)
        return cpuctl_error_set(error, -EPERM, "CPU 0 stays");
    if (!fake->cpus[index].present)
        return cpuctl_error_set(error, -ENOENT, "CPU %u is not there", index);
    fake->unplugs++;
    fake->cpus[index].request = CPU_REQUEST_REMOVAL;
    fake->cpus[index].phase = CPU_PHASE_REQUESTED;
    return 0;
}

static int withdraw(void *vm, unsigned int index, struct cpuctl_error *error)
{
    struct fake_vm *fake = vm;

    if (fake->withdraw_result < 0)
        return cpuctl_error_set(error, fake->withdraw_result, "too late for CPU %u", index);
    fake->withdrawals++;
    fake->cpus[index].request = CPU_REQUEST_NONE;
    fake->cpus[index].phase = CPU_PHASE_NONE;
    return 0;
}

static int node(void *vm, unsigned int index)
{
    return ((struct fake_vm *)vm)->numa ? (int)index / 2 : -1;
}

static bool get_chardev(void *vm, unsigned int number, struct control_chardev *ret_chardev)
{
    (void)vm;
    if (number > 0)
        return false;
    *ret_chardev = (struct control_chardev){ .label = "serial0", .filename = "pty:/dev/pts/3" };
    return true;
}

bool fake_carry_out(struct fake_vm *fake)
{
    bool any = fake->resets > 0 || fake->quits > 0;

    /* In this order: what waits behind the reply is begun by it. */
    if (fake->resets > 0) {
        fake->resets = 0;
        control_reset(fake->control, false);
    } else if (fake->quits > 0) {
        fake->quits = 0;
        control_shutdown(fake->control, false);
    }
    return any;
}

const struct control_ops fake_ops = {
    .state = state,
    .stop = stop,
    .resume = resume,
    .powerdown = powerdown,
    .reset = reset,
    .quit = quit,
    .get_cpu = get_cpu,
    .plug = plug,
    .unplug = unplug,
    .withdraw = withdraw,
    .node = node,
    .get_chardev = get_chardev,
};
