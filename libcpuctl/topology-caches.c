/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caches (Documentation/ABI/testing/sysfs-devices-system-cpu, cpuN/cache/indexM).
 *
 * A file read is what costs here: a machine of 4,096 CPUs has 160,000 of them below cpuN/cache. So
 *  - a cache that was met at an earlier CPU which shares it is not read again;
 *  - level, type, ways and the like are read once a class of cores. A core's class is the list of
 *    (size, number of sharing CPUs) of its indexes: the cores of a hybrid machine differ in it, and
 *    cores that do not differ in it have the same caches;
 *  - of a class that many cores have, only the anchor is read (cache-class.c).
 * An index means different caches on different cores where some lack one: as soon as that is seen,
 * the index is read for each core.
 */
#include "array.h"
#include "topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache-class.h"
#include "cpuset.h"

/* The CPUs of @set that have no cache of this kind yet: @set itself as a rule. */
static int leave_out_known(struct walk *walk, const struct kind *kind,
                           const struct cpuctl_set **set)
{
    struct cpuctl_set *without = NULL;

    cpuctl_set_foreach (cpu, *set) {
        if (kind->cache[cpu] < 0)
            continue;
        if (!without) {
            int r;

            without = cpuctl_set_dup(*set);
            if (!without)
                return -ENOMEM;
            r = cache_keep_set(walk, without);
            if (r < 0) {
                cpuctl_set_free(without);
                return r;
            }
        }
        cpuctl_set_remove(without, (unsigned int)cpu);
    }
    if (without)
        *set = without;
    return 0;
}

/* Makes the cache at an index of @cpu, which is shared by @found's CPUs. */
static int add_cache(struct walk *walk, unsigned int cpu, unsigned int index,
                     const struct slot *slot, const struct found *found)
{
    struct cpuctl_topology *topology = walk->topology;
    struct kind *kind = &walk->kinds[slot->kind];
    const struct cpuctl_set *set = found->set;
    struct cpuctl_cache *cache;
    int r;

    r = leave_out_known(walk, kind, &set);
    if (r < 0)
        return r;
    if (array_grow(topology->caches, &walk->room, topology->n_caches) < 0)
        return -ENOMEM;
    cache = &topology->caches[topology->n_caches];
    *cache = slot->attributes;
    cache->cpus = set;
    cache->id = -1;
    if (slot->has_id)
        cache->id = found->id != ID_UNREAD ? found->id : cache_read_id(walk, cpu, index);
    cpuctl_set_foreach (sharer, set)
        kind->cache[sharer] = (int)topology->n_caches;
    topology->n_caches++;
    return 0;
}

/* Makes the caches of @cpu that are new and notes all of them as met. */
static int add_caches(struct walk *walk, unsigned int cpu, const struct cache_class *class,
                      const struct found *found)
{
    for (unsigned int i = 0; i < class->n_slots; i++) {
        const struct slot *slot = &class->slots[i];
        int cache, r;

        if (found[i].cache >= 0 || !slot->named)
            continue;
        /* Two indexes of one level and type are one cache, as lscpu has it. */
        if (walk->kinds[slot->kind].cache[cpu] < 0) {
            r = add_cache(walk, cpu, i, slot, &found[i]);
            if (r < 0)
                return r;
        }
        if (!walk->by_slot[i])
            walk->by_slot[i] = cache_new_table(walk->topology->n_cpus);
        if (!walk->by_slot[i])
            return -ENOMEM;
        cache = walk->kinds[slot->kind].cache[cpu];
        cpuctl_set_foreach (sharer, walk->topology->caches[cache].cpus)
            walk->by_slot[i][sharer] = cache;
    }
    return 0;
}

/* Notes in @found the cache that was met at this index, if there is one; true when there is. */
static bool recall(const struct walk *walk, unsigned int cpu, unsigned int index,
                   struct found *found)
{
    const struct cpuctl_cache *cache;
    bool met = walk->by_slot[index] && !walk->ambiguous[index] && walk->by_slot[index][cpu] >= 0;

    *found = (struct found){ .cache = met ? walk->by_slot[index][cpu] : -1, .id = ID_UNREAD };
    if (!met)
        return false;
    cache = &walk->topology->caches[found->cache];
    found->size = cache->size;
    found->n_cpus = cpuctl_set_count(cache->cpus);
    return true;
}

/* Reads what is private to each cache. Returns 1, 0 (there is no such index) or a negative errno.
 */
static int read_private(struct walk *walk, unsigned int cpu, unsigned int index,
                        struct found *found)
{
    int r;

    *found = (struct found){ .cache = -1, .id = ID_UNREAD };
    r = cache_read_set(walk, cpu, index, &found->set);
    if (r <= 0)
        return r;
    found->size = cache_read_size(walk, cpu, index);
    found->n_cpus = cpuctl_set_count(found->set);
    return 1;
}

/* Lists the indexes of @cpu; where @anew, without regard to what was met before. Returns their
 * number or a negative errno. */
static int list_slots(struct walk *walk, unsigned int cpu, bool anew, struct found *found)
{
    for (unsigned int i = 0; i < SLOTS_MAX; i++) {
        int r;

        if (!anew && recall(walk, cpu, i, &found[i]))
            continue;
        r = read_private(walk, cpu, i, &found[i]);
        if (r < 0)
            return r;
        if (r == 0)
            return (int)i;
    }
    return SLOTS_MAX;
}

/* Reads @cpu as the first core of its class, and learns which indexes are ambiguous. */
static int read_anew(struct walk *walk, unsigned int cpu, struct found *found,
                     struct cache_class **ret_class)
{
    int n = list_slots(walk, cpu, true, found);
    struct cache_class *class;

    if (n < 0)
        return n;
    class = cache_class_find(walk->topology, found, (unsigned int)n);
    if (!class) {
        int r = cache_class_new(walk, cpu, found, (unsigned int)n, &class);

        if (r < 0)
            return r;
    }
    for (int i = 0; i < n; i++) {
        int met = walk->by_slot[i] ? walk->by_slot[i][cpu] : -1;

        if (met >= 0 && class->slots[i].named &&
            met != walk->kinds[class->slots[i].kind].cache[cpu])
            walk->ambiguous[i] = true;
    }
    *ret_class = class;
    return n;
}

/* Reads only the anchor of a core that is of the same class as the one before. Returns 1, 0 (it may
 * be another class: read it whole) or a negative errno. */
static int infer_cpu(struct walk *walk, unsigned int cpu)
{
    const struct cache_class *class = walk->last;
    struct found found[SLOTS_MAX], at_anchor;
    int anchor, r;

    if (!class)
        return 0;
    for (unsigned int i = 0; i < class->n_slots; i++)
        recall(walk, cpu, i, &found[i]);
    anchor = cache_class_anchor(walk, class, found);
    if (anchor < 0)
        return 0;
    r = read_private(walk, cpu, (unsigned int)anchor, &at_anchor);
    if (r <= 0)
        return r;
    if (at_anchor.size != class->slots[anchor].size ||
        at_anchor.n_cpus != class->slots[anchor].n_cpus)
        return 0;
    if (class->slots[anchor].has_id && !class->slots[anchor].trust.other_ids)
        at_anchor.id = cache_read_id(walk, cpu, (unsigned int)anchor);
    for (unsigned int i = 0; i < class->n_slots; i++)
        if (found[i].cache < 0)
            found[i] = at_anchor;
    r = add_caches(walk, cpu, class, found);
    if (r < 0)
        return r;
    walk->n_slots[cpu] = (uint8_t) class->n_slots;
    return 1;
}

static int read_cpu(struct walk *walk, unsigned int cpu)
{
    struct found found[SLOTS_MAX];
    struct cache_class *class;
    int n, r;

    walk->n_memos = 0;
    r = infer_cpu(walk, cpu);
    if (r != 0)
        return r;
    n = list_slots(walk, cpu, false, found);
    if (n < 0)
        return n;
    class = cache_class_find(walk->topology, found, (unsigned int)n);
    if (!class || !cache_class_fits(walk, class, found)) {
        n = read_anew(walk, cpu, found, &class);
        if (n < 0)
            return n;
    }
    r = add_caches(walk, cpu, class, found);
    if (r < 0)
        return r;
    cache_class_learn(walk, cpu, class, found);
    walk->last = class;
    walk->n_slots[cpu] = (uint8_t)n;
    return 0;
}

/* Whether @cpu has all its caches from the first thread of its core. */
static bool is_known(const struct walk *walk, unsigned int cpu)
{
    int core = cpuctl_topology_index(walk->topology, CPUCTL_CORE, cpu);
    int first;

    if (core < 0)
        return false;
    first =
        cpuctl_set_next(cpuctl_topology_group(walk->topology, CPUCTL_CORE, (unsigned int)core), 0);
    if (first < 0 || (unsigned int)first == cpu || walk->n_slots[first] == 0)
        return false;
    for (unsigned int i = 0; i < walk->n_slots[first]; i++)
        if (!walk->by_slot[i] || walk->by_slot[i][cpu] < 0)
            return false;
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct cpuctl_cache *x = a, *y = b;
    int r;

    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    r = strcmp(x->type, y->type); /* Data, Instruction, Unified */
    if (r != 0)
        return r;
    return cpuctl_set_next(x->cpus, 0) - cpuctl_set_next(y->cpus, 0);
}

static void end_walk(struct walk *walk)
{
    for (unsigned int i = 0; i < SLOTS_MAX; i++) {
        free(walk->by_slot[i]);
        free(walk->kinds[i].cache);
    }
    free(walk->n_slots);
}

int topology_read_caches(struct topology_reader *reader)
{
    _cleanup_(end_walk) struct walk walk = {
        .reader = reader,
        .topology = reader->topology,
        .sharing_variant = -1,
        .n_slots = calloc(reader->topology->n_cpus + 1, 1),
    };

    if (!walk.n_slots)
        return -ENOMEM;
    cpuctl_set_foreach (cpu, reader->want) {
        int r = is_known(&walk, (unsigned int)cpu) ? 0 : read_cpu(&walk, (unsigned int)cpu);

        if (r < 0)
            return r;
    }
    if (reader->topology->n_caches > 0)
        qsort(reader->topology->caches, reader->topology->n_caches,
              sizeof(reader->topology->caches[0]), compare);
    return 0;
}

void topology_free_caches(struct cpuctl_topology *topology)
{
    for (size_t i = 0; i < topology->n_cache_sets; i++)
        cpuctl_set_free(topology->cache_sets[i]);
    for (size_t i = 0; i < topology->n_classes; i++)
        free(topology->classes[i]);
    free(topology->cache_sets);
    free(topology->classes);
    free(topology->caches);
}
