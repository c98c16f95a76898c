/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many threads a core has, how many cores a socket, and so on, as lscpu counts them. */
#include <errno.h>
#include <stdlib.h>

#include "identity.h"

/** How many groups of a level have CPUs of a set. */
struct tally {
    unsigned int groups;
    unsigned int largest; /* how many CPUs the largest one of them has */
};

/** Counts by visiting the set's CPUs, so that many types do not each visit all groups. */
static int count(const struct cpuctl_topology *topology, enum cpuctl_level level,
                 const struct cpuctl_set *cpus, struct tally *ret_tally)
{
    unsigned int total = cpuctl_topology_count(topology, level);
    struct tally tally = { .groups = 0 };
    _cleanup_free_ bool *seen = NULL;

    if (!total) {
        *ret_tally = tally;
        return 0;
    }
    seen = calloc(total, sizeof(*seen));
    if (!seen)
        return -ENOMEM;
    cpuctl_set_foreach (cpu, cpus) {
        int index = cpuctl_topology_index(topology, level, (unsigned int)cpu);
        unsigned int size;

        if (index < 0 || (unsigned int)index >= total || seen[index])
            continue;
        seen[index] = true;
        tally.groups++;
        size = cpuctl_set_count(cpuctl_topology_group(topology, level, (unsigned int)index));
        if (size > tally.largest)
            tally.largest = size;
    }
    *ret_tally = tally;
    return 0;
}

static unsigned int ratio(unsigned int a, unsigned int b)
{
    return b ? a / b : 0;
}

/** The firmware knows how a partition's virtual sockets are shaped; the kernel only sees their
 * CPUs. */
static void prefer_firmware(struct cpuctl_counts *counts,
                            const struct identity_firmware_topology *told)
{
    if (!told->cores_per_socket)
        return;
    counts->cores_per_socket = told->cores_per_socket;
    counts->sockets_per_book = told->sockets_per_book;
    counts->books_per_drawer = told->books_per_drawer;
    counts->drawers = told->drawers;
}

int cpuctl_identity_counts(const struct cpuctl_identity *identity,
                           const struct cpuctl_topology *topology, unsigned int type,
                           struct cpuctl_counts *ret_counts)
{
    static const enum cpuctl_level levels[] = { CPUCTL_CORE, CPUCTL_SOCKET, CPUCTL_BOOK,
                                                CPUCTL_DRAWER };
    struct tally tallies[sizeof(levels) / sizeof(*levels)];
    const struct tally *cores = &tallies[0], *sockets = &tallies[1], *books = &tallies[2],
                       *drawers = &tallies[3];
    struct cpuctl_counts counts;

    if (type >= identity->ntypes)
        return -ERANGE;
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        int r = count(topology, levels[i], identity->types[type].cpus, &tallies[i]);

        if (r < 0)
            return r;
    }
    counts = (struct cpuctl_counts){
        .threads_per_core = identity->types[type].max_thread_id
                                ? identity->types[type].max_thread_id
                                : cores->largest,
        .cores_per_socket = ratio(cores->groups, sockets->groups),
        .sockets = sockets->groups,
        .sockets_per_book = ratio(sockets->groups, books->groups),
        .books = books->groups,
        .books_per_drawer = ratio(books->groups, drawers->groups),
        .drawers = drawers->groups,
    };
    prefer_firmware(&counts, &identity->firmware_topology);
    if (identity->by_cluster) {
        counts.clusters = counts.sockets;
        counts.sockets = identity->firmware_sockets;
    }
    *ret_counts = counts;
    return 0;
}
