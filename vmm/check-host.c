/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --check-host: what an administrator looks up by hand before starting VMs. */
#include "check-host.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"
#include "kvm.h"
#include "libcpuctl/cleanup.h"

#define CPUINFO_LIMIT (1U << 20)

static struct cpuctl_root *open_root(void)
{
    struct cpuctl_root *root = NULL;

    return cpuctl_root_open(NULL, &root, NULL) < 0 ? NULL : root;
}

/* Whether a line of /proc/cpuinfo that begins with "flags" or "vmx flags" has @word. */
static bool has_flag(const char *cpuinfo, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(cpuinfo, word); at; at = strstr(at + 1, word))
        if ((at == cpuinfo || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\n'))
            return true;
    return false;
}

static void say_flag(const char *what, const char *cpuinfo, const char *intel, const char *amd)
{
    bool first = has_flag(cpuinfo, intel), second = has_flag(cpuinfo, amd);

    printf("%-16s %s\n", what, first ? intel : second ? amd : "no");
}

static void say_setting(struct cpuctl_root *root, const char *what, const char *path)
{
    char *text = NULL;

    if (cpuctl_root_read(root, path, 4096, &text, NULL) >= 0)
        printf("%-16s %.*s\n", what, (int)strcspn(text, "\n"), text);
    free(text);
}

static void say_limits(const struct kvm_host *host)
{
    printf(
        "%-16s %u recommended (KVM_CAP_NR_VCPUS), %u at most (KVM_CAP_MAX_VCPUS), APIC IDs below "
        "%u (KVM_CAP_MAX_VCPU_ID)\n",
        "vCPUs", host->nr_vcpus, host->max_vcpus, host->max_vcpu_id);
    printf("%-16s %s\n", "above 255",
           kvm_check(host->fd, KVM_CAP_SPLIT_IRQCHIP) > 0 &&
                   kvm_check(host->fd, KVM_CAP_X2APIC_API) > 0
               ? "yes"
               : "no (KVM_CAP_SPLIT_IRQCHIP and KVM_CAP_X2APIC_API)");
}

int check_host_report(void)
{
    struct cpuctl_root *root = open_root();
    _cleanup_free_ char *cpuinfo = NULL;
    struct kvm_host host = { .fd = -1 };
    char buffer[128];
    int r = kvm_host_open(NULL, &host);
    bool hardware;

    if (!root || cpuctl_root_read(root, "proc/cpuinfo", CPUINFO_LIMIT, &cpuinfo, NULL) < 0) {
        kvm_host_close(&host);
        cpuctl_root_free(root);
        return -ENODEV;
    }
    hardware = has_flag(cpuinfo, "vmx") || has_flag(cpuinfo, "svm");
    printf("%-16s %s\n", "/dev/kvm", r < 0 ? strerror_r(-r, buffer, sizeof(buffer)) : "usable");
    say_flag("virtualization", cpuinfo, "vmx", "svm");
    say_flag("nested paging", cpuinfo, "ept", "npt");
    say_flag("tagged TLB", cpuinfo, "vpid", "asid");
    say_setting(root, "huge pages", "proc/sys/vm/nr_hugepages");
    say_setting(root, "transparent", "sys/kernel/mm/transparent_hugepage/enabled");
    say_setting(root, "KSM", "sys/kernel/mm/ksm/run");
    if (r >= 0)
        say_limits(&host);
    printf("%-16s %s\n", "Linux guests",
           r < 0       ? "no: KVM can not be used"
           : !hardware ? "not to be expected: this KVM is not backed by vmx or svm"
                       : "yes");
    kvm_host_close(&host);
    cpuctl_root_free(root);
    return r < 0 || !hardware ? -ENODEV : 0;
}
