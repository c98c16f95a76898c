/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Editing a CPUID table; between cpuid.c and cpuid-topology.c. */
#ifndef VMM_CPUID_TABLE_H
#define VMM_CPUID_TABLE_H

#include "cpuid.h"

/** How many entries a common table has room for beside KVM's own: those of the topology. */
#define CPUID_ENTRIES_SPARE 24U

uint32_t *cpuid_register(struct kvm_cpuid_entry2 *entry, enum cpuid_register reg);
/** The entry of a leaf (and subleaf, where the leaf has any), or NULL. */
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *table, uint32_t leaf, uint32_t subleaf);
/** A new entry of zeroes; @subleaf -1: the leaf has none. The table must have room. */
struct kvm_cpuid_entry2 *cpuid_add(struct kvm_cpuid2 *table, uint32_t leaf, int subleaf);
/** Takes all entries of a leaf away. */
void cpuid_remove(struct kvm_cpuid2 *table, uint32_t leaf);

#endif
