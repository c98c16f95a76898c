/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading what the rows of `cpuctl list` are made from, and the default choice of columns. */
#include "tools/cpu-rows.h"

#include <errno.h>
#include <string.h>

/** What a group of columns has to have read. */
static const enum cpu_column topology_columns[] = { COL_CORE, COL_CLUSTER, COL_DIE,    COL_SOCKET,
                                                    COL_NODE, COL_BOOK,    COL_DRAWER, COL_CACHE };
static const enum cpu_column frequency_columns[] = { COL_MHZ, COL_SCALMHZ, COL_MAXMHZ, COL_MINMHZ };
static const enum cpu_column identity_columns[] = {
    COL_APICID, COL_MODELNAME, COL_BOGOMIPS, COL_POLARIZATION, COL_ADDRESS, COL_CONFIGURED
};

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static bool has_any(const struct choice *choice, const enum cpu_column *columns, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (choice_has(choice, columns[i]))
            return true;
    return false;
}

/** The kind of cache of that name, added if it is new; NULL: memory is short. */
static struct cache_ids *find_cache(struct cpu_rows *rows, const char *name)
{
    struct cache_ids *kinds, *kind;

    for (size_t i = 0; i < rows->n_caches; i++)
        if (strcmp(rows->caches[i].name, name) == 0)
            return &rows->caches[i];
    kinds = reallocarray(rows->caches, rows->n_caches + 1, sizeof(*kinds));
    if (!kinds)
        return NULL;
    rows->caches = kinds;
    kind = &kinds[rows->n_caches];
    *kind = (struct cache_ids){ .name = name };
    kind->ids = malloc(rows->n_cpus * sizeof(*kind->ids));
    if (!kind->ids)
        return NULL;
    memset(kind->ids, 0xff, rows->n_cpus * sizeof(*kind->ids)); /* -1 */
    rows->n_caches++;
    return kind;
}

/** Turns the list of caches into one array per kind, so that a row does not search the list. */
static int index_caches(struct cpu_rows *rows)
{
    unsigned int n = cpuctl_topology_cache_count(rows->topology);
    const char *last = NULL;
    int ordinal = 0;

    for (unsigned int i = 0; i < n; i++) {
        const struct cpuctl_cache *cache = cpuctl_topology_cache(rows->topology, i);
        struct cache_ids *kind = find_cache(rows, cache->name);

        if (!kind)
            return -ENOMEM;
        /* Caches of one kind follow one another: where the kernel gives no id they are counted. */
        ordinal = last && strcmp(last, cache->name) == 0 ? ordinal + 1 : 0;
        last = cache->name;
        cpuctl_set_foreach (cpu, cache->cpus)
            if ((unsigned int)cpu < rows->n_cpus)
                kind->ids[cpu] = cache->id >= 0 ? cache->id : ordinal;
    }
    return 0;
}

static int read_topology(struct cpu_rows *rows, const struct choice *choice,
                         struct cpuctl_error *error)
{
    bool caches = choice_has(choice, COL_CACHE);
    unsigned int flags = (caches ? CPUCTL_TOPOLOGY_CACHES : 0) |
                         (choice_has(choice, COL_CLUSTER) ? CPUCTL_TOPOLOGY_CLUSTERS : 0);
    int r = cpuctl_topology_read(rows->root, rows->state, flags, &rows->topology, error);

    if (r >= 0 && caches)
        r = index_caches(rows);
    return r;
}

static int read_identity(struct cpu_rows *rows, const struct choice *choice,
                         struct cpuctl_error *error)
{
    bool frequency = has_any(choice, frequency_columns, N_ELEMENTS(frequency_columns));
    int r;

    if (!frequency && !has_any(choice, identity_columns, N_ELEMENTS(identity_columns)))
        return 0;
    r = cpuctl_identity_read(rows->root, rows->state, frequency ? CPUCTL_IDENTITY_FREQUENCY : 0,
                             &rows->identity, error);
    return r == -ENOENT ? 0 : r; /* a tree without cpuinfo: those columns are unknown */
}

int cpu_rows_read(const struct tool *tool, struct cpu_rows *rows, const struct choice *choice)
{
    struct cpuctl_error error = { 0 };
    int r = cpuctl_state_read(rows->root, &rows->state, &error);

    if (r >= 0) {
        /* In a damaged recording CPUs may be online that are not present. */
        int present =
            cpuctl_set_prev(cpuctl_state_get(rows->state, CPUCTL_PRESENT), CPUCTL_CPUS_MAX - 1);
        int online =
            cpuctl_set_prev(cpuctl_state_get(rows->state, CPUCTL_ONLINE), CPUCTL_CPUS_MAX - 1);

        rows->n_cpus = (unsigned int)(present > online ? present : online) + 1;
        if (has_any(choice, topology_columns, N_ELEMENTS(topology_columns)))
            r = read_topology(rows, choice, &error);
    }
    if (r >= 0)
        r = read_identity(rows, choice, &error);
    if (r >= 0 && choice_has(choice, COL_STATE))
        r = cpuctl_offline_choice_read(rows->root, NULL, &rows->held, &error);
    if (r < 0)
        tool_error(tool, "%s", *error.text ? error.text : strerror(-r));
    return r;
}

void cpu_rows_free(struct cpu_rows *rows)
{
    for (size_t i = 0; i < rows->n_caches; i++)
        free(rows->caches[i].ids);
    free(rows->caches);
    cpuctl_set_free(rows->held);
    cpuctl_identity_free(rows->identity);
    cpuctl_topology_free(rows->topology);
    cpuctl_state_free(rows->state);
}

/** Which of the columns that not every machine has this one has. */
struct facts {
    bool polarization, address, configured, frequency;
};

static struct facts find_facts(const struct cpu_rows *rows)
{
    struct facts facts = { 0 };
    struct cpuctl_cpu_identity cpu_identity;

    if (!rows->identity)
        return facts;
    cpuctl_set_foreach (cpu, cpuctl_state_get(rows->state, CPUCTL_PRESENT)) {
        if (cpuctl_identity_cpu(rows->identity, (unsigned int)cpu, &cpu_identity) < 0)
            continue;
        facts.polarization = facts.polarization || cpu_identity.polarization;
        facts.address = facts.address || cpu_identity.address >= 0;
        facts.configured = facts.configured || cpu_identity.configured >= 0;
        facts.frequency = facts.frequency || cpu_identity.max_mhz > 0;
    }
    return facts;
}

static bool has_level(const struct cpu_rows *rows, enum cpuctl_level level)
{
    return rows->topology && cpuctl_topology_count(rows->topology, level) > 0;
}

void cpu_rows_default_columns(const struct cpu_rows *rows, struct choice *choice)
{
    bool unread = !rows->state;
    struct facts facts = find_facts(rows);
    const struct {
        enum cpu_column column;
        bool shown;
    } defaults[] = {
        { .column = COL_CPU, .shown = true },
        { .column = COL_NODE, .shown = has_level(rows, CPUCTL_NODE) },
        { .column = COL_DRAWER, .shown = has_level(rows, CPUCTL_DRAWER) },
        { .column = COL_BOOK, .shown = has_level(rows, CPUCTL_BOOK) },
        { .column = COL_SOCKET, .shown = has_level(rows, CPUCTL_SOCKET) },
        { .column = COL_CORE, .shown = has_level(rows, CPUCTL_CORE) },
        { .column = COL_CACHE, .shown = rows->n_caches > 0 },
        { .column = COL_ONLINE, .shown = true },
        { .column = COL_CONFIGURED, .shown = facts.configured },
        { .column = COL_POLARIZATION, .shown = facts.polarization },
        { .column = COL_ADDRESS, .shown = facts.address },
        { .column = COL_MAXMHZ, .shown = facts.frequency },
        { .column = COL_MINMHZ, .shown = facts.frequency },
        { .column = COL_MHZ, .shown = facts.frequency },
    };

    choice->n = 0;
    for (size_t i = 0; i < N_ELEMENTS(defaults); i++)
        if (unread || defaults[i].shown)
            choice_add(choice, defaults[i].column);
}
