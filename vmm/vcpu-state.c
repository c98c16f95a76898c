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
    PART(sregs, SREGS), PART(regs, REGS),          PART(debug, DEBUGREGS),
    PART(lapic, LAPIC), PART(events, VCPU_EVENTS), PART(mp, MP_STATE),
};

/* MSRs that INIT leaves as they are, with their values after power-on (Intel SDM volume 3, table
 * 10-1; volume 4). KVM's own have a guest address in them (Documentation/virt/kvm/x86/msr.rst). */
static const struct {
    uint32_t index;
    uint64_t value;
} msrs[] = {
    { 0x12, 0 },       /* MSR_KVM_SYSTEM_TIME */
    { 0x4b564d01, 0 }, /* MSR_KVM_SYSTEM_TIME_NEW */
    { 0x4b564d02, 0 }, /* MSR_KVM_ASYNC_PF_EN */
    { 0x4b564d03, 0 }, /* MSR_KVM_STEAL_TIME */
    { 0x4b564d04, 0 }, /* MSR_KVM_PV_EOI_EN */
    { 0x6e0, 0 },      /* IA32_TSC_DEADLINE */
    { 0x48, 0 },       /* IA32_SPEC_CTRL */
    { 0x174, 0 },      /* IA32_SYSENTER_CS, ESP, EIP */
    { 0x175, 0 },
    { 0x176, 0 },
    { 0x1d9, 0 },                  /* IA32_DEBUGCTL */
    { 0x277, 0x0007040600070406 }, /* IA32_PAT */
    { 0xda0, 0 },                  /* IA32_XSS */
    { 0xc0000081, 0 },             /* IA32_STAR, LSTAR, CSTAR, FMASK */
    { 0xc0000082, 0 },
    { 0xc0000083, 0 },
    { 0xc0000084, 0 },
    { 0xc0000102, 0 }, /* IA32_KERNEL_GS_BASE */
    { 0xc0000103, 0 }, /* IA32_TSC_AUX */
};

int vcpu_state_get(int fd, struct vcpu_state *ret_state)
{
    struct kvm_xcrs xcrs = { 0 };

    /* Without XSAVE there are none. */
    ret_state->has_xcr = kvm_call(fd, KVM_GET_XCRS, &xcrs) == 0 && xcrs.nr_xcrs > 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int r = kvm_call(fd, parts[i].get, (char *)ret_state + parts[i].offset);

        if (r < 0)
            return r;
    }
    return 0;
}

/* KVM stops at the first that this guest's CPUID does not allow: it is left out. */
static void set_msrs(int fd)
{
    size_t count = sizeof(msrs) / sizeof(msrs[0]);
    _cleanup_free_ struct kvm_msrs *all =
        calloc(1, sizeof(*all) + count * sizeof(struct kvm_msr_entry));
    size_t next = 0;

    while (all && next < count) {
        int done;

        all->nmsrs = (uint32_t)(count - next);
        for (size_t i = next; i < count; i++)
            all->entries[i - next] =
                (struct kvm_msr_entry){ .index = msrs[i].index, .data = msrs[i].value };
        done = kvm_call_value(fd, KVM_SET_MSRS, (uintptr_t)all);
        next += done < 0 ? count : (size_t)done + 1;
    }
}

/* All registers of x87, SSE, AVX and what follows, and PKRU: with XSTATE_BV 0 each part has its
 * initial value (SDM volume 1, 13.6), and so is XCR0. */
static int clear_extended(int fd, bool has_xcr)
{
    struct kvm_xsave area = { .region = { [0] = 0x37f, [6] = 0x1f80 } }; /* FCW, MXCSR */
    struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = 1 } } };
    int r = kvm_call(fd, KVM_SET_XSAVE, &area);

    return r < 0 || !has_xcr ? r : kvm_call(fd, KVM_SET_XCRS, &xcrs);
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
    int r;

    set_msrs(fd);
    apply_tsc_offset(fd);
    r = clear_extended(fd, state->has_xcr);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        r = kvm_call(fd, parts[i].set, (char *)(uintptr_t)state + parts[i].offset);

        if (r < 0)
            return r;
    }
    return 0;
}
