/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The choice of CPUs to take offline: whole cores before splitting one, always from the place that
 * has the most CPUs left, there the highest-numbered core, and of a split core the highest-numbered
 * thread. A place is what a NUMA node and a socket have in common: a socket can have several nodes
 * (sub-NUMA clustering), and a node several sockets (one of them without memory), and none of them
 * is to be emptied before the others.
 *
 * Cores may be of different sizes (hybrid processors; cores whose sibling is offline already). To
 * split none that need not be split, a whole core is taken only if the rest of the count can still
 * be made up of whole cores: the subset sum problem, small because core sizes are.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "choice.h"
#include "cleanup.h"

/** A core; its number is that of its lowest CPU, whether that is left or not. */
struct core {
    size_t first;      /**< its CPUs' place in struct choice.members */
    size_t size;       /**< how many places it has there */
    unsigned int left; /**< its CPUs that were not chosen yet */
    unsigned int open; /**< those of them that may be chosen now */
    bool done;         /**< whole cores: was chosen */
};

struct choice {
    const struct choice_cpu *cpus;
    size_t n_cpus;
    struct core *cores;
    size_t n_cores;
    size_t *members;          /**< indexes into @cpus, grouped by core, rising in each */
    bool *gone;               /**< by index into @cpus: was chosen, or was never there */
    size_t *place_of;         /**< by index into @cpus */
    unsigned int *place_left; /**< by place: CPUs that were not chosen yet */
    unsigned int *node_left;
    unsigned int *socket_left;
    unsigned int *whole;   /**< by size: whole cores that can be chosen */
    unsigned int *spent;   /**< scratch of whole_cores_reach() */
    enum choice_rank rank; /**< what may be chosen now */
    struct choice_pick *picks;
    size_t n_picks;
};

static void choice_release(struct choice *c)
{
    free(c->cores);
    free(c->members);
    free(c->gone);
    free(c->place_of);
    free(c->place_left);
    free(c->node_left);
    free(c->socket_left);
    free(c->whole);
    free(c->spent);
}

static const struct choice_cpu *core_cpu(const struct choice *c, const struct core *core)
{
    return &c->cpus[c->members[core->first]];
}

static bool core_is_whole(const struct core *core)
{
    return core->open > 0 && core->open == core->left;
}

/** True when the rules take core @a before core @b. */
static bool core_goes_before(const struct choice *c, const struct core *a, const struct core *b)
{
    const struct choice_cpu *x = core_cpu(c, a), *y = core_cpu(c, b);
    unsigned int left_a = c->place_left[c->place_of[c->members[a->first]]];
    unsigned int left_b = c->place_left[c->place_of[c->members[b->first]]];

    if (left_a != left_b)
        return left_a > left_b;
    if (c->node_left[x->node] != c->node_left[y->node])
        return c->node_left[x->node] > c->node_left[y->node];
    if (c->socket_left[x->socket] != c->socket_left[y->socket])
        return c->socket_left[x->socket] > c->socket_left[y->socket];
    return x->cpu > y->cpu;
}

static int compare_sizes(const void *a, const void *b)
{
    const size_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/** Numbers the places: a place's number is where its key is first among the sorted keys. */
static int number_places(struct choice *c)
{
    size_t n = c->n_cpus;
    _cleanup_free_ size_t *keys = calloc(n, sizeof(*keys));

    c->place_of = calloc(n, sizeof(*c->place_of));
    c->place_left = calloc(n, sizeof(*c->place_left));
    if (!keys || !c->place_of || !c->place_left)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        keys[i] = c->cpus[i].node * n + c->cpus[i].socket;
    qsort(keys, n, sizeof(*keys), compare_sizes);
    for (size_t i = 0; i < n; i++) {
        size_t key = c->cpus[i].node * n + c->cpus[i].socket, low = 0, high = n;

        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (keys[middle] < key)
                low = middle + 1;
            else
                high = middle;
        }
        c->place_of[i] = low;
    }
    return 0;
}

/** Groups the CPUs by core. */
static int choice_init(struct choice *c)
{
    size_t n = c->n_cpus, place = 0;
    _cleanup_free_ size_t *core_of = calloc(n, sizeof(*core_of));

    c->cores = calloc(n, sizeof(*c->cores));
    c->members = calloc(n, sizeof(*c->members));
    c->gone = calloc(n, sizeof(*c->gone));
    c->node_left = calloc(n, sizeof(*c->node_left));
    c->socket_left = calloc(n, sizeof(*c->socket_left));
    c->whole = calloc(n + 1, sizeof(*c->whole));
    if (!core_of || !c->cores || !c->members || !c->gone || !c->node_left || !c->socket_left ||
        !c->whole || number_places(c) < 0)
        return -ENOMEM;

    /* core_of: the table's core → our core, plus 1 */
    for (size_t i = 0; i < n; i++) {
        const struct choice_cpu *cpu = &c->cpus[i];

        if (!core_of[cpu->core])
            core_of[cpu->core] = ++c->n_cores;
        c->cores[core_of[cpu->core] - 1].size++;
        if (cpu->rank == CHOICE_ABSENT) {
            c->gone[i] = true;
            continue;
        }
        c->place_left[c->place_of[i]]++;
        c->node_left[cpu->node]++;
        c->socket_left[cpu->socket]++;
    }
    for (size_t i = 0; i < c->n_cores; i++) {
        c->cores[i].first = place;
        place += c->cores[i].size;
        c->cores[i].size = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct core *core = &c->cores[core_of[c->cpus[i].core] - 1];

        c->members[core->first + core->size++] = i;
    }
    return 0;
}

/** Counts what may be chosen at @rank. */
static void choice_begin(struct choice *c, enum choice_rank rank)
{
    c->rank = rank;
    memset(c->whole, 0, (c->n_cpus + 1) * sizeof(*c->whole));
    for (struct core *core = c->cores; core < c->cores + c->n_cores; core++) {
        core->left = core->open = 0;
        core->done = false;
        for (size_t i = core->first; i < core->first + core->size; i++) {
            if (c->gone[c->members[i]])
                continue;
            core->left++;
            core->open += c->cpus[c->members[i]].rank == rank;
        }
        if (core_is_whole(core))
            c->whole[core->open]++;
    }
}

/**
 * The greatest number of CPUs, up to @count, that whole cores sum up to. @except: a core of this
 * size is not to be counted (0: none).
 */
static size_t whole_cores_reach(struct choice *c, size_t count, size_t except)
{
    /* spent[sum]: how many cores of the present size it takes at least; UINT32_MAX: not reached */
    memset(c->spent, 0xff, (count + 1) * sizeof(*c->spent));
    c->spent[0] = 0;
    for (size_t size = 1; size <= c->n_cpus; size++) {
        unsigned int cores = c->whole[size] - (size == except);

        if (!c->whole[size] || !cores)
            continue;
        for (size_t sum = 0; sum <= count; sum++) {
            if (c->spent[sum] != UINT32_MAX)
                c->spent[sum] = 0;
            else if (sum >= size && c->spent[sum - size] < cores)
                c->spent[sum] = c->spent[sum - size] + 1;
        }
    }
    while (c->spent[count] == UINT32_MAX)
        count--;
    return count;
}

/** Chooses the @count highest open threads of @core. */
static void take_threads(struct choice *c, struct core *core, size_t count)
{
    const struct choice_cpu *any = core_cpu(c, core);
    bool splits = count < core->left;

    for (size_t i = core->first + core->size; count > 0 && i-- > core->first;) {
        size_t index = c->members[i];

        if (c->gone[index] || c->cpus[index].rank != c->rank)
            continue;
        c->gone[index] = true;
        c->picks[c->n_picks++] = (struct choice_pick){ .index = index, .splits = splits };
        c->place_left[c->place_of[index]]--;
        c->node_left[any->node]--;
        c->socket_left[any->socket]--;
        core->left--;
        core->open--;
        count--;
    }
}

/** Chooses whole cores, @count CPUs in all: a sum that whole_cores_reach() gave. */
static void take_whole_cores(struct choice *c, size_t count)
{
    while (count > 0) {
        struct core *best = NULL;
        size_t size;

        for (struct core *core = c->cores; core < c->cores + c->n_cores; core++)
            if (!core->done && core_is_whole(core) && (!best || core_goes_before(c, core, best)))
                best = core;
        if (!best)
            break;
        best->done = true;
        size = best->open;
        /* A core that does not fit now will not fit later either: with it gone the sum would have
         * been out of reach before. */
        if (size > count || whole_cores_reach(c, count - size, size) != count - size)
            continue;
        c->whole[size]--;
        take_threads(c, best, size);
        count -= size;
    }
}

/** Chooses @count CPUs, or all there are, from cores that keep a thread; as few cores as can be. */
static void take_from_split_cores(struct choice *c, size_t count)
{
    while (count > 0) {
        struct core *best = NULL;

        for (struct core *core = c->cores; core < c->cores + c->n_cores; core++) {
            if (core->open == 0)
                continue;
            if (!best || (core->open >= count) > (best->open >= count) ||
                ((core->open >= count) == (best->open >= count) && core_goes_before(c, core, best)))
                best = core;
        }
        if (!best)
            break;

        size_t threads = best->open < count ? best->open : count;

        take_threads(c, best, threads);
        count -= threads;
    }
}

ssize_t choice_offline(const struct choice_cpu *cpus, size_t n_cpus, size_t count,
                       struct choice_pick *ret_picks)
{
    _cleanup_(choice_release) struct choice c = {
        .cpus = cpus,
        .n_cpus = n_cpus,
        .picks = ret_picks,
    };
    int r;

    if (count > n_cpus)
        count = n_cpus;
    if (count == 0)
        return 0;
    r = choice_init(&c);
    if (r < 0)
        return r;
    c.spent = calloc(count + 1, sizeof(*c.spent));
    if (!c.spent)
        return -ENOMEM;

    for (enum choice_rank rank = CHOICE_FREE; rank <= CHOICE_RESERVED; rank++) {
        choice_begin(&c, rank);
        take_whole_cores(&c, whole_cores_reach(&c, count - c.n_picks, 0));
        take_from_split_cores(&c, count - c.n_picks);
    }
    return (ssize_t)c.n_picks;
}
