/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exits that a vCPU can not go on from, in words. */
#include "main.h"

#include <linux/kvm.h>
#include <string.h>

#include "vmm/exit-reason.h"

static const struct {
    struct kvm_run run;
    const char *text;
} cases[] = {
    { { .exit_reason = KVM_EXIT_INTERNAL_ERROR,
        .internal = { .suberror = KVM_INTERNAL_ERROR_EMULATION } },
      "KVM's internal error 1 (an instruction can not be emulated)" },
    { { .exit_reason = KVM_EXIT_INTERNAL_ERROR,
        .internal = { .suberror = KVM_INTERNAL_ERROR_DELIVERY_EV,
                      .ndata = 2,
                      .data = { 0x80000b0e, 0x31 } } },
      "KVM's internal error 3 (an exit while an event was delivered), data 0x80000b0e 0x31" },
    { { .exit_reason = KVM_EXIT_INTERNAL_ERROR, .internal = { .suberror = 0 } },
      "KVM's internal error 0 (unknown)" },
    { { .exit_reason = KVM_EXIT_INTERNAL_ERROR, .internal = { .suberror = UINT32_MAX } },
      "KVM's internal error 4294967295 (unknown)" },
    { { .exit_reason = KVM_EXIT_FAIL_ENTRY,
        .fail_entry = { .hardware_entry_failure_reason = 0x80000021 } },
      "the processor refused to enter the guest, hardware reason 0x80000021" },
    { { .exit_reason = KVM_EXIT_DCR }, "an exit that cpuvmm does not know, number 15" },
};

START_TEST(reasons)
{
    char text[160];

    exit_reason(&cases[_i].run, text, sizeof(text));
    ck_assert_str_eq(text, cases[_i].text);
}
END_TEST

/* More data than there is room for, on both sides. */
START_TEST(too_much)
{
    struct kvm_run run = {
        .exit_reason = KVM_EXIT_INTERNAL_ERROR,
        .internal = { .suberror = 1, .ndata = UINT32_MAX },
    };
    char text[160], small[8];

    memset(run.internal.data, 0xff, sizeof(run.internal.data));
    exit_reason(&run, text, sizeof(text));
    ck_assert_uint_lt(strlen(text), sizeof(text));
    exit_reason(&run, small, sizeof(small));
    ck_assert_str_eq(small, "KVM's i");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-exit-reason");
    TCase *core = tcase_create("reasons");

    tcase_add_loop_test(core, reasons, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(core, too_much);
    suite_add_tcase(suite, core);
    return suite;
}
