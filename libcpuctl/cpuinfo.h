/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/cpuinfo of every architecture: which CPU types there are, and what is told of each CPU.
 * Internal to the library.
 */
#ifndef CPUCTL_INTERNAL_CPUINFO_H
#define CPUCTL_INTERNAL_CPUINFO_H

#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "cpuctl.h"

/** Ample for 8192 CPUs of 2 KiB each; it bounds what a damaged tree makes us read. */
#define CPUINFO_TEXT_MAX (64U << 20)

/** What cpuinfo tells of a CPU type, under whatever name the architecture gives it. */
enum cpuinfo_value {
    CPUINFO_VENDOR,     /* Arm: the implementer, "0x41" */
    CPUINFO_MODEL,      /* Arm: the part, "0xd46" */
    CPUINFO_MODEL_NAME, /* POWER, SPARC: "cpu" */
    CPUINFO_STEPPING,   /* Arm: the variant, "0x1" */
    CPUINFO_FAMILY,
    CPUINFO_REVISION,
    CPUINFO_FLAGS,
    CPUINFO_BOGOMIPS,
    CPUINFO_ADDRESS_SIZES,
    CPUINFO_DYNAMIC_MHZ,
    CPUINFO_STATIC_MHZ,
    CPUINFO_MAX_THREAD_ID,
    CPUINFO_ISA,
    CPUINFO_ARCHITECTURE, /* Arm: the architecture's version, "8" */
    CPUINFO_VALUES
};

/** A CPU type: CPUs whose vendor, model, model name and stepping are the same. */
struct cpuinfo_type {
    char *values[CPUINFO_VALUES]; /* NULL: not told */
};

/** One CPU. */
struct cpuinfo_cpu {
    unsigned int cpu;
    unsigned int type;
    float mhz;         /* 0: not told */
    int64_t apic_id;   /* -1: not told */
    char bogomips[16]; /* "": not told */
};

/** The whole file. There is always at least one type. */
struct cpuinfo {
    struct cpuinfo_type *types;
    size_t ntypes;
    struct cpuinfo_cpu *cpus; /* by rising number */
    size_t ncpus;
    struct cpuctl_cache *caches; /* those whose CPUs are not told (s390), by name */
    size_t ncaches;
};

/**
 * Parses cpuinfo. @text is changed. Lines that are not known are passed over. Returns 0, -EBADMSG
 * (a CPU number is malformed or too large; there are more than 1024 types) or -ENOMEM.
 */
int cpuinfo_parse(char *text, struct cpuinfo **ret_info, struct cpuctl_error *error);
void cpuinfo_free(struct cpuinfo *info);
DEFINE_CLEANUP(struct cpuinfo *, cpuinfo_free);
/** What is told of @cpu, or NULL. */
const struct cpuinfo_cpu *cpuinfo_find(const struct cpuinfo *info, unsigned int cpu);

/**
 * Parses the value of a line "cacheN : level=3 type=Unified scope=Shared size=65536K line_size=256
 * associativity=16" (arch/s390/kernel/cache.c). Returns 1 with @ret_cache filled (its strings are
 * constants), or 0 when it is private to a CPU, which sysfs tells better, or not understood.
 */
int cpuinfo_parse_cache(const char *value, struct cpuctl_cache *ret_cache);

#endif
