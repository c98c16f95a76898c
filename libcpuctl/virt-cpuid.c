/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hypervisors by their CPUID signature. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "cpuid-table.h"
#include "virt.h"

/** A hypervisor's leaves begin at one of these (Linux: hypervisor_cpuid_base() looks at each
 * 0x100th). */
#define BASE_FIRST 0x40000000U
#define BASE_LAST  0x40000f00U
#define BASE_STEP  0x100U

/**
 * EBX, ECX and EDX of a hypervisor's first leaf. The vendors are called what lscpu calls them,
 * where it knows them.
 */
static const struct {
    char signature[13];
    const char *vendor;
} known[] = {
    { "XenVMMXenVMM", "Xen" },          { "KVMKVMKVM\0\0\0", "KVM" },
    { "Linux KVM Hv", "KVM" },          { "Microsoft Hv", "Microsoft" },
    { "VMwareVMware", "VMware" },       { "TCGTCGTCGTCG", "QEMU TCG" },
    { "VBoxVBoxVBox", "Oracle" },       { "UnisysSpar64", "Unisys s-Par" },
    { "bhyve bhyve ", "bhyve" },        { " lrpepyh  vr", "Parallels" },
    { "prl hyperv  ", "Parallels" },    { "ACRNACRNACRN", "ACRN" },
    { "Jailhouse\0\0\0", "Jailhouse" }, { "QNXQVMBSQG\0\0", "QNX" },
    { "___ NVMM ___", "NVMM" },         { "OpenBSDVMM58", "OpenBSD" },
    { "HAXMHAXMHAXM", "Intel HAXM" },   { "SRESRESRESRE", "Lockheed Martin" },
    { "Apple VZ\0\0\0\0", "Apple" },
};

/** Hypervisors that can imitate Hyper-V, whose own leaves then stand higher. */
static const char *const imitators[] = { "KVM", "Xen" };

static const char *vendor_at(const struct cpuid *cpuid, uint32_t base)
{
    struct cpuid_regs regs;
    char signature[12];

    if (!cpuid_get(cpuid, (unsigned int)cpuid_first_cpu(cpuid), base, 0, &regs))
        return NULL;
    cpuid_text(signature, regs.ebx);
    cpuid_text(signature + 4, regs.ecx);
    cpuid_text(signature + 8, regs.edx);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!memcmp(signature, known[i].signature, sizeof(signature)))
            return known[i].vendor;
    return NULL;
}

static bool is_imitator(const char *vendor)
{
    for (size_t i = 0; i < sizeof(imitators) / sizeof(*imitators); i++)
        if (!strcmp(vendor, imitators[i]))
            return true;
    return false;
}

const char *virt_cpuid_vendor(const struct cpuid *cpuid)
{
    const char *shown = vendor_at(cpuid, BASE_FIRST);

    /* KVM and Xen can offer Hyper-V's interface ("enlightenments"), so that Windows runs faster */
    for (uint32_t base = BASE_FIRST + BASE_STEP; base <= BASE_LAST; base += BASE_STEP) {
        const char *own = vendor_at(cpuid, base);

        if (own && (!shown || (!strcmp(shown, "Microsoft") && is_imitator(own))))
            return own;
    }
    return shown;
}
