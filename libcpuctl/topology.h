/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a topology is made of, and what its readers share. */
#ifndef CPUCTL_INTERNAL_TOPOLOGY_H
#define CPUCTL_INTERNAL_TOPOLOGY_H

#include "cleanup.h"
#include "cpuctl.h"
#include "root.h"

/** One level: its groups are disjoint. */
struct topology_level {
    struct cpuctl_set **groups;
    unsigned int n_groups;
    int *index;   /* the group of each CPU below n_cpus, or -1; NULL when there are no groups */
    int *numbers; /* NUMA nodes: the number of each group */
};

struct cache_class;

struct cpuctl_topology {
    struct cpuctl_root *root;
    size_t n_cpus; /* the highest CPU plus one */
    struct topology_level levels[CPUCTL_LEVELS];
    struct cpuctl_cache *caches;
    unsigned int n_caches;
    struct cpuctl_set **cache_sets; /* what the caches' cpus point to: caches can share one */
    size_t n_cache_sets;
    struct cache_class **classes; /* what the caches' strings belong to */
    size_t n_classes;
};

DEFINE_CLEANUP(struct cpuctl_topology *, cpuctl_topology_free);

/** One reading of the topology of the CPUs of @want. */
struct topology_reader {
    struct cpuctl_topology *topology;
    const struct cpuctl_set *want;
    struct root_dir dir; /* ROOT_CPU_DIR */
    struct cpuctl_error *error;
    char path[ROOT_PATH_MAX];
    char text[65536]; /* the last file; the lists of a machine of 8192 CPUs fit in */
};

/**
 * Makes of @reader->text, which was read from @reader->path with the result @length, the CPUs that
 * share something with @cpu: clipped to the CPUs that are read, and only @cpu where the file does
 * not name it. @length may be a negative errno. Returns 0, -ENOENT (no such file, also when the CPU
 * is just going), -EBADMSG, -ENOMEM, ….
 */
int topology_parse_sharing(struct topology_reader *reader, ssize_t length, unsigned int cpu,
                           bool list, struct cpuctl_set **ret_set);

/**
 * True when a list is as long as a page less its NUL: where the kernel prints a list by
 * cpumap_print_to_pagebuf() (include/linux/cpumask.h), it is cut there. The mask beside it is never
 * so long.
 */
bool topology_is_cut(ssize_t length);

/** True for what reading a file of a CPU that is not there (any more) returns. */
bool topology_is_missing(ssize_t r);

/** Reads one level but CPUCTL_NODE. */
int topology_read_level(struct topology_reader *reader, enum cpuctl_level level);
/** Reads the NUMA nodes. */
int topology_read_nodes(struct topology_reader *reader);
/** Reads the caches; the cores must have been read before. */
int topology_read_caches(struct topology_reader *reader);
void topology_free_caches(struct cpuctl_topology *topology);

#endif
