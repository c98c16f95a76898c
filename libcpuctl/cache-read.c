/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the files of one cache, cpuN/cache/indexM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cache-class.h"
#include "cpuset.h"

int *cache_new_table(size_t n)
{
    int *table = malloc((n + 1) * sizeof(*table));

    for (size_t i = 0; table && i < n; i++)
        table[i] = -1;
    return table;
}

static ssize_t read_attribute(struct walk *walk, unsigned int cpu, unsigned int slot,
                              const char *name, char *text, size_t size)
{
    snprintf(walk->reader->path, sizeof(walk->reader->path), "cpu%u/cache/index%u/%s", cpu, slot,
             name);
    return root_dir_read(&walk->reader->dir, walk->reader->path, text, size);
}

/* A number, or 0 where the kernel does not tell it. */
static unsigned int read_number(struct walk *walk, unsigned int cpu, unsigned int slot,
                                const char *name)
{
    char text[ROOT_VALUE_MAX];
    unsigned long value;

    if (read_attribute(walk, cpu, slot, name, text, sizeof(text)) <= 0)
        return 0;
    value = strtoul(text, NULL, 10);
    return value <= UINT32_MAX ? (unsigned int)value : 0;
}

/* "32K" in bytes (size_show() in drivers/base/cacheinfo.c). */
uint64_t cache_read_size(struct walk *walk, unsigned int cpu, unsigned int slot)
{
    static const char units[] = "KMGT";
    char text[ROOT_VALUE_MAX], *end;
    unsigned long long value;
    const char *unit;

    if (read_attribute(walk, cpu, slot, "size", text, sizeof(text)) <= 0)
        return 0;
    value = strtoull(text, &end, 10);
    unit = *end != '\0' ? strchr(units, *end) : NULL;
    if (value > UINT64_MAX >> 44)
        return 0;
    return unit ? value << (10 * (unit - units + 1)) : value;
}

int cache_read_id(struct walk *walk, unsigned int cpu, unsigned int slot)
{
    char text[ROOT_VALUE_MAX], *end;
    long id;

    if (read_attribute(walk, cpu, slot, "id", text, sizeof(text)) <= 0)
        return -1;
    id = strtol(text, &end, 10);
    return end != text && id >= 0 && id <= INT32_MAX ? (int)id : -1;
}

/* Keeps @set until the topology is freed. */
int cache_keep_set(struct walk *walk, struct cpuctl_set *set)
{
    struct cpuctl_topology *topology = walk->topology;

    if (array_grow(topology->cache_sets, &walk->set_room, topology->n_cache_sets) < 0)
        return -ENOMEM;
    topology->cache_sets[topology->n_cache_sets++] = set;
    return 0;
}

/* Who shares index @slot of @cpu. Returns 1, 0 (there is no such index) or a negative errno. */
int cache_read_set(struct walk *walk, unsigned int cpu, unsigned int slot,
                   struct cpuctl_set **ret_set)
{
    static const char *const files[] = { "shared_cpu_list", "shared_cpu_map" };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    struct topology_reader *reader = walk->reader;
    ssize_t n = -ENOENT;
    int r = -ENOENT;

    for (int i = walk->sharing_variant < 0 ? 0 : walk->sharing_variant; i < 2; i++) {
        n = read_attribute(walk, cpu, slot, files[i], reader->text, sizeof(reader->text));
        if (i == 0 && topology_is_cut(n))
            continue;
        for (unsigned int j = 0; n > 0 && j < walk->n_memos; j++)
            if (strcmp(reader->text, walk->memos[j].text) == 0) {
                *ret_set = walk->memos[j].set;
                return 1;
            }
        r = topology_parse_sharing(reader, n, cpu, i == 0, &set);
        if (r == 0 && walk->sharing_variant < 0)
            walk->sharing_variant = i;
        if (r != -ENOENT || walk->sharing_variant >= 0)
            break;
    }
    if (r == -ENOENT) {
        /* A cache with a level but without a word on sharing is the CPU's own. */
        if (walk->sharing_variant >= 0 || read_number(walk, cpu, slot, "level") == 0)
            return 0;
        set = cpuctl_set_new();
        r = set ? cpuctl_set_add(set, cpu) : -ENOMEM;
    }
    if (r >= 0)
        r = cache_keep_set(walk, set);
    if (r < 0)
        return r;
    *ret_set = TAKE_PTR(set);
    if (walk->n_memos < sizeof(walk->memos) / sizeof(walk->memos[0]) && n > 0 &&
        (size_t)n < sizeof(walk->memos[0].text)) {
        memcpy(walk->memos[walk->n_memos].text, reader->text, (size_t)n + 1);
        walk->memos[walk->n_memos++].set = *ret_set;
    }
    return 1;
}

/* The number of the (level, type) pair. */
static int find_kind(struct walk *walk, unsigned int level, const char *type)
{
    struct kind *kind;

    for (unsigned int i = 0; i < walk->n_kinds; i++)
        if (walk->kinds[i].level == level && strcmp(walk->kinds[i].type, type) == 0)
            return (int)i;
    if (walk->n_kinds == SLOTS_MAX)
        return -E2BIG;
    kind = &walk->kinds[walk->n_kinds];
    kind->cache = cache_new_table(walk->topology->n_cpus);
    if (!kind->cache)
        return -ENOMEM;
    kind->level = level;
    kind->type = type;
    return (int)walk->n_kinds++;
}

/* Reads all that is told of one index, but for who shares it and its size. */
int cache_read_slot(struct walk *walk, unsigned int cpu, unsigned int index, struct slot *slot)
{
    struct cpuctl_cache *cache = &slot->attributes;
    int kind;

    cache->level = read_number(walk, cpu, index, "level");
    if (cache->level == 0 ||
        read_attribute(walk, cpu, index, "type", slot->type, sizeof(slot->type)) <= 0)
        return 0;
    kind = find_kind(walk, cache->level, slot->type);
    if (kind == -E2BIG) /* no machine has so many: leave the rest out */
        return 0;
    if (kind < 0)
        return kind;
    slot->named = true;
    slot->kind = (unsigned int)kind;
    snprintf(slot->name, sizeof(slot->name), "L%u%s", cache->level,
             strcmp(slot->type, "Data") == 0          ? "d"
             : strcmp(slot->type, "Instruction") == 0 ? "i"
                                                      : "");
    cache->name = slot->name;
    cache->type = slot->type;
    cache->size = slot->size;
    cache->ways = read_number(walk, cpu, index, "ways_of_associativity");
    cache->sets = read_number(walk, cpu, index, "number_of_sets");
    cache->line_size = read_number(walk, cpu, index, "coherency_line_size");
    cache->partitions = read_number(walk, cpu, index, "physical_line_partition");
    if (read_attribute(walk, cpu, index, "allocation_policy", slot->allocation_policy,
                       sizeof(slot->allocation_policy)) > 0)
        cache->allocation_policy = slot->allocation_policy;
    if (read_attribute(walk, cpu, index, "write_policy", slot->write_policy,
                       sizeof(slot->write_policy)) > 0)
        cache->write_policy = slot->write_policy;
    slot->has_id = cache_read_id(walk, cpu, index) >= 0;
    return 0;
}
