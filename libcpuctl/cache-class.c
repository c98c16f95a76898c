/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Classes of cores with the same caches, and what may be inferred from them.
 *
 * On a large machine the first indexes of a core follow from its anchor, its highest index that no
 * core before it shares (as a rule its L2): when 64 cores of one class had it so that all of them
 * are shared by the same CPUs as the anchor, and no class has the same anchor with other caches
 * below it, only the anchor is read of further cores. Hybrid machines, whose cores do differ, have
 * fewer cores than that in a class, and are read whole.
 */
#include "cache-class.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cpuset.h"

#define CLASSES_MAX 256 /* how many classes are searched, the last ones first */
#define TRUSTED     64  /* cores after which the anchor speaks for the others */

static bool is_same_slot(const struct slot *a, const struct slot *b)
{
    return a->size == b->size && a->n_cpus == b->n_cpus;
}

/* Another class with the same anchor but other caches below it: the anchor tells nothing in both.
 */
static void break_trust(struct cache_class *a, struct cache_class *b)
{
    bool differs = false;

    for (unsigned int i = 0; i < a->n_slots && i < b->n_slots; i++) {
        if (!is_same_slot(&a->slots[i], &b->slots[i])) {
            differs = true;
        } else if (differs) {
            a->slots[i].trust.broken = true;
            b->slots[i].trust.broken = true;
        }
    }
}

/* Reads a new class from its first core, of which @found has the whole list. */
int cache_class_new(struct walk *walk, unsigned int cpu, const struct found *found,
                    unsigned int n_slots, struct cache_class **ret_class)
{
    struct cpuctl_topology *topology = walk->topology;
    struct cache_class *class;

    if (array_grow(topology->classes, &walk->class_room, topology->n_classes) < 0)
        return -ENOMEM;
    class = calloc(1, sizeof(*class) + n_slots * sizeof(class->slots[0]));
    if (!class)
        return -ENOMEM;
    topology->classes[topology->n_classes++] = class;
    class->n_slots = n_slots;
    for (unsigned int i = 0; i < n_slots; i++) {
        int r;

        class->slots[i].size = found[i].size;
        class->slots[i].n_cpus = found[i].n_cpus;
        r = cache_read_slot(walk, cpu, i, &class->slots[i]);
        if (r < 0)
            return r;
    }
    for (size_t tried = 1, n = topology->n_classes; tried < n && tried <= CLASSES_MAX; tried++)
        break_trust(topology->classes[n - 1 - tried], class);
    *ret_class = class;
    return 0;
}

struct cache_class *cache_class_find(const struct cpuctl_topology *topology,
                                     const struct found *found, unsigned int n_slots)
{
    size_t n = topology->n_classes;

    for (size_t tried = 0; n > 0 && tried < CLASSES_MAX; tried++) {
        struct cache_class *class = topology->classes[--n];
        unsigned int same = 0;

        if (class->n_slots != n_slots)
            continue;
        while (same < n_slots && class->slots[same].size == found[same].size &&
               class->slots[same].n_cpus == found[same].n_cpus)
            same++;
        if (same == n_slots)
            return class;
    }
    return NULL;
}

/* Whether the caches that were met before are of the class's kinds. */
bool cache_class_fits(const struct walk *walk, const struct cache_class *class,
                      const struct found *found)
{
    for (unsigned int i = 0; i < class->n_slots; i++) {
        const struct slot *slot = &class->slots[i];
        const struct cpuctl_cache *cache;

        if (found[i].cache < 0)
            continue;
        cache = &walk->topology->caches[found[i].cache];
        if (!slot->named || cache->level != slot->attributes.level ||
            strcmp(cache->type, slot->type) != 0)
            return false;
    }
    return true;
}

/* The indexes that were not met before, a bit each, and the highest of them or -1. */
static unsigned int find_unmet(const struct cache_class *class, const struct found *found,
                               int *ret_anchor)
{
    unsigned int indexes = 0;

    *ret_anchor = -1;
    for (unsigned int i = 0; i < class->n_slots; i++)
        if (found[i].cache < 0) {
            indexes |= 1U << i;
            *ret_anchor = (int)i;
        }
    return indexes;
}

/* The id of the cache that @cpu has at an index of @class. */
static int met_id(const struct walk *walk, unsigned int cpu, const struct slot *slot)
{
    int cache = walk->kinds[slot->kind].cache[cpu];

    return cache >= 0 ? walk->topology->caches[cache].id : -1;
}

void cache_class_learn(struct walk *walk, unsigned int cpu, struct cache_class *class,
                       const struct found *found)
{
    int anchor;
    unsigned int indexes = find_unmet(class, found, &anchor);
    struct cache_trust *trust;

    if (anchor < 0)
        return;
    trust = &class->slots[anchor].trust;
    if (trust->confirmed == 0)
        trust->indexes = indexes;
    else if (trust->indexes != indexes)
        trust->broken = true;
    for (int i = 0; i <= anchor; i++) {
        if (found[i].cache >= 0)
            continue;
        if (!class->slots[i].named || !cpuctl_set_equal(found[i].set, found[anchor].set))
            trust->broken = true;
        else if (class->slots[i].has_id &&
                 met_id(walk, cpu, &class->slots[i]) != met_id(walk, cpu, &class->slots[anchor]))
            trust->other_ids = true;
    }
    trust->confirmed++;
}

int cache_class_anchor(const struct walk *walk, const struct cache_class *class,
                       const struct found *found)
{
    const struct cache_trust *trust;
    unsigned int indexes;
    int anchor;

    indexes = find_unmet(class, found, &anchor);
    if (anchor < 0)
        return -1;
    trust = &class->slots[anchor].trust;
    if (trust->broken || trust->confirmed < TRUSTED || trust->indexes != indexes)
        return -1;
    for (unsigned int i = 0; i < class->n_slots; i++)
        if (found[i].cache >= 0 &&
            (class->slots[i].size != found[i].size || class->slots[i].n_cpus != found[i].n_cpus))
            return -1;
    return cache_class_fits(walk, class, found) ? anchor : -1;
}
