/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A whole machine's /sys and /proc: masks, topology, caches, frequencies, cpuinfo, CPUID, DMI and
 * MADT. The input is a run of files, each after a line "@PATH". Properties: what is read has CPUs,
 * groups and types in bounds, a plan names each CPU once, and what is refused has a reason.
 */
#include <errno.h>
#include <string.h>

#include "coldplug.h"
#include "cpuctl.h"
#include "fuzz.h"
#include "root.h"
#include "tree.h"

DEFINE_CLEANUP(struct cpuctl_identity *, cpuctl_identity_free);
DEFINE_CLEANUP(struct cpuctl_plan *, cpuctl_plan_free);
DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);
DEFINE_CLEANUP(struct cpuctl_state *, cpuctl_state_free);
DEFINE_CLEANUP(struct cpuctl_topology *, cpuctl_topology_free);

#define FILES_MAX 200
#define MADT_MAX  65536

static void write_files(const char *text, size_t size)
{
    const char *end = text + size;

    for (int i = 0; i < FILES_MAX && text < end && *text == '@'; i++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text)), *next;
        _cleanup_free_ char *path = NULL;

        if (!newline)
            return;
        path = strndup(text + 1, (size_t)(newline - text) - 1);
        hold(path);
        next = memmem(newline, (size_t)(end - newline), "\n@", 2);
        text = next ? next + 1 : end;
        /* a file that goes up to the next one keeps its newline */
        if (newline + 1 <= text)
            fuzz_tree_write(path, newline + 1, (size_t)(text - newline) - 1);
    }
}

static void check_refused(int r, const struct cpuctl_error *error)
{
    hold(r < 0 && error->code == r && error->text[0]);
}

static void check_groups(struct cpuctl_topology *topology, const struct cpuctl_set *online,
                         enum cpuctl_level level)
{
    unsigned int count = cpuctl_topology_count(topology, level);

    for (unsigned int i = 0; i < count; i++)
        hold(cpuctl_topology_group(topology, level, i));
    hold(!cpuctl_topology_group(topology, level, count));
    cpuctl_set_foreach (cpu, online) {
        int index = cpuctl_topology_index(topology, level, (unsigned int)cpu), id;

        hold(index == -ENODATA || (index >= 0 && (unsigned int)index < count));
        if (index >= 0)
            hold(cpuctl_set_has(cpuctl_topology_group(topology, level, (unsigned int)index),
                                (unsigned int)cpu));
        (void)cpuctl_topology_physical_id(topology, level, (unsigned int)cpu, &id);
    }
}

static struct cpuctl_topology *check_topology(struct cpuctl_root *root,
                                              const struct cpuctl_state *state)
{
    struct cpuctl_topology *topology = NULL;
    struct cpuctl_error error = { 0 };
    int r = cpuctl_topology_read(root, state, CPUCTL_TOPOLOGY_CACHES | CPUCTL_TOPOLOGY_CLUSTERS,
                                 &topology, &error);

    if (r < 0) {
        check_refused(r, &error);
        return NULL;
    }
    for (int level = 0; level < CPUCTL_LEVELS; level++)
        check_groups(topology, cpuctl_state_get(state, CPUCTL_ONLINE), (enum cpuctl_level)level);
    for (unsigned int i = 0; i < cpuctl_topology_cache_count(topology); i++) {
        const struct cpuctl_cache *cache = cpuctl_topology_cache(topology, i);

        hold(cache->name && cache->cpus && cpuctl_set_count(cache->cpus) > 0);
    }
    return topology;
}

static void check_identity(struct cpuctl_root *root, const struct cpuctl_state *state,
                           const struct cpuctl_topology *topology)
{
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;
    struct cpuctl_error error = { 0 };
    unsigned int types;
    int r = cpuctl_identity_read(root, state, CPUCTL_IDENTITY_ALL, &identity, &error);

    if (r < 0) {
        check_refused(r, &error);
        return;
    }
    types = cpuctl_identity_types(identity);
    hold(types > 0);
    for (unsigned int type = 0; type < types; type++) {
        struct cpuctl_counts counts;

        hold(cpuctl_identity_cpus(identity, type));
        for (int field = 0; field < CPUCTL_FIELDS; field++) {
            const char *text = cpuctl_identity_get(identity, type, (enum cpuctl_field)field);

            hold(!text || strlen(text) < SIZE_MAX);
        }
        if (topology)
            hold(cpuctl_identity_counts(identity, topology, type, &counts) == 0);
    }
    cpuctl_set_foreach (cpu, cpuctl_state_get(state, CPUCTL_POSSIBLE)) {
        struct cpuctl_cpu_identity of_cpu;

        r = cpuctl_identity_cpu(identity, (unsigned int)cpu, &of_cpu);
        hold(r == -ENODEV || (r == 0 && of_cpu.type < types));
    }
}

static void check_plan(struct cpuctl_root *root, unsigned int count)
{
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *seen = cpuctl_set_new();
    struct cpuctl_error error = { 0 };
    int r = cpuctl_plan_count(root, count, 0, &plan, &error);

    hold(seen);
    if (r < 0) {
        check_refused(r, &error);
        return;
    }
    for (size_t i = 0; i < cpuctl_plan_size(plan); i++) {
        const struct cpuctl_plan_entry *entry = cpuctl_plan_get(plan, i);

        hold(!cpuctl_set_has(seen, entry->cpu) && entry->reason);
        hold(entry->skipped || entry->online || entry->cpu != 0);
        hold(cpuctl_set_add(seen, entry->cpu) == 0);
    }
}

static void check_madt(struct cpuctl_root *root)
{
    _cleanup_free_ char *madt = NULL;
    ssize_t size = cpuctl_root_read(root, "sys/firmware/acpi/tables/APIC", MADT_MAX, &madt, NULL);
    int count;

    if (size < 0)
        return;
    count = madt_count_x86((const uint8_t *)madt, (size_t)size);
    hold(count == -EBADMSG || (count >= 0 && count <= size / 8));
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        (void)madt_gicc_is_enabled((const uint8_t *)madt, (size_t)size, cpu);
        hold(coldplug_was_enabled(root, (const uint8_t *)madt, (size_t)size, cpu) <= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    struct cpuctl_error error = { 0 };
    const char *tree = fuzz_tree();
    int r;

    fuzz_tree_clear();
    write_files((const char *)data, size);
    hold(cpuctl_root_open(tree, &root, &error) == 0);
    check_madt(root);
    r = cpuctl_state_read(root, &state, &error);
    if (r < 0) {
        check_refused(r, &error);
        return 0;
    }
    topology = check_topology(root, state);
    check_identity(root, state, topology);
    check_plan(root, 1);
    check_plan(root, cpuctl_set_count(cpuctl_state_get(state, CPUCTL_PRESENT)));
    return 0;
}
