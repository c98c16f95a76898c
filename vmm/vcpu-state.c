/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vCPU's state after power-on. */
#include "vcpu-state.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "kvm.h"
#include "libcpuctl/cleanup.h"

/* One part of the state and how it is read and written. */
#define PART(member, name)                                                                         \
    {                                                                                              \
        .get = KVM_GET_##name, .set = KVM_SET_##name,                                              \
        .offset = offsetof(struct vcpu_state, member),                                             \
    }

/* In the order in which they are written: the local APIC's mode is in sregs, and what it holds
 * comes after; events and the MP state last. */
static const struct {
    unsigned long get, set;
    size_t offset;
} parts[] = {
    PART(sregs, SREGS), PART(regs, REGS),          PART(fpu, FPU),     PART(debug, DEBUGREGS),
    PART(lapic, LAPIC), PART(events, VCPU_EVENTS), PART(mp, MP_STATE),
};

/* MSRs with a guest address in them (Documentation/virt/kvm/x86/msr.rst), and the timer. */
static const uint32_t cleared[] = {
    0x12,       /* MSR_KVM_SYSTEM_TIME */
    0x4b564d01, /* MSR_KVM_SYSTEM_TIME_NEW */
    0x4b564d02, /* MSR_KVM_ASYNC_PF_EN */
    0x4b564d03, /* MSR_KVM_STEAL_TIME */
    0x4b564d04, /* MSR_KVM_PV_EOI_EN */
    0x6e0,      /* IA32_TSC_DEADLINE */
};

int vcpu_state_get(int fd, struct vcpu_state *ret_state)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int r = kvm_call(fd, parts[i].get, (char *)ret_state + parts[i].offset);

        if (r < 0)
            return r;
    }
    return 0;
}

/* One by one: KVM stops at the first that this guest's CPUID does not allow. */
static void clear_msrs(int fd)
{
    size_t size = sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry);
    _cleanup_free_ struct kvm_msrs *msrs = calloc(1, size);

    for (size_t i = 0; msrs && i < sizeof(cleared) / sizeof(cleared[0]); i++) {
        msrs->nmsrs = 1;
        msrs->entries[0] = (struct kvm_msr_entry){ .index = cleared[i] };
        (void)kvm_call(fd, KVM_SET_MSRS, msrs);
    }
}

/*
 * On AMD hosts a triple fault leaves the vCPU with a cleared control block, and so without the
 * offset of its TSC (shutdown_interception() in arch/x86/kvm/svm/svm.c): the guest's clock would
 * jump by the host's uptime. KVM still knows the offset, and applies it when it is set to what it
 * is. Kernels before 5.16 can not be asked.
 */
static void apply_tsc_offset(int fd)
{
    uint64_t offset;
    struct kvm_device_attr attribute = {
        .group = KVM_VCPU_TSC_CTRL,
        .attr = KVM_VCPU_TSC_OFFSET,
        .addr = (uintptr_t)&offset,
    };

    if (kvm_call(fd, KVM_GET_DEVICE_ATTR, &attribute) == 0)
        (void)kvm_call(fd, KVM_SET_DEVICE_ATTR, &attribute);
}

int vcpu_state_set(int fd, const struct vcpu_state *state)
{
    clear_msrs(fd);
    apply_tsc_offset(fd);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int r = kvm_call(fd, parts[i].set, (char *)(uintptr_t)state + parts[i].offset);

        if (r < 0)
            return r;
    }
    return 0;
}
