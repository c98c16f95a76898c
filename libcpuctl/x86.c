/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The identity of an x86 CPU from CPUID, as arch/x86/kernel/cpu/common.c reads it (cpu_detect(),
 * get_model_name(), get_cpu_address_sizes()) for /proc/cpuinfo. What depends on the kernel or the
 * firmware, such as the flags, stays with /proc/cpuinfo.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cpuid-table.h"
#include "error.h"
#include "identity.h"

#define LEAF_BRAND 0x80000002U /* … 0x80000004 */
#define LEAF_SIZES 0x80000008U

static int set_number(struct cpuctl_identity *identity, enum cpuctl_field field, uint32_t number)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", number);
    return identity_set(identity, 0, field, text);
}

static int read_vendor(struct cpuctl_identity *identity, const struct cpuid_regs *leaf0)
{
    char vendor[13];

    cpuid_text(vendor, leaf0->ebx);
    cpuid_text(vendor + 4, leaf0->edx);
    cpuid_text(vendor + 8, leaf0->ecx);
    vendor[12] = '\0';
    for (const char *at = vendor; *at; at++)
        if (*at < ' ' || *at > '~')
            return 0;
    return *vendor ? identity_set(identity, 0, CPUCTL_VENDOR, vendor) : 0;
}

/** Family, model and stepping: Intel SDM volume 2A, CPUID, figure "Version Information Returned by
 * CPUID in EAX". */
static int read_version(struct cpuctl_identity *identity, uint32_t eax)
{
    uint32_t family = eax >> 8 & 0xf, model = eax >> 4 & 0xf;
    int r;

    if (family >= 6)
        model |= eax >> 12 & 0xf0;
    if (family == 0xf)
        family += eax >> 20 & 0xff;
    r = set_number(identity, CPUCTL_FAMILY, family);
    if (r == 0)
        r = set_number(identity, CPUCTL_MODEL, model);
    return r < 0 ? r : set_number(identity, CPUCTL_STEPPING, eax & 0xf);
}

static int read_brand(struct cpuctl_identity *identity, const struct cpuid *cpuid, unsigned int cpu)
{
    char brand[49];
    const char *start = brand;
    size_t length;

    for (unsigned int i = 0; i < 3; i++) {
        struct cpuid_regs regs;

        if (!cpuid_get(cpuid, cpu, LEAF_BRAND + i, 0, &regs))
            return 0;
        cpuid_text(brand + 16 * i, regs.eax);
        cpuid_text(brand + 16 * i + 4, regs.ebx);
        cpuid_text(brand + 16 * i + 8, regs.ecx);
        cpuid_text(brand + 16 * i + 12, regs.edx);
    }
    brand[48] = '\0';
    /* the string may be padded on either side */
    start += strspn(start, " ");
    length = strlen(start);
    while (length && start[length - 1] == ' ')
        length--;
    brand[(size_t)(start - brand) + length] = '\0';
    for (const char *at = start; *at; at++)
        if (*at < ' ' || *at > '~')
            return 0;
    return *start ? identity_set(identity, 0, CPUCTL_MODEL_NAME, start) : 0;
}

/** What the kernel does not tell, the CPU does; the kernel's number is less where memory encryption
 * takes bits. */
static int read_address_sizes(struct cpuctl_identity *identity, const struct cpuid_regs *sizes)
{
    char text[64];

    if (identity->types[0].values[CPUCTL_ADDRESS_SIZES])
        return 0;
    snprintf(text, sizeof(text), "%u bits physical, %u bits virtual", sizes->eax & 0xff,
             sizes->eax >> 8 & 0xff);
    return identity_set(identity, 0, CPUCTL_ADDRESS_SIZES, text);
}

/** The x2APIC ID (leaf 0x1f or 0xb) or, on CPUs without these, the initial APIC ID of leaf 1; -1:
 * not told. */
static int64_t find_apic_id(const struct cpuid *cpuid, unsigned int cpu)
{
    static const uint32_t topology_leaves[] = { 0x1f, 0xb };
    struct cpuid_regs regs;

    for (size_t i = 0; i < sizeof(topology_leaves) / sizeof(*topology_leaves); i++)
        if (cpuid_get(cpuid, cpu, topology_leaves[i], 0, &regs) && (regs.ecx & 0xff00))
            return regs.edx;
    return cpuid_get(cpuid, cpu, 1, 0, &regs) ? (int64_t)(regs.ebx >> 24) : -1;
}

int identity_read_x86(struct cpuctl_identity *identity, const struct cpuid *cpuid,
                      struct cpuctl_error *error)
{
    unsigned int cpu = (unsigned int)cpuid_first_cpu(cpuid);
    struct cpuid_regs regs;
    int r = 0;

    for (size_t i = 0; i < identity->ncpus; i++)
        if (identity->cpus[i].told.apic_id < 0)
            identity->cpus[i].told.apic_id = find_apic_id(cpuid, identity->cpus[i].number);
    if (identity->ntypes != 1) /* then cpuinfo knows which CPU is of which type */
        return 0;
    if (cpuid_get(cpuid, cpu, 0, 0, &regs))
        r = read_vendor(identity, &regs);
    if (r == 0 && cpuid_get(cpuid, cpu, 1, 0, &regs))
        r = read_version(identity, regs.eax);
    if (r == 0)
        r = read_brand(identity, cpuid, cpu);
    if (r == 0 && cpuid_get(cpuid, cpu, LEAF_SIZES, 0, &regs))
        r = read_address_sizes(identity, &regs);
    return r < 0 ? error_set(error, r, "Out of memory") : 0;
}
