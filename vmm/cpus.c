/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The possible CPUs of a VM. */
#include "cpus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"
#include "cpuid.h"
#include "fail.h"
#include "kvm.h"
#include "libcpuctl/cleanup.h"
#include "vcpu.h"
#include "vm.h"

struct cpus {
    struct vm *vm;
    struct cpuid cpuid;
    struct cpu *all;
    unsigned int count;
};

int cpus_new(struct vm *vm, const char *model, struct cpus **ret_cpus, struct cpuctl_error *error)
{
    struct cpus *cpus = calloc(1, sizeof(*cpus));
    int r;

    if (!cpus)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    cpus->vm = vm;
    cpus->count = vm->smp.maxcpus;
    cpus->all = calloc(cpus->count, sizeof(cpus->all[0]));
    r = cpus->all ? cpuid_new(&vm->kvm, model, &cpus->cpuid, error)
                  : cpuctl_error_set(error, -ENOMEM, "memory is short");
    if (r < 0) {
        cpus_free(cpus);
        return r;
    }
    for (unsigned int i = 0; i < cpus->count; i++) {
        cpus->all[i].index = i;
        cpus->all[i].apic_id = smp_apic_id(&vm->smp, i);
    }
    *ret_cpus = cpus;
    return 0;
}

void cpus_free(struct cpus *cpus)
{
    if (!cpus)
        return;
    for (unsigned int i = 0; cpus->all && i < cpus->count; i++)
        vcpu_free(cpus->all[i].vcpu);
    free(cpus->all);
    cpuid_free(&cpus->cpuid);
    free(cpus);
}

bool cpus_ext_dest_id(const struct cpus *cpus)
{
    return cpus->cpuid.ext_dest_id;
}

bool cpus_x2apic(const struct cpus *cpus)
{
    return cpus->cpuid.x2apic;
}

unsigned int cpus_count(const struct cpus *cpus)
{
    return cpus->count;
}

struct cpu *cpus_at(struct cpus *cpus, unsigned int index)
{
    return index < cpus->count ? &cpus->all[index] : NULL;
}

/* ---- adding ---- */

static int make_vcpu(struct cpus *cpus, struct cpu *cpu, bool announce, struct cpuctl_error *error)
{
    _cleanup_free_ struct kvm_cpuid2 *table = NULL;
    int r;

    if (cpu->vcpu)
        return 0;
    table = cpuid_of_vcpu(&cpus->cpuid, &cpus->vm->smp, cpu->index);
    if (!table)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    r = vcpu_new(cpus->vm, cpu->index, cpu->apic_id, table, &cpu->vcpu, error);
    if (r < 0 || !announce)
        return r;
    r = vcpu_announce(cpu->vcpu);
    if (r < 0)
        return fail_system(error, r, "vCPU %u: KVM_SET_LAPIC", cpu->index);
    return 0;
}

static int plug(struct cpus *cpus, unsigned int index, bool announce, struct cpuctl_error *error)
{
    struct cpu *cpu = cpus_at(cpus, index);
    int r;

    if (!cpu)
        return cpuctl_error_set(error, -ENOENT, "there is no CPU %u: this VM has at most %u", index,
                                cpus->count);
    if (cpu->enabled)
        return cpuctl_error_set(error, -EEXIST, "CPU %u is plugged already", index);
    if (cpu->parking)
        return cpuctl_error_set(error, -EBUSY, "CPU %u is still being ejected", index);
    r = make_vcpu(cpus, cpu, announce, error);
    if (r < 0)
        return r;
    r = cpus_forget(cpu);
    if (r < 0)
        return fail_system(error, r, "vCPU %u: it can not be reset", index);
    r = vcpu_start(cpu->vcpu);
    if (r < 0)
        return fail_system(error, r, "vCPU %u: its thread can not be started", index);
    cpu->enabled = true;
    cpu->request = CPU_REQUEST_NONE;
    cpu->phase = CPU_PHASE_NONE;
    cpu->ost_known = false;
    return 0;
}

int cpus_plug(struct cpus *cpus, unsigned int index, struct cpuctl_error *error)
{
    return plug(cpus, index, true, error);
}

/*
 * KVM chooses what the guest's clock is based on when a vCPU asks for it by running. Until then
 * each new one will ask, and every time KVM goes through all of them (kvm_track_tsc_matching() and
 * kvm_update_masterclock() in arch/x86/kvm/x86.c, Linux 6.7 and newer). It also chooses when the
 * clock is set: here to what it is. A KVM that can not do that has to be asked.
 */
static void settle_clock(int vm)
{
    struct kvm_clock_data clock = { 0 };

    if (kvm_call(vm, KVM_GET_CLOCK, &clock) < 0)
        return;
    clock.flags = 0;
    (void)kvm_call(vm, KVM_SET_CLOCK, &clock);
}

int cpus_plug_first(struct cpus *cpus, unsigned int count, struct cpuctl_error *error)
{
    int r = 0;

    /* One announcement for all of them. */
    for (unsigned int i = 0; r >= 0 && i < count; i++) {
        r = plug(cpus, i, i + 1 == count, error);
        /* It takes a vCPU to choose by. */
        if (i == 0 && count > 1)
            settle_clock(cpus->vm->fd);
    }
    return r;
}

/* ---- removing ---- */

void cpus_stop(struct cpus *cpus, struct cpu *cpu)
{
    cpu->parking = true;
    vcpu_end(cpu->vcpu);
    /* Otherwise its thread's end does that. */
    if (vcpu_ended(cpu->vcpu))
        vm_wake(cpus->vm);
}

bool cpus_park(struct cpu *cpu)
{
    if (!cpu->parking || !vcpu_ended(cpu->vcpu))
        return false;
    vcpu_join(cpu->vcpu);
    cpu->parking = false;
    cpu->stale = true;
    cpu->phase = CPU_PHASE_DONE;
    return true;
}

int cpus_forget(struct cpu *cpu)
{
    if (!cpu->stale)
        return 0;
    cpu->stale = false;
    return vcpu_reset(cpu->vcpu);
}

/* ---- all of them ---- */

void cpus_kick(struct cpus *cpus)
{
    for (unsigned int i = 0; i < cpus->count; i++)
        if (cpus->all[i].vcpu)
            vcpu_kick(cpus->all[i].vcpu);
}

void cpus_wait_idle(struct cpus *cpus)
{
    for (unsigned int i = 0; i < cpus->count; i++)
        while (cpus->all[i].vcpu && !vcpu_idle(cpus->all[i].vcpu))
            vm_wait(cpus->vm, &cpus->vm->idle);
}

int cpus_reset(struct cpus *cpus)
{
    for (unsigned int i = 0; i < cpus->count; i++) {
        struct cpu *cpu = &cpus->all[i];
        int r;

        if (!cpu->enabled)
            continue;
        r = vcpu_reset(cpu->vcpu);
        if (r < 0)
            return r;
    }
    return 0;
}

void cpus_end(struct cpus *cpus)
{
    for (unsigned int i = 0; i < cpus->count; i++)
        if (cpus->all[i].vcpu)
            vcpu_end(cpus->all[i].vcpu);
    for (unsigned int i = 0; i < cpus->count; i++) {
        struct vcpu *vcpu = cpus->all[i].vcpu;

        while (vcpu && !vcpu_ended(vcpu))
            vm_wait(cpus->vm, &cpus->vm->idle);
    }
}

void cpus_join(struct cpus *cpus)
{
    for (unsigned int i = 0; i < cpus->count; i++)
        if (cpus->all[i].vcpu)
            vcpu_join(cpus->all[i].vcpu);
}
