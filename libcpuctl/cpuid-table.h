/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID leaves of some CPUs: read from the live machine or from a recorded tree's file "cpuid".
 * Internal to the library; the names are those of Intel's SDM volume 2A, CPUID, and AMD's APM
 * volume 3, appendix E.
 */
#ifndef CPUCTL_INTERNAL_CPUID_TABLE_H
#define CPUCTL_INTERNAL_CPUID_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

struct cpuctl_error;
struct cpuctl_root;
struct cpuctl_set;

/** What the CPUID instruction returns. */
struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

/** Writes the four characters of a register that holds text, least significant byte first. */
static inline void cpuid_text(char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (char)(value >> 8 * i & 0xff);
}

/** One leaf as it stands in a line of a dump. */
struct cpuid_leaf {
    uint32_t leaf, subleaf;
    struct cpuid_regs regs;
};

/** The leaves of the CPUs of a machine. */
struct cpuid;

/** How long a dump may be: about 60 bytes a line, a few hundred lines for the first CPU and about
 * ten for each other. */
#define CPUID_TEXT_MAX (64U << 20)

/** An empty collection, or NULL when memory is short. */
struct cpuid *cpuid_new(void);
void cpuid_free(struct cpuid *cpuid);
DEFINE_CLEANUP(struct cpuid *, cpuid_free);

/**
 * Adds a leaf of @cpu. CPUs are added by rising number, all leaves of one before the next; the
 * first one is the base from which the others differ. Returns 0, -EINVAL (an earlier CPU) or
 * -ENOMEM.
 */
int cpuid_add(struct cpuid *cpuid, unsigned int cpu, const struct cpuid_leaf *leaf);

/**
 * Parses the text of a dump, strictly. Returns 0, -EBADMSG (@error names the line and what is wrong
 * with it), -EFBIG or -ENOMEM.
 */
int cpuid_parse(const char *text, size_t length, struct cpuid **ret_cpuid,
                struct cpuctl_error *error);
/** The collection as the text of a dump. Returns 0 or -ENOMEM. */
int cpuid_format(const struct cpuid *cpuid, char **ret_text);

/** Looks a leaf of @cpu up, in the base section where its own has no such line. Returns whether
 * there is one. */
bool cpuid_get(const struct cpuid *cpuid, unsigned int cpu, uint32_t leaf, uint32_t subleaf,
               struct cpuid_regs *ret_regs);
/** The first CPU of the collection, or -1. */
int cpuid_first_cpu(const struct cpuid *cpuid);
/** Whether @cpu has a section of its own. */
bool cpuid_has_cpu(const struct cpuid *cpuid, unsigned int cpu);

/**
 * The leaves of the machine below @root: on a live x86 machine those of the CPU that the caller
 * runs on, as @cpu number 0; in a recorded tree the file "cpuid". Returns 0, -ENOENT (neither), or
 * an error of cpuid_parse() or of reading.
 */
int cpuid_read(struct cpuctl_root *root, struct cpuid **ret_cpuid, struct cpuctl_error *error);

/** Adds all leaves of the CPU that the caller runs on, as @cpu. Returns 0, -EOPNOTSUPP (not x86) or
 * -ENOMEM. */
int cpuid_add_live(struct cpuid *cpuid, unsigned int cpu);

#endif
