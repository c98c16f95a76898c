/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions of cpuvmm that the linker lets us go before (--wrap): for APIC IDs that no topology
 * has, and to see what happens without one of its steps.
 */
#include "micro-wrap.h"

#include <time.h>

#include "micro.h"
#include "vmm/kvm.h"
#include "vmm/msi.h"
#include "vmm/smp.h"

static struct micro_config current;
static struct micro_times times;
static int64_t others_before, walks;

uint32_t __real_smp_apic_id(const struct smp *smp, unsigned int index);
uint32_t __wrap_smp_apic_id(const struct smp *smp, unsigned int index);
uint32_t __real_smp_apic_id_max(const struct smp *smp);
uint32_t __wrap_smp_apic_id_max(const struct smp *smp);
uint64_t __real_msi_convert_ext_dest(uint64_t address);
uint64_t __wrap_msi_convert_ext_dest(uint64_t address);
int __real_kvm_vm_enable(int vm, uint32_t capability, uint64_t arg0, uint64_t arg1);
int __wrap_kvm_vm_enable(int vm, uint32_t capability, uint64_t arg0, uint64_t arg1);
int __real_kvm_call_value(int fd, unsigned long request, unsigned long value);
int __wrap_kvm_call_value(int fd, unsigned long request, unsigned long value);
int __real_cpus_plug_first(struct cpus *cpus, unsigned int count, struct cpuctl_error *error);
int __wrap_cpus_plug_first(struct cpus *cpus, unsigned int count, struct cpuctl_error *error);
int __real_kvm_call(int fd, unsigned long request, void *argument);
int __wrap_kvm_call(int fd, unsigned long request, void *argument);

static int64_t read_clock(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* The processor's time that this thread has used: on a loaded machine, too. */
static int64_t used(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* As all threads but this one: it only looks whether the others are there. */
static int64_t used_by_others(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID) - used();
}

struct micro_times micro_times(void)
{
    return times;
}

void micro_wrap_set(const struct micro_config *config)
{
    current = *config;
    times = (struct micro_times){ 0 };
    others_before = used_by_others();
}

void micro_wrap_started(void)
{
    times.start = used_by_others() - others_before;
}

void micro_make_whole(void)
{
    current.without = MICRO_COMPLETE;
}

uint32_t __wrap_smp_apic_id(const struct smp *smp, unsigned int index)
{
    return current.ids ? current.ids[index] : __real_smp_apic_id(smp, index);
}

uint32_t __wrap_smp_apic_id_max(const struct smp *smp)
{
    uint32_t highest = current.ids ? 0 : __real_smp_apic_id_max(smp);

    for (unsigned int i = 0; current.ids && i < current.count; i++)
        if (current.ids[i] > highest)
            highest = current.ids[i];
    return highest;
}

uint64_t __wrap_msi_convert_ext_dest(uint64_t address)
{
    return current.without == MICRO_WITHOUT_CONVERSION ? address
                                                       : __real_msi_convert_ext_dest(address);
}

int __wrap_kvm_vm_enable(int vm, uint32_t capability, uint64_t arg0, uint64_t arg1)
{
    if (capability == KVM_CAP_X2APIC_API && current.without == MICRO_WITHOUT_X2APIC_API)
        return 0;
    if (capability == KVM_CAP_X2APIC_API && current.without == MICRO_WITH_QUIRK)
        arg0 &= ~(uint64_t)KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
    if (capability == KVM_CAP_MAX_VCPU_ID && current.without == MICRO_WITHOUT_LOWERING)
        return 0;
    return __real_kvm_vm_enable(vm, capability, arg0, arg1);
}

int __wrap_kvm_call(int fd, unsigned long request, void *argument)
{
    int64_t start = used();
    int r;

    if (request == KVM_SET_LAPIC && current.without == MICRO_WITHOUT_SET_LAPIC)
        return 0;
    r = __real_kvm_call(fd, request, argument);
    if (request == KVM_SET_SREGS)
        walks += used() - start;
    return r;
}

int __wrap_kvm_call_value(int fd, unsigned long request, unsigned long value)
{
    int64_t start = used();
    int r = __real_kvm_call_value(fd, request, value);

    if (request == KVM_CREATE_VCPU)
        walks += used() - start;
    return r;
}

int __wrap_cpus_plug_first(struct cpus *cpus, unsigned int count, struct cpuctl_error *error)
{
    int64_t start = used(), walks_before = walks;
    int r = __real_cpus_plug_first(cpus, count, error);

    times.plug = used() - start;
    times.walks = walks - walks_before;
    return r;
}
