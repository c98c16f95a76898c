/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Joins the control socket (control.h) to a VM. */
#include "control-vm.h"

#include "chardev.h"
#include "console-port.h"
#include "control.h"
#include "cpuctl.h"
#include "cpus.h"
#include "devices.h"
#include "options.h"
#include "vcpu.h"
#include "vm.h"

/* ---- what commands do ---- */

static enum vm_state get_state(void *data)
{
    const struct vm *vm = data;

    return vm->state;
}

static void stop(void *data)
{
    vm_stop(data);
}

static void resume(void *data)
{
    vm_continue(data);
}

static void powerdown(void *data)
{
    struct vm *vm = data;

    ged_raise(&vm->ged, GED_POWER_BUTTON);
}

static void reset(void *data)
{
    vm_request_reset(data, false);
}

static void quit(void *data)
{
    vm_request_shutdown(data, false);
}

static void get_cpu(void *data, unsigned int index, struct control_cpu *ret_cpu)
{
    struct vm *vm = data;
    const struct cpu *cpu = cpus_at(vm->cpus, index);

    *ret_cpu = (struct control_cpu){
        .present = cpu->enabled,
        .thread_id = cpu->enabled ? vcpu_thread_id(cpu->vcpu) : 0,
        .ost_known = cpu->ost_known,
        .ost_source = cpu->ost_known ? cpu->ost_event : 0,
        .ost_status = cpu->ost_known ? cpu->ost_status : 0,
        .request = cpu->request,
        .phase = cpu->phase,
    };
}

static int plug(void *data, unsigned int index, struct cpuctl_error *error)
{
    return hotplug_plug(data, index, error);
}

static int unplug(void *data, unsigned int index, struct cpuctl_error *error)
{
    return hotplug_unplug(data, index, error);
}

static int withdraw(void *data, unsigned int index, struct cpuctl_error *error)
{
    return hotplug_withdraw(data, index, error);
}

static int get_node(void *data, unsigned int index)
{
    const struct vm *vm = data;
    const struct numa *numa = &vm->options->numa;

    return numa->count > 0 ? (int)numa->cpu_nodes[index] : -1;
}

static bool get_chardev(void *data, unsigned int number, struct control_chardev *ret_chardev)
{
    const struct vm *vm = data;
    const struct console_port *port;

    if (number > 0) {
        port = devices_port(vm->devices, number - 1);
        if (port)
            *ret_chardev = (struct control_chardev){
                .label = console_port_name(port),
                .filename = console_port_end(port),
                .frontend_open = console_port_is_open(port),
            };
        return port != NULL;
    }
    *ret_chardev = (struct control_chardev){
        .label = "serial0",
        .filename = chardev_name(vm->serial_end),
        .frontend_open = true,
    };
    return true;
}

static const struct control_ops ops = {
    .state = get_state,
    .stop = stop,
    .resume = resume,
    .powerdown = powerdown,
    .reset = reset,
    .quit = quit,
    .get_cpu = get_cpu,
    .plug = plug,
    .unplug = unplug,
    .withdraw = withdraw,
    .node = get_node,
    .get_chardev = get_chardev,
};

/* ---- what happens to the VM ---- */

static void on_state(void *data, enum vm_state state)
{
    control_state_changed(data, state);
}

static void on_reset(void *data, bool guest)
{
    control_reset(data, guest);
}

static void on_shutdown(void *data, bool guest)
{
    control_shutdown(data, guest);
}

static void on_deleted(void *data, unsigned int index)
{
    control_cpu_deleted(data, index);
}

static void on_ost(void *data, unsigned int index, uint32_t source, uint32_t status)
{
    control_cpu_ost(data, index, source, status);
}

int control_vm_new(struct vm *vm, struct cpuctl_error *error)
{
    const struct control_config config = {
        .path = vm->options->qmp,
        .name = vm->options->name,
        .model = vm->options->cpu,
        .smp = vm->smp,
        .ops = &ops,
        .vm = vm,
    };
    int r = control_new(vm->event, &config, &vm->control, error);

    if (r < 0)
        return r;
    vm->listener = (struct vm_listener){
        .state_changed = on_state,
        .reset = on_reset,
        .shutdown = on_shutdown,
        .data = vm->control,
    };
    vm->hotplug.listener = (struct hotplug_listener){
        .deleted = on_deleted,
        .ost = on_ost,
        .data = vm->control,
    };
    return 0;
}
