/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of a machine's identity, and the readers that fill it, one file each. Internal to the
 * library.
 */
#ifndef CPUCTL_INTERNAL_IDENTITY_H
#define CPUCTL_INTERNAL_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "cpuctl.h"

struct cpuid;
struct cpuinfo;

struct identity_type {
    char *values[CPUCTL_FIELDS]; /* NULL: not told */
    struct cpuctl_set *cpus;
    unsigned int
        max_thread_id; /* s390: the highest thread number in a core, plus one; 0: not told */
};

struct identity_cpu {
    unsigned int number;
    struct cpuctl_cpu_identity told; /* strings of cpuinfo, or constants */
};

struct identity_vulnerability {
    char *name;
    char *text;
};

/** The topology that the firmware tells (s390's /proc/sysinfo, "CPU Topology SW"); 0: not told. */
struct identity_firmware_topology {
    unsigned int drawers, books_per_drawer, sockets_per_book, cores_per_socket;
};

struct cpuctl_identity {
    struct cpuinfo *cpuinfo;
    struct identity_type *types;
    unsigned int ntypes;
    struct identity_cpu *cpus; /* the present ones, by rising number */
    size_t ncpus;
    struct identity_vulnerability *vulnerabilities; /* by name */
    size_t nvulnerabilities;
    struct identity_firmware_topology firmware_topology;
    bool by_cluster;               /* the kernel's packages are clusters, see arch.c */
    unsigned int firmware_sockets; /* how many processors SMBIOS tells of */
};

DEFINE_CLEANUP(struct cpuctl_identity *, cpuctl_identity_free);

/** Sets a value of a type, replacing an earlier one; @text is copied, NULL unsets. Returns 0 or
 * -ENOMEM. */
int identity_set(struct cpuctl_identity *identity, unsigned int type, enum cpuctl_field field,
                 const char *text);
/** The entry of @cpu, or NULL. */
struct identity_cpu *identity_find_cpu(const struct cpuctl_identity *identity, unsigned int cpu);
/** Whether @flags, words divided by single spaces (NULL: none), have @flag. */
bool identity_has_flag(const char *flags, const char *flag);

/*
 * The readers. Each returns 0, also when the machine tells nothing of what it looks for, or a
 * negative errno with
 * @error filled.
 */

/** Architecture, operating modes and byte order (arch.c). */
int identity_read_arch(struct cpuctl_root *root, struct cpuctl_identity *identity,
                       struct cpuctl_error *error);
/** What s390 tells of machine and dispatching, and the frequency boost (arch.c). */
int identity_read_archext(struct cpuctl_root *root, struct cpuctl_identity *identity,
                          struct cpuctl_error *error);
/** Vendor, family, model and so on from CPUID (x86.c). */
int identity_read_x86(struct cpuctl_identity *identity, const struct cpuid *cpuid,
                      struct cpuctl_error *error);
/** Virtualization feature, hypervisor and virtualization type (virt.c). @cpuid: NULL, where there
 * is none. */
int identity_read_virt(struct cpuctl_root *root, struct cpuctl_identity *identity,
                       const struct cpuid *cpuid, struct cpuctl_error *error);
/** What the firmware tells of the processors (dmi.c). */
int identity_read_dmi(struct cpuctl_root *root, struct cpuctl_identity *identity,
                      struct cpuctl_error *error);
/** The frequencies of the CPUs and their sums (frequency.c). */
int identity_read_frequency(struct cpuctl_root *root, struct cpuctl_identity *identity,
                            struct cpuctl_error *error);
/** The vulnerabilities (vulnerabilities.c). */
int identity_read_vulnerabilities(struct cpuctl_root *root, struct cpuctl_identity *identity,
                                  struct cpuctl_error *error);

#endif
