/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exits that a vCPU can not go on from (Documentation/virt/kvm/api.rst, section 5). */
#include "exit-reason.h"

#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>

#define DATA_MAX (sizeof(((struct kvm_run *)0)->internal.data) / sizeof(uint64_t))

static const char *const suberrors[] = {
    [KVM_INTERNAL_ERROR_EMULATION] = "an instruction can not be emulated",
    [KVM_INTERNAL_ERROR_SIMUL_EX] = "two exceptions at once",
    [KVM_INTERNAL_ERROR_DELIVERY_EV] = "an exit while an event was delivered",
    [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "an exit that KVM does not know",
};

/* KVM's data as they are: what they mean depends on the suberror and the kernel's version. */
static void internal_error(const struct kvm_run *run, char *text, size_t size)
{
    uint32_t suberror = run->internal.suberror;
    const char *meaning = suberror < sizeof(suberrors) / sizeof(suberrors[0]) && suberrors[suberror]
                              ? suberrors[suberror]
                              : "unknown";
    int used = snprintf(text, size, "KVM's internal error %u (%s)", suberror, meaning);

    for (uint32_t i = 0; i < run->internal.ndata && i < DATA_MAX && used > 0; i++) {
        if ((size_t)used >= size)
            return;
        used += snprintf(text + used, size - (size_t)used, "%s0x%llx", i == 0 ? ", data " : " ",
                         (unsigned long long)run->internal.data[i]);
    }
}

void exit_reason(const struct kvm_run *run, char *text, size_t size)
{
    switch (run->exit_reason) {
    case KVM_EXIT_INTERNAL_ERROR:
        internal_error(run, text, size);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        snprintf(text, size, "the processor refused to enter the guest, hardware reason 0x%llx",
                 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
        break;
    default:
        snprintf(text, size, "an exit that cpuvmm does not know, number %u", run->exit_reason);
        break;
    }
}
