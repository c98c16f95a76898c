/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which CPUs to take offline when only a number was asked for. A pure function over a table; what
 * fills the table is in layout.c. The rules are told, with an example, in docs/architecture.md.
 */
#ifndef CPUCTL_INTERNAL_CHOICE_H
#define CPUCTL_INTERNAL_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** How freely a CPU may be chosen. */
enum choice_rank {
    CHOICE_FREE,     /**< may be chosen */
    CHOICE_RESERVED, /**< isolated or nohz_full: only when no free one is left */
    CHOICE_NEVER,    /**< stays, and counts for its core, node and socket */
    CHOICE_ABSENT    /**< is not there: counts for nothing */
};

/** One CPU. The groups that it is in are numbered from 0, below the number of CPUs in the table. */
struct choice_cpu {
    unsigned int cpu;
    unsigned int core;
    unsigned int node;
    unsigned int socket;
    enum choice_rank rank;
};

/** One CPU that was chosen. */
struct choice_pick {
    size_t index; /**< into the table */
    bool splits;  /**< its core keeps another thread */
};

/**
 * Chooses up to @count CPUs of the table @cpus of @n_cpus (by rising CPU number, no CPU twice), in
 * the order in which they are to go offline. @ret_picks has room for @count. Returns how many were
 * chosen (fewer than @count when too many may never be chosen) or -ENOMEM.
 */
ssize_t choice_offline(const struct choice_cpu *cpus, size_t n_cpus, size_t count,
                       struct choice_pick *ret_picks);

#endif
