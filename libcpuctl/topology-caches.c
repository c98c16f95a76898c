/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caches (Documentation/ABI/testing/sysfs-devices-system-cpu, cpuN/cache/indexM).
 *
 * A file read is what costs here: a machine of 4,096 CPUs has 160,000 of them below cpuN/cache. So
 *  - a cache that was met at an earlier CPU which shares it is not read again;
 *  - level, type, ways and the like are read once a class of cores. A core's class is the list of
 *    (size, number of sharing CPUs) of its indexes: the cores of a hybrid machine differ in it, and
 *    cores that do not differ in it have the same caches.
 * An index means different caches on different cores where some lack one: as soon as that is seen,
 * the index is read for each core.
 */
#include "topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpuset.h"

#define SLOTS_MAX   16  /* indexes of one CPU; there are 3 to 5 on real machines */
#define CLASSES_MAX 256 /* how many classes are searched, the last ones first */
#define MEMOS       4
#define MEMO_TEXT   64

/* What one index is for the cores of a class. */
struct slot {
    uint64_t size;
    unsigned int n_cpus;
    bool named; /* it has a level and a type */
    bool has_id;
    unsigned int kind; /* which of the (level, type) pairs */
    struct cpuctl_cache attributes;
    char name[24];
    char type[24];
    char allocation_policy[32];
    char write_policy[32];
};

struct cache_class {
    unsigned int n_slots;
    struct slot slots[];
};

/* One index of the CPU that is being read. */
struct found {
    int cache;              /* met before, or -1 */
    struct cpuctl_set *set; /* else: who shares it */
    uint64_t size;
    unsigned int n_cpus;
};

/* A (level, type) pair; a CPU has at most one cache of a kind. */
struct kind {
    unsigned int level;
    const char *type;
    int *cache; /* by CPU, -1: none */
};

struct walk {
    struct topology_reader *reader;
    struct cpuctl_topology *topology;
    int sharing_variant; /* -1: not known yet, 0: shared_cpu_list, 1: shared_cpu_map */
    unsigned int room;   /* for caches */
    size_t set_room, class_room;

    int *by_slot[SLOTS_MAX];   /* by CPU: which cache was met at this index, or -1 */
    bool ambiguous[SLOTS_MAX]; /* not the same kind of cache on all cores */
    uint8_t *n_slots;          /* by CPU: how many indexes it has; 0: not read */

    struct kind kinds[SLOTS_MAX];
    unsigned int n_kinds;

    /* The last sharing texts of this CPU: its private caches have all the same. */
    struct {
        char text[MEMO_TEXT];
        struct cpuctl_set *set;
    } memos[MEMOS];
    unsigned int n_memos;
};

static int *new_table(size_t n)
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
static uint64_t read_size(struct walk *walk, unsigned int cpu, unsigned int slot)
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

/* Keeps @set until the topology is freed. */
static int keep_set(struct walk *walk, struct cpuctl_set *set)
{
    struct cpuctl_topology *topology = walk->topology;

    if (topology->n_cache_sets == walk->set_room) {
        size_t room = walk->set_room * 2 + 64;
        struct cpuctl_set **larger =
            reallocarray(topology->cache_sets, room, sizeof(*topology->cache_sets));

        if (!larger)
            return -ENOMEM;
        topology->cache_sets = larger;
        walk->set_room = room;
    }
    topology->cache_sets[topology->n_cache_sets++] = set;
    return 0;
}

/* Who shares index @slot of @cpu. Returns 1, 0 (there is no such index) or a negative errno. */
static int read_set(struct walk *walk, unsigned int cpu, unsigned int slot,
                    struct cpuctl_set **ret_set)
{
    static const char *const files[] = { "shared_cpu_list", "shared_cpu_map" };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    struct topology_reader *reader = walk->reader;
    ssize_t n = -ENOENT;
    int r = -ENOENT;

    for (int i = walk->sharing_variant < 0 ? 0 : walk->sharing_variant; i < 2; i++) {
        n = read_attribute(walk, cpu, slot, files[i], reader->text, sizeof(reader->text));
        for (unsigned int j = 0; n > 0 && j < walk->n_memos; j++)
            if (strcmp(reader->text, walk->memos[j].text) == 0) {
                *ret_set = walk->memos[j].set;
                return 1;
            }
        r = topology_parse_sharing(reader, n, cpu, i == 0, &set);
        if (r == 0)
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
        r = keep_set(walk, set);
    if (r < 0)
        return r;
    *ret_set = TAKE_PTR(set);
    if (walk->n_memos < MEMOS && n > 0 && n < MEMO_TEXT) {
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
    kind->cache = new_table(walk->topology->n_cpus);
    if (!kind->cache)
        return -ENOMEM;
    kind->level = level;
    kind->type = type;
    return (int)walk->n_kinds++;
}

/* Reads all that is told of one index, but for who shares it and its size. */
static int read_slot(struct walk *walk, unsigned int cpu, unsigned int index, struct slot *slot)
{
    struct cpuctl_cache *cache = &slot->attributes;
    char id[ROOT_VALUE_MAX];
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
    slot->has_id = read_attribute(walk, cpu, index, "id", id, sizeof(id)) > 0;
    return 0;
}

/* Reads a new class from its first core, of which @found has the whole list. */
static int read_class(struct walk *walk, unsigned int cpu, const struct found *found,
                      unsigned int n_slots, struct cache_class **ret_class)
{
    struct cpuctl_topology *topology = walk->topology;
    struct cache_class *class;

    if (topology->n_classes == walk->class_room) {
        size_t room = walk->class_room * 2 + 8;
        struct cache_class **larger =
            reallocarray(topology->classes, room, sizeof(*topology->classes));

        if (!larger)
            return -ENOMEM;
        topology->classes = larger;
        walk->class_room = room;
    }
    class = calloc(1, sizeof(*class) + n_slots * sizeof(class->slots[0]));
    if (!class)
        return -ENOMEM;
    topology->classes[topology->n_classes++] = class;
    class->n_slots = n_slots;
    for (unsigned int i = 0; i < n_slots; i++) {
        int r;

        class->slots[i].size = found[i].size;
        class->slots[i].n_cpus = found[i].n_cpus;
        r = read_slot(walk, cpu, i, &class->slots[i]);
        if (r < 0)
            return r;
    }
    *ret_class = class;
    return 0;
}

static struct cache_class *find_class(const struct cpuctl_topology *topology,
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
static bool fits_class(const struct walk *walk, const struct cache_class *class,
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
            r = keep_set(walk, without);
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

static int add_cache(struct walk *walk, unsigned int cpu, unsigned int index,
                     const struct slot *slot, const struct cpuctl_set *set)
{
    struct cpuctl_topology *topology = walk->topology;
    struct kind *kind = &walk->kinds[slot->kind];
    struct cpuctl_cache *cache;
    char text[ROOT_VALUE_MAX];
    int r;

    r = leave_out_known(walk, kind, &set);
    if (r < 0)
        return r;
    if (topology->n_caches == walk->room) {
        unsigned int room = walk->room * 2 + 64;
        struct cpuctl_cache *larger =
            reallocarray(topology->caches, room, sizeof(*topology->caches));

        if (!larger)
            return -ENOMEM;
        topology->caches = larger;
        walk->room = room;
    }
    cache = &topology->caches[topology->n_caches];
    *cache = slot->attributes;
    cache->cpus = set;
    cache->id = -1;
    if (slot->has_id && read_attribute(walk, cpu, index, "id", text, sizeof(text)) > 0) {
        char *end;
        long id = strtol(text, &end, 10);

        if (end != text && id >= 0 && id <= INT32_MAX)
            cache->id = (int)id;
    }
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
            r = add_cache(walk, cpu, i, slot, found[i].set);
            if (r < 0)
                return r;
        }
        cache = walk->kinds[slot->kind].cache[cpu];
        cpuctl_set_foreach (sharer, walk->topology->caches[cache].cpus)
            walk->by_slot[i][sharer] = cache;
    }
    return 0;
}

/* Lists the indexes of @cpu; where @anew, without regard to what was met before. Returns their
 * number or a negative errno. */
static int list_slots(struct walk *walk, unsigned int cpu, bool anew, struct found *found)
{
    for (unsigned int i = 0; i < SLOTS_MAX; i++) {
        const struct cpuctl_cache *cache;
        int r;

        if (!walk->by_slot[i]) {
            walk->by_slot[i] = new_table(walk->topology->n_cpus);
            if (!walk->by_slot[i])
                return -ENOMEM;
        }
        found[i].cache = anew || walk->ambiguous[i] ? -1 : walk->by_slot[i][cpu];
        if (found[i].cache >= 0) {
            cache = &walk->topology->caches[found[i].cache];
            found[i].size = cache->size;
            found[i].n_cpus = cpuctl_set_count(cache->cpus);
            continue;
        }
        r = read_set(walk, cpu, i, &found[i].set);
        if (r < 0)
            return r;
        if (r == 0)
            return (int)i;
        found[i].size = read_size(walk, cpu, i);
        found[i].n_cpus = cpuctl_set_count(found[i].set);
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
    class = find_class(walk->topology, found, (unsigned int)n);
    if (!class) {
        int r = read_class(walk, cpu, found, (unsigned int)n, &class);

        if (r < 0)
            return r;
    }
    for (int i = 0; i < n; i++) {
        int met = walk->by_slot[i][cpu];

        if (met >= 0 && class->slots[i].named &&
            met != walk->kinds[class->slots[i].kind].cache[cpu])
            walk->ambiguous[i] = true;
    }
    *ret_class = class;
    return n;
}

static int read_cpu(struct walk *walk, unsigned int cpu)
{
    struct found found[SLOTS_MAX] = { 0 };
    struct cache_class *class;
    int n, r;

    walk->n_memos = 0;
    n = list_slots(walk, cpu, false, found);
    if (n < 0)
        return n;
    class = find_class(walk->topology, found, (unsigned int)n);
    if (!class || !fits_class(walk, class, found)) {
        n = read_anew(walk, cpu, found, &class);
        if (n < 0)
            return n;
    }
    r = add_caches(walk, cpu, class, found);
    if (r < 0)
        return r;
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
        if (walk->by_slot[i][cpu] < 0)
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
