/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Classes of cores with the same caches, for topology-caches.c. */
#ifndef CPUCTL_INTERNAL_CACHE_CLASS_H
#define CPUCTL_INTERNAL_CACHE_CLASS_H

#include "topology.h"

#define SLOTS_MAX 16 /* indexes of one CPU; there are 3 to 5 on real machines */

/*
 * What was learnt of the cores of a class whose highest index that was not met before, the anchor,
 * is this one: whether the other indexes follow from it.
 */
struct cache_trust {
    unsigned int indexes;   /* those that were not met before, a bit each */
    unsigned int confirmed; /* how many cores were read whole and had it so */
    bool broken;            /* one had it otherwise */
    bool other_ids;         /* the caches' ids are not all the anchor's */
};

/* What one index is for the cores of a class. */
struct slot {
    uint64_t size;
    unsigned int n_cpus;
    bool named; /* it has a level and a type */
    bool has_id;
    unsigned int kind;        /* which of the (level, type) pairs */
    struct cache_trust trust; /* with this index as the anchor */
    struct cpuctl_cache attributes;
    char name[24];
    char type[24];
    char allocation_policy[32];
    char write_policy[32];
};

struct cache_class {
    unsigned int n_slots;
    struct slot slots[];
};

/* One index of the CPU that is being read. */
struct found {
    int cache;              /* met before, or -1 */
    struct cpuctl_set *set; /* else: who shares it */
    uint64_t size;
    unsigned int n_cpus;
    int id; /* the kernel's, or ID_UNREAD */
};

#define ID_UNREAD (-2)

/* A (level, type) pair; a CPU has at most one cache of a kind. */
struct kind {
    unsigned int level;
    const char *type;
    int *cache; /* by CPU, -1: none */
};

struct walk {
    struct topology_reader *reader;
    struct cpuctl_topology *topology;
    int sharing_variant; /* -1: not known yet, 0: shared_cpu_list, 1: shared_cpu_map */
    size_t room;         /* for caches */
    size_t set_room, class_room;

    int *by_slot[SLOTS_MAX];   /* by CPU: which cache was met at this index, or -1 */
    bool ambiguous[SLOTS_MAX]; /* not the same kind of cache on all cores */
    uint8_t *n_slots;          /* by CPU: how many indexes it has; 0: not read */

    struct kind kinds[SLOTS_MAX];
    unsigned int n_kinds;
    struct cache_class *last; /* of the last core that was read */

    /* The last sharing texts of this CPU: its private caches have all the same. */
    struct {
        char text[64];
        struct cpuctl_set *set;
    } memos[4];
    unsigned int n_memos;
};

/** A table by CPU that is full of -1; NULL when memory is short. */
int *cache_new_table(size_t n_cpus);

/** Keeps @set until the topology is freed. Returns 0 or -ENOMEM. */
int cache_keep_set(struct walk *walk, struct cpuctl_set *set);

/** Who shares index @slot of @cpu. Returns 1, 0 (there is no such index) or a negative errno. */
int cache_read_set(struct walk *walk, unsigned int cpu, unsigned int slot,
                   struct cpuctl_set **ret_set);

/** The size in bytes, 0 where the kernel does not tell it. */
uint64_t cache_read_size(struct walk *walk, unsigned int cpu, unsigned int slot);

/** The kernel's id of the cache, -1 where it has none. */
int cache_read_id(struct walk *walk, unsigned int cpu, unsigned int slot);

/** Reads all that is told of one index but who shares it and its size. Returns 0 or -ENOMEM. */
int cache_read_slot(struct walk *walk, unsigned int cpu, unsigned int index, struct slot *slot);

/** The class with exactly these indexes, or NULL. */
struct cache_class *cache_class_find(const struct cpuctl_topology *topology,
                                     const struct found *found, unsigned int n_slots);

/** Makes a class of its first core @cpu, of which @found has all indexes. Returns 0 or -ENOMEM. */
int cache_class_new(struct walk *walk, unsigned int cpu, const struct found *found,
                    unsigned int n_slots, struct cache_class **ret_class);

/** Whether the caches that were met before are what @class has at their indexes. */
bool cache_class_fits(const struct walk *walk, const struct cache_class *class,
                      const struct found *found);

/** Learns from @cpu, of which @found has all indexes and whose caches were made. */
void cache_class_learn(struct walk *walk, unsigned int cpu, struct cache_class *class,
                       const struct found *found);

/** The anchor from which the caches of a core with @found follow, or -1. */
int cache_class_anchor(const struct walk *walk, const struct cache_class *class,
                       const struct found *found);

#endif
