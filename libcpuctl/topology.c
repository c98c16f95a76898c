/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The topology: a consistent reading of all its parts, and what is asked of it. */
#include "topology.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "cpuset.h"
#include "error.h"
#include "state.h"

/* How often we begin anew when CPUs come or go while we read. */
#define TRIES 8

static const char *const id_files[CPUCTL_LEVELS] = {
    [CPUCTL_CORE] = "core_id", [CPUCTL_CLUSTER] = "cluster_id",
    [CPUCTL_DIE] = "die_id",   [CPUCTL_SOCKET] = "physical_package_id",
    [CPUCTL_BOOK] = "book_id", [CPUCTL_DRAWER] = "drawer_id",
};

void cpuctl_topology_free(struct cpuctl_topology *topology)
{
    if (!topology)
        return;
    for (unsigned int i = 0; i < CPUCTL_LEVELS; i++) {
        struct topology_level *level = &topology->levels[i];

        for (unsigned int j = 0; j < level->n_groups; j++)
            cpuctl_set_free(level->groups[j]);
        free(level->groups);
        free(level->index);
        free(level->numbers);
    }
    topology_free_caches(topology);
    free(topology);
}

static int read_parts(struct topology_reader *reader, unsigned int flags)
{
    static const enum cpuctl_level nested[] = { CPUCTL_CORE, CPUCTL_DIE, CPUCTL_SOCKET, CPUCTL_BOOK,
                                                CPUCTL_DRAWER };
    int r = 0;

    for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]) && r >= 0; i++)
        r = topology_read_level(reader, nested[i]);
    if (r >= 0 && (flags & CPUCTL_TOPOLOGY_CLUSTERS) != 0)
        r = topology_read_level(reader, CPUCTL_CLUSTER);
    if (r >= 0)
        r = topology_read_nodes(reader);
    if (r >= 0 && (flags & CPUCTL_TOPOLOGY_CACHES) != 0)
        r = topology_read_caches(reader);
    return r;
}

static void free_reader(struct topology_reader **reader)
{
    if (!*reader)
        return;
    root_dir_close(&(*reader)->dir);
    free(*reader);
}

/* Reads the topology of the CPUs of @want, once. */
static int read_once(struct cpuctl_root *root, const struct cpuctl_set *want, unsigned int flags,
                     struct cpuctl_topology **ret_topology, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology =
        calloc(1, sizeof(*topology));
    _cleanup_(free_reader) struct topology_reader *reader = calloc(1, sizeof(*reader));
    int r;

    if (!topology || !reader)
        return error_set(error, -ENOMEM, "out of memory for the topology");
    topology->root = root;
    topology->n_cpus = (size_t)(cpuset_last(want) + 1);
    reader->topology = topology;
    reader->want = want;
    reader->error = error;

    r = root_dir_open(root, ROOT_CPU_DIR, &reader->dir);
    if (r < 0)
        return root_error(root, error, r, ROOT_CPU_DIR, "can not be opened");
    r = read_parts(reader, flags);
    if (r == -ENOMEM)
        return error_set(error, r, "out of memory for the topology");
    if (r < 0)
        return r;
    *ret_topology = TAKE_PTR(topology);
    return 0;
}

int cpuctl_topology_read(struct cpuctl_root *root, const struct cpuctl_state *state,
                         unsigned int flags, struct cpuctl_topology **ret_topology,
                         struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *want = NULL;

    if (state) {
        want = cpuctl_set_dup(cpuctl_state_get(state, CPUCTL_ONLINE));
        if (!want)
            return error_set(error, -ENOMEM, "out of memory for the topology");
    }
    for (unsigned int i = 0; i < TRIES; i++) {
        _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
        _cleanup_(cpuctl_set_freep) struct cpuctl_set *now = NULL;
        int r;

        if (!want) {
            r = state_read_online(root, &want, error);
            if (r < 0)
                return r;
        }
        r = read_once(root, want, flags, &topology, error);
        if (r < 0)
            return r;
        r = state_read_online(root, &now, error);
        if (r < 0)
            return r;
        if (state ? cpuctl_set_is_subset(want, now) : cpuctl_set_equal(want, now)) {
            *ret_topology = TAKE_PTR(topology);
            return 0;
        }
        /* The caller's picture has no CPUs that came meanwhile, and none that went. */
        if (state)
            cpuctl_set_and(now, want);
        cpuctl_set_free(want);
        want = TAKE_PTR(now);
    }
    return error_set(error, -EAGAIN,
                     "the online CPUs changed each of the %d times that the topology was read",
                     TRIES);
}

unsigned int cpuctl_topology_count(const struct cpuctl_topology *topology, enum cpuctl_level level)
{
    return (unsigned int)level < CPUCTL_LEVELS ? topology->levels[level].n_groups : 0;
}

const struct cpuctl_set *cpuctl_topology_group(const struct cpuctl_topology *topology,
                                               enum cpuctl_level level, unsigned int index)
{
    if (index >= cpuctl_topology_count(topology, level))
        return NULL;
    return topology->levels[level].groups[index];
}

int cpuctl_topology_index(const struct cpuctl_topology *topology, enum cpuctl_level level,
                          unsigned int cpu)
{
    int index;

    if (cpuctl_topology_count(topology, level) == 0 || cpu >= topology->n_cpus)
        return -ENODATA;
    index = topology->levels[level].index[cpu];
    return index >= 0 ? index : -ENODATA;
}

int cpuctl_topology_physical_id(struct cpuctl_topology *topology, enum cpuctl_level level,
                                unsigned int cpu, int *ret_id)
{
    int index = cpuctl_topology_index(topology, level, cpu);
    char path[ROOT_PATH_MAX];
    int64_t id;
    int r;

    if (level == CPUCTL_NODE) {
        if (index < 0)
            return -ENODATA;
        *ret_id = topology->levels[CPUCTL_NODE].numbers[index];
        return 0;
    }
    if ((unsigned int)level >= CPUCTL_LEVELS || cpu >= CPUCTL_CPUS_MAX)
        return -ENODATA;
    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/topology/%s", cpu, id_files[level]);
    r = root_read_int(topology->root, path, &id);
    /* -1 is the kernel's "unknown" (include/linux/topology.h). */
    if (r < 0 || id < 0 || id > INT_MAX)
        return -ENODATA;
    *ret_id = (int)id;
    return 0;
}

int cpuctl_topology_node_number(const struct cpuctl_topology *topology, unsigned int index)
{
    if (index >= topology->levels[CPUCTL_NODE].n_groups)
        return -ENODATA;
    return topology->levels[CPUCTL_NODE].numbers[index];
}

unsigned int cpuctl_topology_cache_count(const struct cpuctl_topology *topology)
{
    return topology->n_caches;
}

const struct cpuctl_cache *cpuctl_topology_cache(const struct cpuctl_topology *topology,
                                                 unsigned int index)
{
    return index < topology->n_caches ? &topology->caches[index] : NULL;
}
