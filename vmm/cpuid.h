/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU models and the CPUID leaves of each possible vCPU. */
#ifndef VMM_CPUID_H
#define VMM_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpuctl_error;
struct kvm_host;
struct smp;

enum cpuid_register { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

/** One feature flag: its name (QEMU's) and its bit. */
struct cpuid_feature {
    const char *name;
    uint32_t leaf, subleaf;
    enum cpuid_register reg;
    unsigned int bit;
};

/** A CPU model: what it is called, and what it has. */
struct cpuid_model {
    const char *name, *description;
    /** NULL: all that KVM offers. Else the features, divided by spaces. */
    const char *features;
    /** Leaf 1 EAX, and the brand string (leaves 0x80000002 to 0x80000004); 0 and NULL: the host's.
     */
    uint32_t signature;
    const char *brand;
};

extern const struct cpuid_feature cpuid_features[];
extern const size_t cpuid_features_count;
extern const struct cpuid_model cpuid_models[];
extern const size_t cpuid_models_count;

/** The CPUID table that all vCPUs have in common. */
struct cpuid {
    struct kvm_cpuid2 *table; /**< room for entries_max entries */
    bool amd;
    bool ext_dest_id, x2apic;
};

/**
 * Builds the common table from what KVM supports and @text ("host,-feature,+feature", as QEMU's
 * -cpu). Returns 0; -EINVAL: no such model or feature; -ENOTSUP: KVM does not support a feature,
 * which is named.
 */
int cpuid_new(const struct kvm_host *host, const char *text, struct cpuid *ret_cpuid,
              struct cpuctl_error *error);
/** The same from a given table of what KVM supports. Pure. */
int cpuid_from(const struct kvm_cpuid2 *supported, bool tsc_deadline, const char *text,
               struct cpuid *ret_cpuid, struct cpuctl_error *error);
void cpuid_free(struct cpuid *cpuid);

/** The table of CPU @index: the common one with its topology and APIC ID; freed with free(). NULL:
 * memory is short. */
struct kvm_cpuid2 *cpuid_of_vcpu(const struct cpuid *cpuid, const struct smp *smp,
                                 unsigned int index);
/** A register of a table, 0 where there is no such leaf. */
uint32_t cpuid_get(const struct kvm_cpuid2 *table, uint32_t leaf, uint32_t subleaf,
                   enum cpuid_register reg);

#endif
