/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layout of all present CPUs. For online ones the kernel tells everything. For offline ones it
 * tells the NUMA node only: cpuN/topology goes with the CPU (topology_remove_dev() in
 * drivers/base/topology.c), the link cpuN/nodeM stays (register_cpu_under_node() in
 * drivers/base/node.c). What is missing is taken from the pattern in which the online CPUs are
 * numbered, if they have one:
 *
 *  - the threads of a core are @threads CPUs at distance @stride: 1 where siblings are neighbours
 *    (QEMU, most virtual machines), the number of cores where all first threads come first (bare
 *    metal). If that holds for all online CPUs it is taken to hold for the offline ones.
 *  - otherwise each offline CPU counts as a core of its own.
 *  - an offline CPU is in the socket of its online siblings, or else in the one socket that the
 *    online CPUs of its node are in, or else in a socket of its own node.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "layout.h"
#include "root.h"


/** Keys of the groups; any numbers, equal ones for CPUs of one group. */
struct place {
    unsigned int cpu;
    int64_t core;
    int64_t node;
    int64_t socket;
};

#define UNKNOWN INT64_C(-1)
/** Added to keys that we made, to keep them apart from those of the topology. */
#define ASSUMED (INT64_C(1) << 40)

struct layout {
    struct cpuctl_root *root;
    struct cpuctl_topology *topology;
    struct place *places;
    size_t n_places;
    unsigned int threads; /**< of a core; 1: there is no pattern */
    unsigned int stride;
};

static void layout_release(struct layout *layout)
{
    cpuctl_topology_free(layout->topology);
    free(layout->places);
}

/** Parses "nodeM"; a callback of root_list(). */
static int find_node(const char *name, void *userdata)
{
    int64_t *node = userdata;
    char *end;
    unsigned long number;

    if (strncmp(name, "node", 4) != 0 || name[4] < '0' || name[4] > '9')
        return 0;
    number = strtoul(name + 4, &end, 10);
    if (*end == '\0' && number <= INT_MAX)
        *node = (int64_t)number;
    return 0;
}

/** Fills in what the kernel tells of a CPU. */
static int read_place(struct layout *layout, struct place *place)
{
    int core = cpuctl_topology_index(layout->topology, CPUCTL_CORE, place->cpu);
    int socket = cpuctl_topology_index(layout->topology, CPUCTL_SOCKET, place->cpu);
    int node;

    place->core = core >= 0 ? core : UNKNOWN;
    place->socket = socket >= 0 ? socket : UNKNOWN;
    place->node = UNKNOWN;
    if (core >= 0) {
        if (cpuctl_topology_physical_id(layout->topology, CPUCTL_NODE, place->cpu, &node) == 0)
            place->node = node;
    } else {
        char path[ROOT_PATH_MAX];
        int r;

        snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u", place->cpu);
        r = root_list(layout->root, path, find_node, &place->node);
        if (r < 0 && r != -ENOENT && r != -ENOTDIR)
            return r;
    }
    return 0;
}

/** The core that the pattern puts @cpu in. */
static int64_t pattern_core(const struct layout *layout, unsigned int cpu)
{
    unsigned int stride = layout->stride;

    return (int64_t)(cpu / (stride * layout->threads)) * stride + cpu % stride;
}

/** Looks for a core whose CPU numbers are equally far apart, the one with the most threads. */
static void guess_pattern(struct layout *layout)
{
    unsigned int n = cpuctl_topology_count(layout->topology, CPUCTL_CORE);

    layout->threads = 1;
    layout->stride = 1;
    for (unsigned int i = 0; i < n; i++) {
        const struct cpuctl_set *core = cpuctl_topology_group(layout->topology, CPUCTL_CORE, i);
        unsigned int threads = cpuctl_set_count(core);
        int first = cpuctl_set_next(core, 0), second, previous = first;

        if (threads <= layout->threads)
            continue;
        second = cpuctl_set_next(core, (unsigned int)first + 1);
        for (int cpu = second; cpu >= 0; cpu = cpuctl_set_next(core, (unsigned int)cpu + 1)) {
            if (cpu - previous != second - first) {
                layout->threads = 1;
                return;
            }
            previous = cpu;
        }
        layout->threads = threads;
        layout->stride = (unsigned int)(second - first);
    }
}

static int compare_keys(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/** Whether the pattern tells the cores of all online CPUs rightly. Returns 1, 0 or -ENOMEM. */
static int pattern_holds(const struct layout *layout)
{
    unsigned int n = cpuctl_topology_count(layout->topology, CPUCTL_CORE);
    _cleanup_free_ int64_t *keys = calloc(n ? n : 1, sizeof(*keys));

    if (!keys)
        return -ENOMEM;
    for (unsigned int i = 0; i < n; i++) {
        const struct cpuctl_set *core = cpuctl_topology_group(layout->topology, CPUCTL_CORE, i);

        keys[i] = pattern_core(layout, (unsigned int)cpuctl_set_next(core, 0));
        cpuctl_set_foreach (cpu, core)
            if (pattern_core(layout, (unsigned int)cpu) != keys[i])
                return 0;
    }
    qsort(keys, n, sizeof(*keys), compare_keys);
    for (unsigned int i = 1; i < n; i++)
        if (keys[i] == keys[i - 1])
            return 0;
    return 1;
}

/** One key by another, for looking up. */
struct pair {
    int64_t key;
    int64_t value;
    bool ambiguous; /**< there are several values */
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

/** Sorts @pairs and makes their keys unique. Returns how many are left. */
static size_t pairs_sort(struct pair *pairs, size_t n)
{
    size_t kept = 0;

    qsort(pairs, n, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && pairs[kept - 1].key == pairs[i].key) {
            if (pairs[kept - 1].value != pairs[i].value)
                pairs[kept - 1].ambiguous = true;
            continue;
        }
        pairs[kept++] = pairs[i];
    }
    return kept;
}

static const struct pair *pairs_find(const struct pair *pairs, size_t n, int64_t key)
{
    struct pair wanted = { .key = key };

    return n == 0 ? NULL : bsearch(&wanted, pairs, n, sizeof(*pairs), compare_pairs);
}

/** Gives the CPUs of unknown core one by the pattern, with the socket and node of that core. */
static int assume_cores(struct layout *layout)
{
    _cleanup_free_ struct pair *first = calloc(layout->n_places, sizeof(*first));
    size_t n = 0;
    int r;

    if (!first)
        return -ENOMEM;
    guess_pattern(layout);
    r = pattern_holds(layout);
    if (r < 0)
        return r;
    if (r == 0 || layout->threads == 1) {
        for (size_t i = 0; i < layout->n_places; i++)
            if (layout->places[i].core == UNKNOWN)
                layout->places[i].core = ASSUMED + layout->places[i].cpu;
        return 0;
    }

    /* the core by the pattern → an online CPU of it */
    for (size_t i = 0; i < layout->n_places; i++)
        if (layout->places[i].core != UNKNOWN)
            first[n++] = (struct pair){ .key = pattern_core(layout, layout->places[i].cpu),
                                        .value = (int64_t)i };
    n = pairs_sort(first, n);
    for (size_t i = 0; i < layout->n_places; i++) {
        struct place *place = &layout->places[i];
        const struct pair *found;

        if (place->core != UNKNOWN)
            continue;
        place->core = ASSUMED + pattern_core(layout, place->cpu);
        found = pairs_find(first, n, place->core - ASSUMED);
        if (!found)
            continue;
        place->core = layout->places[found->value].core;
        place->socket = layout->places[found->value].socket;
        if (place->node == UNKNOWN)
            place->node = layout->places[found->value].node;
    }
    return 0;
}

/** Gives the CPUs of unknown socket one by their node. */
static int assume_sockets(struct layout *layout)
{
    _cleanup_free_ struct pair *sockets = calloc(layout->n_places, sizeof(*sockets));
    size_t n = 0;

    if (!sockets)
        return -ENOMEM;
    for (size_t i = 0; i < layout->n_places; i++) {
        const struct place *place = &layout->places[i];

        if (place->socket != UNKNOWN && place->node != UNKNOWN)
            sockets[n++] = (struct pair){ .key = place->node, .value = place->socket };
    }
    n = pairs_sort(sockets, n);
    for (size_t i = 0; i < layout->n_places; i++) {
        struct place *place = &layout->places[i];
        const struct pair *found;

        if (place->socket != UNKNOWN)
            continue;
        found = pairs_find(sockets, n, place->node);
        place->socket = found && !found->ambiguous ? found->value : ASSUMED + place->node;
    }
    return 0;
}

/** The distinct values of @n keys, sorted; NULL when memory is short. The caller frees them. */
static int64_t *distinct_keys(const struct layout *layout, size_t offset, size_t *ret_n)
{
    int64_t *keys = calloc(layout->n_places, sizeof(*keys));
    size_t kept = 0;

    if (!keys)
        return NULL;
    for (size_t i = 0; i < layout->n_places; i++)
        memcpy(&keys[i], (const char *)&layout->places[i] + offset, sizeof(*keys));
    qsort(keys, layout->n_places, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < layout->n_places; i++)
        if (kept == 0 || keys[kept - 1] != keys[i])
            keys[kept++] = keys[i];
    *ret_n = kept;
    return keys;
}

/** The number, from 0 on, of a key that is among the distinct ones. */
static unsigned int number_of(const int64_t *keys, size_t n, int64_t key)
{
    const int64_t *found = bsearch(&key, keys, n, sizeof(*keys), compare_keys);

    return found ? (unsigned int)(found - keys) : 0;
}

static int make_table(const struct layout *layout, struct choice_cpu **ret_cpus)
{
    size_t n = layout->n_places, n_cores, n_nodes, n_sockets;
    _cleanup_free_ struct choice_cpu *cpus = calloc(n, sizeof(*cpus));
    _cleanup_free_ int64_t *cores = distinct_keys(layout, offsetof(struct place, core), &n_cores);
    _cleanup_free_ int64_t *nodes = distinct_keys(layout, offsetof(struct place, node), &n_nodes);
    _cleanup_free_ int64_t *sockets =
        distinct_keys(layout, offsetof(struct place, socket), &n_sockets);

    if (!cpus || !cores || !nodes || !sockets)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct place *place = &layout->places[i];

        cpus[i] = (struct choice_cpu){
            .cpu = place->cpu,
            .core = number_of(cores, n_cores, place->core),
            .node = number_of(nodes, n_nodes, place->node),
            .socket = number_of(sockets, n_sockets, place->socket),
            .rank = CHOICE_FREE,
        };
    }
    *ret_cpus = TAKE_PTR(cpus);
    return 0;
}

int layout_read(struct cpuctl_root *root, const struct cpuctl_state *state,
                struct choice_cpu **ret_cpus, size_t *ret_n_cpus, struct cpuctl_error *error)
{
    const struct cpuctl_set *present = cpuctl_state_get(state, CPUCTL_PRESENT);
    _cleanup_(layout_release) struct layout layout = { .root = root };
    int r;

    r = cpuctl_topology_read(root, state, 0, &layout.topology, error);
    if (r < 0)
        return r;
    layout.places = calloc(cpuctl_set_count(present) + 1, sizeof(*layout.places));
    if (!layout.places)
        return error_set(error, -ENOMEM, "out of memory for the layout of the CPUs");
    cpuctl_set_foreach (cpu, present) {
        struct place *place = &layout.places[layout.n_places++];

        place->cpu = (unsigned int)cpu;
        r = read_place(&layout, place);
        if (r < 0)
            return error_set(error, r, "the NUMA node of CPU %d can not be found out: %s", cpu,
                             strerrordesc_np(-r));
    }
    if (layout.n_places == 0)
        return error_set(error, -EBADMSG, "no CPU is present");
    r = assume_cores(&layout);
    if (r == 0)
        r = assume_sockets(&layout);
    if (r == 0)
        r = make_table(&layout, ret_cpus);
    if (r < 0)
        return error_set(error, r, "out of memory for the layout of the CPUs");
    *ret_n_cpus = layout.n_places;
    return 0;
}
