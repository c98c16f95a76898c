/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The leaves that tell a vCPU who it is and with whom it shares what. All of them follow from
 * smp.h, as do the MADT and _MAT, so that they agree.
 */
#include <stdlib.h>
#include <string.h>

#include "cpuid-table.h"
#include "smp.h"

/* Leaves 0xB and 0x1F: types of levels. */
#define LEVEL_SMT  (1U << 8)
#define LEVEL_CORE (2U << 8)
#define LEVEL_DIE  (5U << 8)

#define HTT        (1U << 28)
#define CMP_LEGACY (1U << 1)
#define NUMBER_8   0xffU /* the greatest number that fits a field of 8 bits */
#define LEAF_B     0xbU
#define LEAF_1F    0x1fU
#define AMD_ZEN    0x17U /* the first family of AMD's Zen processors */
#define EXT_MAX    0x8000001eU
#define CACHES     4

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Leaf 1: the local APIC's ID, and how many IDs a package takes. */
static void set_leaf_1(struct kvm_cpuid2 *table, const struct smp *smp, uint32_t id)
{
    struct kvm_cpuid_entry2 *entry = cpuid_find(table, 1, 0);
    uint32_t ids = 1U << smp_socket_shift(smp);

    if (!entry)
        return;
    entry->ebx = (entry->ebx & 0xffff) | least(ids, NUMBER_8) << 16 | (id & 0xff) << 24;
    entry->edx = ids > 1 ? entry->edx | HTT : entry->edx & ~HTT;
}

/* One level of leaf 0xB or 0x1F; @shift: the width of all fields up to this level's. */
static void add_level(struct kvm_cpuid2 *table, uint32_t leaf, int number, uint32_t type,
                      uint32_t shift, uint32_t count, uint32_t id)
{
    struct kvm_cpuid_entry2 *entry = cpuid_add(table, leaf, number);

    entry->eax = shift;
    entry->ebx = least(count, 0xffff);
    entry->ecx = (uint32_t)number | type;
    entry->edx = id;
}

static void set_max(struct kvm_cpuid2 *table, uint32_t first_leaf, uint32_t max)
{
    struct kvm_cpuid_entry2 *entry = cpuid_find(table, first_leaf, 0);

    if (entry && entry->eax < max)
        entry->eax = max;
}

static void set_leaf_b(struct kvm_cpuid2 *table, const struct smp *smp, uint32_t id)
{
    uint32_t per_socket = smp->dies * smp->cores * smp->threads;

    cpuid_remove(table, LEAF_B);
    add_level(table, LEAF_B, 0, LEVEL_SMT, smp_core_shift(smp), smp->threads, id);
    add_level(table, LEAF_B, 1, LEVEL_CORE, smp_socket_shift(smp), per_socket, id);
    add_level(table, LEAF_B, 2, 0, 0, 0, id);
    set_max(table, 0, LEAF_B);
}

/*
 * Before family 0x17 Linux takes an AMD processor's last-level cache to be its die's, by the die's
 * number alone (cacheinfo_amd_init_llc_id() in arch/x86/kernel/cpu/cacheinfo.c), and counts cores
 * by node of leaf 0x8000001E. Leaf 0x1F, which those processors have not, numbers the dies of each
 * socket anew: different sockets would share a cache, and cores be taken for threads. Without it
 * dies are known by their nodes.
 */
static bool without_leaf_1f(const struct kvm_cpuid2 *table, bool amd)
{
    uint32_t signature = cpuid_get(table, 1, 0, CPUID_EAX);
    uint32_t base = signature >> 8 & 0xf,
             family = base < 0xf ? base : base + (signature >> 20 & 0xff);

    return amd && family < AMD_ZEN;
}

static void set_leaf_1f(struct kvm_cpuid2 *table, const struct smp *smp, uint32_t id)
{
    uint32_t per_die = smp->cores * smp->threads, per_socket = per_die * smp->dies;

    add_level(table, LEAF_1F, 0, LEVEL_SMT, smp_core_shift(smp), smp->threads, id);
    add_level(table, LEAF_1F, 1, LEVEL_CORE, smp_die_shift(smp), per_die, id);
    add_level(table, LEAF_1F, 2, LEVEL_DIE, smp_socket_shift(smp), per_socket, id);
    add_level(table, LEAF_1F, 3, 0, 0, 0, id);
    set_max(table, 0, LEAF_1F);
}

/* Bits 25..14 of a cache leaf: how many IDs share the cache, less one. */
static uint32_t sharing(const struct smp *smp, uint32_t level)
{
    uint32_t shift = level < 3 ? smp_core_shift(smp) : smp_die_shift(smp);

    return least((1U << shift) - 1, 0xfff) << 14;
}

/* Leaf 4: the host's caches, shared as the guest's topology says. AMD hosts have none here. */
static void set_intel_caches(struct kvm_cpuid2 *table, const struct smp *smp)
{
    uint32_t cores = (1U << (smp_socket_shift(smp) - smp_core_shift(smp))) - 1;

    for (uint32_t i = 0; i < table->nent; i++) {
        struct kvm_cpuid_entry2 *entry = &table->entries[i];

        if (entry->function == 4 && (entry->eax & 0x1f) != 0)
            entry->eax = (entry->eax & 0x3fff) | sharing(smp, entry->eax >> 5 & 7) |
                         least(cores, 0x3f) << 26;
    }
}

/* Leaf 0x8000001D, which KVM leaves out: the caches of a first-generation EPYC. */
static void set_amd_caches(struct kvm_cpuid2 *table, const struct smp *smp)
{
    static const struct {
        uint32_t type, level, ways, sets, flags;
    } caches[CACHES] = {
        { 1, 1, 8, 64, 0 },    /* data, 32 KiB */
        { 2, 1, 4, 256, 0 },   /* instructions, 64 KiB */
        { 3, 2, 8, 1024, 2 },  /* unified, 512 KiB; includes the lower levels */
        { 3, 3, 16, 8192, 1 }, /* unified, 8 MiB; WBINVD does not reach the lower levels */
    };

    cpuid_remove(table, 0x8000001d);
    for (int i = 0; i < CACHES; i++) {
        struct kvm_cpuid_entry2 *entry = cpuid_add(table, 0x8000001d, i);

        entry->eax =
            caches[i].type | caches[i].level << 5 | 1U << 8 | sharing(smp, caches[i].level);
        entry->ebx = 63 | (caches[i].ways - 1) << 22; /* lines of 64 bytes */
        entry->ecx = caches[i].sets - 1;
        entry->edx = caches[i].flags;
    }
    cpuid_add(table, 0x8000001d, CACHES);
}

/*
 * CmpLegacy: the logical processors that leaf 1 counts are not all threads of one core. Without it
 * Linux before 6.9 makes them threads (detect_ht() in arch/x86/kernel/cpu/common.c).
 */
static void set_cmp_legacy(struct kvm_cpuid2 *table, uint32_t per_socket)
{
    struct kvm_cpuid_entry2 *entry = cpuid_find(table, 0x80000001, 0);

    if (entry)
        entry->ecx = per_socket > 1 ? entry->ecx | CMP_LEGACY : entry->ecx & ~CMP_LEGACY;
}

/* Leaves 0x80000008 and 0x8000001E; a node of the latter is a die. */
static void set_amd_topology(struct kvm_cpuid2 *table, const struct smp *smp, unsigned int index,
                             uint32_t id)
{
    struct kvm_cpuid_entry2 *entry = cpuid_find(table, 0x80000008, 0);
    struct smp_place place = smp_place(smp, index);
    uint32_t per_socket = smp->dies * smp->cores * smp->threads;

    if (entry)
        entry->ecx = least(per_socket - 1, NUMBER_8) | smp_socket_shift(smp) << 12;
    set_cmp_legacy(table, per_socket);
    cpuid_remove(table, 0x8000001e);
    entry = cpuid_add(table, 0x8000001e, -1);
    entry->eax = id;
    entry->ebx = ((place.die * smp->cores + place.core) & 0xff) | least(smp->threads - 1, NUMBER_8)
                                                                      << 8;
    entry->ecx = ((place.socket * smp->dies + place.die) & 0xff) | least(smp->dies - 1, 7) << 8;
    set_max(table, 0x80000000, EXT_MAX);
}

struct kvm_cpuid2 *cpuid_of_vcpu(const struct cpuid *cpuid, const struct smp *smp,
                                 unsigned int index)
{
    size_t entry = sizeof(cpuid->table->entries[0]);
    struct kvm_cpuid2 *table =
        calloc(1, sizeof(*table) + (cpuid->table->nent + CPUID_ENTRIES_SPARE) * entry);
    uint32_t id = smp_apic_id(smp, index);

    if (!table)
        return NULL;
    memcpy(table, cpuid->table, sizeof(*table) + cpuid->table->nent * entry);
    set_leaf_1(table, smp, id);
    set_leaf_b(table, smp, id);
    cpuid_remove(table, LEAF_1F);
    if (!without_leaf_1f(table, cpuid->amd))
        set_leaf_1f(table, smp, id);
    if (cpuid->amd) {
        set_amd_caches(table, smp);
        set_amd_topology(table, smp, index, id);
    } else {
        set_intel_caches(table, smp);
    }
    return table;
}
