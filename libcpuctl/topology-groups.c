/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cores, clusters, dies, sockets, books, drawers and NUMA nodes: who shares what with whom. */
#include "topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpuset.h"
#include "error.h"

/* A level that the first CPUs do not tell of is not asked of thousands. */
#define MISSES_MAX 4

#define FILES_MAX 4

/*
 * Where the kernel tells the groups (drivers/base/topology.c), the new names and the shorter format
 * before the old names (until Linux 5.3) and the masks.
 */
static const struct {
    struct {
        const char *name;
        bool list;
    } files[FILES_MAX];
} sources[CPUCTL_LEVELS] = {
    [CPUCTL_CORE] = { { { "thread_siblings_list", true },
                        { "core_cpus_list", true },
                        { "thread_siblings", false },
                        { "core_cpus", false } } },
    [CPUCTL_CLUSTER] = { { { "cluster_cpus_list", true }, { "cluster_cpus", false } } },
    [CPUCTL_DIE] = { { { "die_cpus_list", true }, { "die_cpus", false } } },
    [CPUCTL_SOCKET] = { { { "core_siblings_list", true },
                          { "package_cpus_list", true },
                          { "core_siblings", false },
                          { "package_cpus", false } } },
    [CPUCTL_BOOK] = { { { "book_siblings_list", true }, { "book_siblings", false } } },
    [CPUCTL_DRAWER] = { { { "drawer_siblings_list", true }, { "drawer_siblings", false } } },
};

bool topology_is_cut(ssize_t length)
{
    return length == 4096 - 1 || length == 65536 - 1;
}

bool topology_is_missing(ssize_t r)
{
    return r == -ENOENT || r == -ENOTDIR || r == -ENODEV || r == -ENXIO;
}

/* Parses what was read from @reader->path, or reads it anew where it was too long. */
static int parse_mask(struct topology_reader *reader, ssize_t length, bool list,
                      struct cpuctl_set **ret_set)
{
    struct cpuctl_error reason = { 0 };
    char path[ROOT_PATH_MAX];
    int r;

    if (length == -EFBIG) {
        snprintf(path, sizeof(path), "%s/%.128s", reader->dir.path, reader->path);
        return root_read_mask(reader->dir.root, path, list, ret_set, reader->error);
    }
    r = cpuset_parse_file(reader->text, list, ret_set, &reason);
    if (r < 0 && r != -ENOMEM)
        return error_set_at(reader->error, -EBADMSG, reason.position, "%s/%s/%s: %s",
                            reader->dir.root->path, reader->dir.path, reader->path, reason.text);
    return r;
}

int topology_parse_sharing(struct topology_reader *reader, ssize_t n, unsigned int cpu, bool list,
                           struct cpuctl_set **ret_set)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    int r;

    if (topology_is_missing(n))
        return -ENOENT;
    if (n < 0 && n != -EFBIG) {
        char path[ROOT_PATH_MAX];

        snprintf(path, sizeof(path), "%s/%.128s", reader->dir.path, reader->path);
        return root_error(reader->dir.root, reader->error, (int)n, path, "can not be read");
    }
    r = parse_mask(reader, n, list, &set);
    if (r < 0)
        return r;
    cpuctl_set_and(set, reader->want);
    if (!cpuctl_set_has(set, cpu)) {
        cpuctl_set_clear(set);
        r = cpuctl_set_add(set, cpu);
        if (r < 0)
            return r;
    }
    *ret_set = TAKE_PTR(set);
    return 0;
}

/* Tries the files of @level in their order, or only *variant once that is known. */
static int read_group(struct topology_reader *reader, enum cpuctl_level level, unsigned int cpu,
                      int *variant, struct cpuctl_set **ret_set)
{
    for (int i = *variant >= 0 ? *variant : 0; i < FILES_MAX && sources[level].files[i].name; i++) {
        ssize_t n;
        int r;

        snprintf(reader->path, sizeof(reader->path), "cpu%u/topology/%s", cpu,
                 sources[level].files[i].name);
        n = root_dir_read(&reader->dir, reader->path, reader->text, sizeof(reader->text));
        if (sources[level].files[i].list && topology_is_cut(n))
            continue;
        r = topology_parse_sharing(reader, n, cpu, sources[level].files[i].list, ret_set);
        if (r == 0 && *variant < 0)
            *variant = i;
        if (r != -ENOENT || *variant >= 0)
            return r;
    }
    return -ENOENT;
}

/* Makes room for @n groups and the index. */
static int prepare(struct cpuctl_topology *topology, struct topology_level *level, size_t n)
{
    level->groups = calloc(n + 1, sizeof(*level->groups));
    level->index = malloc((topology->n_cpus + 1) * sizeof(*level->index));
    if (!level->groups || !level->index)
        return -ENOMEM;
    for (size_t i = 0; i < topology->n_cpus; i++)
        level->index[i] = -1;
    return 0;
}

/* Adds a group, which is the level's from then on, and takes its CPUs out of @rest. */
static void add_group(struct topology_level *level, struct cpuctl_set *group,
                      struct cpuctl_set *rest)
{
    cpuctl_set_and(group, rest); /* of overlapping groups the first one has the CPU */
    cpuctl_set_andnot(rest, group);
    cpuctl_set_foreach (cpu, group)
        level->index[cpu] = (int)level->n_groups;
    level->groups[level->n_groups++] = group;
}

/* x86 says 65535 (BAD_APICID) and the others -1 where there are no clusters. */
static bool has_no_clusters(struct topology_reader *reader, unsigned int cpu)
{
    ssize_t n;

    snprintf(reader->path, sizeof(reader->path), "cpu%u/topology/cluster_id", cpu);
    n = root_dir_read(&reader->dir, reader->path, reader->text, sizeof(reader->text));
    return n >= 0 && (strcmp(reader->text, "-1") == 0 || strcmp(reader->text, "65535") == 0);
}

/* A group of @cpu alone, for a CPU whose core is not told. */
static int make_single(unsigned int cpu, struct cpuctl_set **ret_set)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();

    if (!set || cpuctl_set_add(set, cpu) < 0)
        return -ENOMEM;
    *ret_set = TAKE_PTR(set);
    return 0;
}

int topology_read_level(struct topology_reader *reader, enum cpuctl_level which)
{
    struct topology_level *level = &reader->topology->levels[which];
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *rest = cpuctl_set_dup(reader->want);
    int variant = -1;
    unsigned int misses = 0;
    int r;

    if (!rest)
        return -ENOMEM;
    r = prepare(reader->topology, level, cpuctl_set_count(rest));
    if (r < 0)
        return r;
    for (int cpu = cpuctl_set_next(rest, 0); cpu >= 0;
         cpu = cpuctl_set_next(rest, (unsigned int)cpu + 1)) {
        struct cpuctl_set *group = NULL;

        if (which == CPUCTL_CLUSTER && variant < 0 && has_no_clusters(reader, (unsigned int)cpu))
            break;
        r = variant < 0 && misses >= MISSES_MAX
                ? -ENOENT
                : read_group(reader, which, (unsigned int)cpu, &variant, &group);
        if (r == -ENOENT) {
            misses++;
            if (which != CPUCTL_CORE) {
                if (variant < 0 && misses >= MISSES_MAX)
                    break;
                continue;
            }
            /* Every CPU is in a core, if need be in one of its own. */
            r = make_single((unsigned int)cpu, &group);
        }
        if (r < 0)
            return r;
        add_group(level, group, rest);
    }
    return 0;
}

/* The numbers of the directories nodeN. */
static int note_node(const char *name, void *userdata)
{
    struct cpuctl_set *nodes = userdata;
    unsigned long number;
    char *end;

    if (strncmp(name, "node", 4) != 0 || name[4] < '0' || name[4] > '9')
        return 0;
    number = strtoul(name + 4, &end, 10);
    if (*end != '\0' || number >= CPUCTL_CPUS_MAX)
        return 0;
    return cpuctl_set_add(nodes, (unsigned int)number);
}

/* The mask first: it is never cut, and there are few nodes. */
static int read_node(struct topology_reader *reader, unsigned int number,
                     struct cpuctl_set **ret_set)
{
    static const struct {
        const char *name;
        bool list;
    } files[] = { { "cpumap", false }, { "cpulist", true } };
    struct cpuctl_error reason = { 0 };
    int r = -ENOENT;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && topology_is_missing(r); i++) {
        char path[ROOT_PATH_MAX];

        snprintf(path, sizeof(path), "%s/node%u/%s", ROOT_NODE_DIR, number, files[i].name);
        r = root_read_mask(reader->dir.root, path, files[i].list, ret_set, &reason);
    }
    if (topology_is_missing(r))
        return -ENOENT;
    if (r < 0 && reader->error)
        *reader->error = reason;
    return r;
}

/* The directories of the online nodes stand in node/; the file node/online, which has the same
 * numbers, is missing in many recorded trees. */
int topology_read_nodes(struct topology_reader *reader)
{
    struct topology_level *level = &reader->topology->levels[CPUCTL_NODE];
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *rest = cpuctl_set_dup(reader->want);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *nodes = cpuctl_set_new();
    int r;

    if (!rest || !nodes)
        return -ENOMEM;
    r = root_list(reader->dir.root, ROOT_NODE_DIR, note_node, nodes);
    if (topology_is_missing(r))
        return 0;
    if (r < 0)
        return root_error(reader->dir.root, reader->error, r, ROOT_NODE_DIR, "can not be listed");
    r = prepare(reader->topology, level, cpuctl_set_count(nodes));
    if (r < 0)
        return r;
    level->numbers = calloc(cpuctl_set_count(nodes) + 1, sizeof(*level->numbers));
    if (!level->numbers)
        return -ENOMEM;

    cpuctl_set_foreach (number, nodes) {
        struct cpuctl_set *group = NULL;

        r = read_node(reader, (unsigned int)number, &group);
        if (r == -ENOENT)
            continue;
        if (r < 0)
            return r;
        level->numbers[level->n_groups] = number;
        add_group(level, group, rest); /* a node without CPUs, only memory, is a group too */
    }
    return 0;
}
