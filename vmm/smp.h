/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processor topology (--smp) and the APIC IDs that follow from it.
 *
 * As on hardware an APIC ID is made of fields, each as many bits wide as its level needs (Intel SDM
 * volume 3, "Hierarchical mapping of shared resources"; CPUID leaf 0xB): with three cores a socket
 * the core field has two bits, and every fourth ID belongs to nobody. The highest APIC ID may
 * therefore be far above the number of CPUs.
 */
#ifndef VMM_SMP_H
#define VMM_SMP_H

#include <stdint.h>

struct cpuctl_error;

struct smp {
    unsigned int cpus;    /**< plugged at start */
    unsigned int maxcpus; /**< sockets × dies × cores × threads */
    unsigned int sockets, dies, cores, threads;
};

/** Where a CPU sits; each number counts within the level above it. */
struct smp_place {
    unsigned int socket, die, core, thread;
};

/**
 * Parses the value of --smp ("1,maxcpus=4,sockets=2,cores=2"; the first word may also be "cpus=1").
 * What is left out follows from the rest as in QEMU 6.2 and newer (hw/core/machine-smp.c): cores
 * first, then sockets, then threads; a missing maxcpus is the product, missing cpus are maxcpus.
 * Returns 0, or -EINVAL with the contradiction spelled out.
 */
int smp_parse(const char *text, struct smp *ret_smp, struct cpuctl_error *error);

/** The place of CPU @index (0 … maxcpus - 1): by rising (socket, die, core, thread). */
struct smp_place smp_place(const struct smp *smp, unsigned int index);
/** The index of the CPU at @place, or -ENOENT when there is none. */
int smp_index(const struct smp *smp, const struct smp_place *place);

/** How many bits the thread field has; the core field begins there. */
unsigned int smp_core_shift(const struct smp *smp);
unsigned int smp_die_shift(const struct smp *smp);
unsigned int smp_socket_shift(const struct smp *smp);
/** The APIC ID of CPU @index. */
uint32_t smp_apic_id(const struct smp *smp, unsigned int index);
/** The highest APIC ID of all possible CPUs. */
uint32_t smp_apic_id_max(const struct smp *smp);

#endif
