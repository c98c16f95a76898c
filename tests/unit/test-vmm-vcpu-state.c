/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vCPU's state after power-on: nothing of an earlier life is left. On this machine's KVM. */
#include "main.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libcpuctl/cleanup.h"
#include "vmm/kvm.h"
#include "vmm/vcpu-state.h"

#define LSTAR 0xc0000082U
#define PAT   0x277U

#define XCR0_AVX 0x7U
/* Where XSAVE puts them, in words of four bytes (Intel SDM volume 1, 13.4). */
enum { XMM0 = 160 / 4, XSTATE_BV = 512 / 4, YMM0_HIGH = 576 / 4 };

static struct kvm_host host;
static int vm, vcpu;

/* Returns whether there is a KVM. */
static bool setup(void)
{
    _cleanup_free_ struct kvm_cpuid2 *cpuid = NULL;

    if (kvm_host_open(NULL, &host) < 0)
        return false;
    vm = kvm_create_vm(&host);
    ck_assert_int_ge(vm, 0);
    ck_assert_int_eq(kvm_vm_enable(vm, KVM_CAP_SPLIT_IRQCHIP, 24, 0), 0);
    vcpu = kvm_call_value(vm, KVM_CREATE_VCPU, 0);
    ck_assert_int_ge(vcpu, 0);
    ck_assert_int_eq(kvm_supported_cpuid(&host, &cpuid), 0);
    ck_assert_int_eq(kvm_call(vcpu, KVM_SET_CPUID2, cpuid), 0);
    return true;
}

static void teardown(void)
{
    close(vcpu);
    close(vm);
    kvm_host_close(&host);
}

static uint64_t msr(uint32_t index, uint64_t *value)
{
    _cleanup_free_ struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + sizeof(struct kvm_msr_entry));

    ck_assert_ptr_nonnull(msrs);
    msrs->nmsrs = 1;
    msrs->entries[0].index = index;
    if (value) {
        msrs->entries[0].data = *value;
        ck_assert_int_eq(kvm_call(vcpu, KVM_SET_MSRS, msrs), 1);
    }
    ck_assert_int_eq(kvm_call(vcpu, KVM_GET_MSRS, msrs), 1);
    return msrs->entries[0].data;
}

START_TEST(extended_registers)
{
    static struct kvm_xsave area, before;
    struct kvm_xcrs xcrs;
    struct vcpu_state state;

    if (!setup())
        unit_skip("/dev/kvm can not be opened");
    ck_assert_int_eq(vcpu_state_get(vcpu, &state), 0);
    if (!state.has_xcr) {
        teardown();
        unit_skip("this processor has no XSAVE");
    }
    ck_assert_int_eq(kvm_call(vcpu, KVM_GET_XSAVE, &before), 0);
    xcrs = (struct kvm_xcrs){ .nr_xcrs = 1, .xcrs = { { .value = XCR0_AVX } } };
    if (kvm_call(vcpu, KVM_SET_XCRS, &xcrs) < 0) {
        teardown();
        unit_skip("this processor has no AVX");
    }
    area = before;
    area.region[XSTATE_BV] |= XCR0_AVX;
    area.region[XMM0] = area.region[YMM0_HIGH] = 0x5ec7e7;
    ck_assert_int_eq(kvm_call(vcpu, KVM_SET_XSAVE, &area), 0);
    ck_assert_int_eq(kvm_call(vcpu, KVM_GET_XSAVE, &area), 0);
    ck_assert_uint_eq(area.region[YMM0_HIGH], 0x5ec7e7);

    ck_assert_int_eq(vcpu_state_set(vcpu, &state), 0);
    ck_assert_int_eq(kvm_call(vcpu, KVM_GET_XCRS, &xcrs), 0);
    ck_assert_uint_eq(xcrs.xcrs[0].value, 1);
    ck_assert_int_eq(kvm_call(vcpu, KVM_GET_XSAVE, &area), 0);
    ck_assert_uint_eq(area.region[XMM0], 0);
    ck_assert_uint_eq(area.region[YMM0_HIGH], 0);
    ck_assert_uint_eq(area.region[0] & 0xffff, 0x37f);
    ck_assert_uint_eq(area.region[6], 0x1f80);
    teardown();
}
END_TEST

START_TEST(model_specific_registers)
{
    uint64_t address = 0xffffffff81000000, types = 0x0407050600070106, pat;
    struct vcpu_state state;

    if (!setup())
        unit_skip("/dev/kvm can not be opened");
    ck_assert_int_eq(vcpu_state_get(vcpu, &state), 0);
    pat = msr(PAT, NULL);
    ck_assert_uint_eq(msr(LSTAR, &address), address);
    ck_assert_uint_eq(msr(PAT, &types), types);
    ck_assert_int_eq(vcpu_state_set(vcpu, &state), 0);
    ck_assert_uint_eq(msr(LSTAR, NULL), 0);
    ck_assert_uint_eq(msr(PAT, NULL), pat);
    teardown();
}
END_TEST

START_TEST(registers)
{
    struct kvm_regs regs, first;
    struct vcpu_state state;

    if (!setup())
        unit_skip("/dev/kvm can not be opened");
    ck_assert_int_eq(vcpu_state_get(vcpu, &state), 0);
    ck_assert_int_eq(kvm_call(vcpu, KVM_GET_REGS, &first), 0);
    regs = first;
    regs.rax = regs.r15 = regs.rip = 0x1234;
    ck_assert_int_eq(kvm_call(vcpu, KVM_SET_REGS, &regs), 0);
    ck_assert_int_eq(vcpu_state_set(vcpu, &state), 0);
    ck_assert_int_eq(kvm_call(vcpu, KVM_GET_REGS, &regs), 0);
    ck_assert_mem_eq(&regs, &first, sizeof(regs));
    teardown();
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-vcpu-state");
    TCase *core = tcase_create("state");

    tcase_add_test(core, extended_registers);
    tcase_add_test(core, model_specific_registers);
    tcase_add_test(core, registers);
    suite_add_tcase(suite, core);
    return suite;
}
