/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU hotplug as the host sees it. */
#include "hotplug.h"

#include <errno.h>

#include "cpuctl.h"
#include "cpu-request.h"
#include "cpus.h"
#include "layout.h"
#include "vm.h"

/* ---- what the controller wants; in the thread of the vCPU that writes its registers ---- */

static struct cpu *at(void *opaque, unsigned int index)
{
    struct vm *vm = opaque;

    return cpus_at(vm->cpus, index);
}

static void add_report(struct vm *vm, const struct hotplug_report *report)
{
    struct hotplug *hotplug = &vm->hotplug;

    if (hotplug->count == HOTPLUG_REPORTS) {
        hotplug->first = (hotplug->first + 1) % HOTPLUG_REPORTS;
        hotplug->count--;
    }
    hotplug->reports[(hotplug->first + hotplug->count++) % HOTPLUG_REPORTS] = *report;
    vm_wake(vm);
}

static void eject(void *opaque, unsigned int index)
{
    struct vm *vm = opaque;
    struct cpu *cpu = cpus_at(vm->cpus, index);

    /* One that nobody asked for is ignored. */
    if (removal_eject(cpu) >= 0)
        cpus_stop(vm->cpus, cpu);
}

static void ost(void *opaque, unsigned int index, uint32_t source, uint32_t status)
{
    struct vm *vm = opaque;
    struct cpu *cpu = cpus_at(vm->cpus, index);

    cpu_request_ost(cpu, source, status);
    add_report(vm,
               &(struct hotplug_report){
                   .ejected = cpu->parking, .index = index, .source = source, .status = status });
}

static const struct cpuhp_ops ops = { .at = at, .eject = eject, .ost = ost };

/* ---- the host's side ---- */

int hotplug_init(struct vm *vm, struct cpuctl_error *error)
{
    int r;

    vm->cpuhp = (struct cpuhp){ .count = cpus_count(vm->cpus), .ops = &ops, .opaque = vm };
    r = bus_add(&vm->pio, LAYOUT_CPUHP, LAYOUT_CPUHP_SIZE, &cpuhp_bus_ops, &vm->cpuhp);
    if (r < 0)
        return cpuctl_error_set(error, r, "the CPU hotplug controller finds no place on the bus");
    return 0;
}

static int find(struct vm *vm, unsigned int index, struct cpu **ret_cpu, struct cpuctl_error *error)
{
    *ret_cpu = cpus_at(vm->cpus, index);
    if (*ret_cpu && (*ret_cpu)->enabled)
        return 0;
    return cpuctl_error_set(error, -ENOENT, "CPU %u is not plugged", index);
}

int hotplug_plug(struct vm *vm, unsigned int index, struct cpuctl_error *error)
{
    int r = cpus_plug(vm->cpus, index, error);

    if (r < 0)
        return r;
    insertion_request(cpus_at(vm->cpus, index));
    ged_raise(&vm->ged, GED_CPU_HOTPLUG);
    return 0;
}

int hotplug_unplug(struct vm *vm, unsigned int index, struct cpuctl_error *error)
{
    struct cpu *cpu;
    int r = find(vm, index, &cpu, error);

    if (r < 0)
        return r;
    r = removal_request(cpu);
    if (r < 0)
        return cpuctl_error_set(error, r, "CPU %u is the boot CPU and can not be removed", index);
    if (r > 0)
        ged_raise(&vm->ged, GED_CPU_HOTPLUG);
    return 0;
}

int hotplug_withdraw(struct vm *vm, unsigned int index, struct cpuctl_error *error)
{
    struct cpu *cpu;
    int r = find(vm, index, &cpu, error);

    if (r < 0)
        return r;
    r = removal_withdraw(cpu);
    if (r < 0)
        return cpuctl_error_set(error, r,
                                "it is too late to withdraw the removal of CPU %u: the guest has "
                                "seen it",
                                index);
    return 0;
}

void hotplug_reset(struct vm *vm)
{
    for (unsigned int i = 0; i < cpus_count(vm->cpus); i++) {
        struct cpu *cpu = cpus_at(vm->cpus, i);

        /* What was refused stays, whatever the guest would have answered to another request. */
        if (cpu->enabled && cpu->removal_requested && cpu->phase != CPU_PHASE_REJECTED)
            eject(vm, i);
        insertion_complete(cpu);
        cpu->insert_event = cpu->remove_event = cpu->removal_requested = false;
    }
    cpuhp_reset(&vm->cpuhp);
}

static void park(struct vm *vm, unsigned int index)
{
    const struct hotplug_listener *listener = &vm->hotplug.listener;

    if (!cpus_park(cpus_at(vm->cpus, index)))
        return;
    if (listener->deleted)
        listener->deleted(listener->data, index);
}

/* Reports the oldest; false if it has to wait for a thread's end, which wakes us. */
static bool dispatch_first(struct vm *vm)
{
    const struct hotplug_listener *listener = &vm->hotplug.listener;
    struct hotplug *hotplug = &vm->hotplug;
    struct hotplug_report report = hotplug->reports[hotplug->first];

    if (report.ejected) {
        park(vm, report.index);
        if (cpus_at(vm->cpus, report.index)->parking)
            return false;
    }
    hotplug->first = (hotplug->first + 1) % HOTPLUG_REPORTS;
    hotplug->count--;
    if (listener->ost)
        listener->ost(listener->data, report.index, report.source, report.status);
    return true;
}

/* As in QEMU the guest's word on a finished eject follows the device's end, and its words before
 * come before. */
void hotplug_dispatch(struct vm *vm)
{
    while (vm->hotplug.count > 0)
        if (!dispatch_first(vm))
            return;
    for (unsigned int i = 0; i < cpus_count(vm->cpus); i++)
        park(vm, i);
}

bool hotplug_unsettled(struct vm *vm)
{
    for (unsigned int i = 0; i < cpus_count(vm->cpus); i++)
        if (cpus_at(vm->cpus, i)->stale)
            return true;
    return false;
}

void hotplug_settle(struct vm *vm)
{
    for (unsigned int i = 0; i < cpus_count(vm->cpus); i++) {
        int r = cpus_forget(cpus_at(vm->cpus, i));

        if (r < 0)
            vm_fail(vm, r);
    }
}
