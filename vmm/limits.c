/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many vCPUs, and which APIC IDs, this VM can have, and who says so. */
#include "limits.h"

#include <errno.h>
#include <string.h>

#include "cpuctl.h"
#include "kvm.h"
#include "smp.h"

#define TABLE_ENTRY 8ULL
#define TABLE_PAGE  4096ULL

int limits_host_possible(struct cpuctl_root *root, unsigned int *ret_count,
                         struct cpuctl_error *error)
{
    struct cpuctl_state *state = NULL;
    int r = cpuctl_state_read(root, &state, error);

    if (r < 0)
        return r;
    *ret_count = cpuctl_set_count(cpuctl_state_get(state, CPUCTL_POSSIBLE));
    cpuctl_state_free(state);
    return 0;
}

uint64_t limits_table_size(uint32_t ids)
{
    uint64_t size = TABLE_PAGE;

    while (size < ids * TABLE_ENTRY)
        size *= 2;
    return size;
}

static int check_count(const struct kvm_host *host, const struct smp *smp,
                       const struct limits *limits, struct cpuctl_error *error)
{
    unsigned int bound = limits->max_vcpus > 0 ? limits->max_vcpus : limits->host_possible;

    if (limits->max_given && smp->maxcpus > bound)
        return cpuctl_error_set(
            error, -ERANGE, "--smp: maxcpus is %u, but --max-vcpus %u allows %u%s", smp->maxcpus,
            limits->max_vcpus, bound, limits->max_vcpus > 0 ? "" : " (the host's possible CPUs)");
    if (smp->maxcpus > host->max_vcpus)
        return cpuctl_error_set(error, -ERANGE,
                                "--smp: maxcpus is %u, but this host's KVM gives a VM at most %u "
                                "vCPUs (KVM_CAP_MAX_VCPUS)",
                                smp->maxcpus, host->max_vcpus);
    return 0;
}

int limits_check(const struct kvm_host *host, const struct smp *smp, const struct limits *limits,
                 struct cpuctl_error *error)
{
    uint32_t id = smp_apic_id_max(smp);
    int r = check_count(host, smp, limits, error);

    if (r < 0)
        return r;
    if (!limits->ext_dest_id && id > LIMITS_APIC_ID_MAX)
        return cpuctl_error_set(
            error, -ERANGE,
            "--smp: with %u possible CPUs in this topology the highest APIC ID is %u, but without "
            "extended destination IDs (-msi-ext-dest-id in --cpu) interrupts reach IDs up to %u "
            "only",
            smp->maxcpus, id, LIMITS_APIC_ID_MAX);
    if (limits->xapic_only && id > LIMITS_APIC_ID_MAX)
        return cpuctl_error_set(
            error, -ERANGE,
            "--smp: with %u possible CPUs in this topology the highest APIC ID is %u, but without "
            "x2APIC (-x2apic in --cpu) a CPU has an ID up to %u only",
            smp->maxcpus, id, LIMITS_APIC_ID_MAX);
    if (id > LIMITS_APIC_ID_MAX_EXT)
        return cpuctl_error_set(
            error, -ERANGE,
            "--smp: with %u possible CPUs in this topology the highest APIC ID is %u, but extended "
            "destination IDs have 15 bits: up to %u",
            smp->maxcpus, id, LIMITS_APIC_ID_MAX_EXT);
    if (id >= host->max_vcpu_id)
        return cpuctl_error_set(
            error, -ERANGE,
            "--smp: with %u possible CPUs in this topology the highest APIC ID is %u, but this "
            "host's KVM has IDs below %u only (KVM_CAP_MAX_VCPU_ID)",
            smp->maxcpus, id, host->max_vcpu_id);
    return 0;
}

int limits_lower(int vm, const struct smp *smp, struct cpuctl_error *error)
{
    uint32_t count = smp_apic_id_max(smp) + 1;
    int r = kvm_vm_enable(vm, KVM_CAP_MAX_VCPU_ID, count, 0);
    char buffer[128];

    return r >= 0 ? 0
                  : cpuctl_error_set(error, r, "KVM_CAP_MAX_VCPU_ID can not be lowered to %u: %s%s",
                                     count, strerror_r(-r, buffer, sizeof(buffer)),
                                     r == -EINVAL ? " (Linux can since 6.0)" : "");
}
