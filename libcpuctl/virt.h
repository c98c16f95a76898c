/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of virtualization detection. Internal to the library. */
#ifndef CPUCTL_INTERNAL_VIRT_H
#define CPUCTL_INTERNAL_VIRT_H

struct cpuid;

/** What a place tells of the hypervisor. */
struct verdict {
    const char *vendor;
    const char *type;    /* "full", "para", "container" or "none"; NULL: nothing was found */
    char hypervisor[64]; /* the product's name, or "" */
};

/** The vendor of the hypervisor that shows itself by CPUID, or NULL. */
const char *virt_cpuid_vendor(const struct cpuid *cpuid);

#endif
