/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU sets: bit masks of any size that grow as needed. */
#include "cpuset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t min_words(const struct cpuctl_set *a, const struct cpuctl_set *b)
{
    return a->n_words < b->n_words ? a->n_words : b->n_words;
}

/* True when all words from @from on are zero. */
static bool tail_is_zero(const struct cpuctl_set *set, size_t from)
{
    for (size_t i = from; i < set->n_words; i++)
        if (set->words[i] != 0)
            return false;
    return true;
}

/* Makes room for @n_words words; half as many again as there were, so that a set that grows CPU by
 * CPU is not copied each time. */
static int grow(struct cpuctl_set *set, size_t n_words)
{
    uint64_t *words;

    if (n_words <= set->n_words)
        return 0;
    if (n_words < set->n_words + set->n_words / 2)
        n_words = set->n_words + set->n_words / 2;
    words = reallocarray(set->words, n_words, sizeof(*words));
    if (!words)
        return -ENOMEM;
    memset(words + set->n_words, 0, (n_words - set->n_words) * sizeof(*words));
    set->words = words;
    set->n_words = n_words;
    return 0;
}

struct cpuctl_set *cpuctl_set_new(void)
{
    return calloc(1, sizeof(struct cpuctl_set));
}

void cpuctl_set_free(struct cpuctl_set *set)
{
    if (!set)
        return;
    free(set->words);
    free(set);
}

struct cpuctl_set *cpuctl_set_dup(const struct cpuctl_set *set)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *copy = cpuctl_set_new();

    if (!copy || cpuctl_set_or(copy, set) < 0)
        return NULL;
    return TAKE_PTR(copy);
}

int cpuctl_set_add(struct cpuctl_set *set, unsigned int cpu)
{
    return cpuctl_set_add_range(set, cpu, cpu);
}

int cpuctl_set_add_range(struct cpuctl_set *set, unsigned int first, unsigned int last)
{
    size_t from = first / CPUSET_WORD_BITS, to = last / CPUSET_WORD_BITS;
    uint64_t from_mask = UINT64_MAX << (first % CPUSET_WORD_BITS);
    uint64_t to_mask = UINT64_MAX >> (CPUSET_WORD_BITS - 1 - last % CPUSET_WORD_BITS);
    int r;

    if (first > last)
        return -EINVAL;
    if (last >= CPUCTL_CPUS_MAX)
        return -ERANGE;
    r = grow(set, to + 1);
    if (r < 0)
        return r;

    if (from == to) {
        set->words[from] |= from_mask & to_mask;
        return 0;
    }
    set->words[from] |= from_mask;
    for (size_t i = from + 1; i < to; i++)
        set->words[i] = UINT64_MAX;
    set->words[to] |= to_mask;
    return 0;
}

void cpuctl_set_remove(struct cpuctl_set *set, unsigned int cpu)
{
    if (cpu / CPUSET_WORD_BITS < set->n_words)
        set->words[cpu / CPUSET_WORD_BITS] &= ~(UINT64_C(1) << (cpu % CPUSET_WORD_BITS));
}

void cpuctl_set_clear(struct cpuctl_set *set)
{
    if (set->n_words > 0)
        memset(set->words, 0, set->n_words * sizeof(*set->words));
}

bool cpuctl_set_has(const struct cpuctl_set *set, unsigned int cpu)
{
    return cpu / CPUSET_WORD_BITS < set->n_words &&
           (set->words[cpu / CPUSET_WORD_BITS] >> (cpu % CPUSET_WORD_BITS) & 1) != 0;
}

unsigned int cpuctl_set_count(const struct cpuctl_set *set)
{
    unsigned int count = 0;

    for (size_t i = 0; i < set->n_words; i++)
        count += (unsigned int)__builtin_popcountll(set->words[i]);
    return count;
}

bool cpuctl_set_is_empty(const struct cpuctl_set *set)
{
    return tail_is_zero(set, 0);
}

bool cpuctl_set_equal(const struct cpuctl_set *a, const struct cpuctl_set *b)
{
    size_t n = min_words(a, b);

    for (size_t i = 0; i < n; i++)
        if (a->words[i] != b->words[i])
            return false;
    return tail_is_zero(a, n) && tail_is_zero(b, n);
}

bool cpuctl_set_is_subset(const struct cpuctl_set *inner, const struct cpuctl_set *outer)
{
    size_t n = min_words(inner, outer);

    for (size_t i = 0; i < n; i++)
        if ((inner->words[i] & ~outer->words[i]) != 0)
            return false;
    return tail_is_zero(inner, n);
}

bool cpuctl_set_intersects(const struct cpuctl_set *a, const struct cpuctl_set *b)
{
    size_t n = min_words(a, b);

    for (size_t i = 0; i < n; i++)
        if ((a->words[i] & b->words[i]) != 0)
            return true;
    return false;
}

int cpuctl_set_or(struct cpuctl_set *set, const struct cpuctl_set *other)
{
    int last = cpuset_last(other);
    int r;

    if (last < 0)
        return 0;
    r = grow(set, (size_t)last / CPUSET_WORD_BITS + 1);
    if (r < 0)
        return r;
    for (size_t i = 0; i <= (size_t)last / CPUSET_WORD_BITS; i++)
        set->words[i] |= other->words[i];
    return 0;
}

void cpuctl_set_and(struct cpuctl_set *set, const struct cpuctl_set *other)
{
    size_t n = min_words(set, other);

    for (size_t i = 0; i < n; i++)
        set->words[i] &= other->words[i];
    for (size_t i = n; i < set->n_words; i++)
        set->words[i] = 0;
}

void cpuctl_set_andnot(struct cpuctl_set *set, const struct cpuctl_set *other)
{
    size_t n = min_words(set, other);

    for (size_t i = 0; i < n; i++)
        set->words[i] &= ~other->words[i];
}

int cpuctl_set_next(const struct cpuctl_set *set, unsigned int from)
{
    uint64_t mask = UINT64_MAX << (from % CPUSET_WORD_BITS);

    for (size_t i = from / CPUSET_WORD_BITS; i < set->n_words; i++, mask = UINT64_MAX)
        if ((set->words[i] & mask) != 0)
            return (int)(i * CPUSET_WORD_BITS) + __builtin_ctzll(set->words[i] & mask);
    return -1;
}

int cpuctl_set_prev(const struct cpuctl_set *set, unsigned int from)
{
    size_t i = from / CPUSET_WORD_BITS;
    uint64_t mask = UINT64_MAX >> (CPUSET_WORD_BITS - 1 - from % CPUSET_WORD_BITS);

    if (i >= set->n_words) {
        i = set->n_words - 1; /* wraps when there are none: the loop below is then not entered */
        mask = UINT64_MAX;
    }
    for (; i < set->n_words; i--, mask = UINT64_MAX)
        if ((set->words[i] & mask) != 0)
            return (int)(i * CPUSET_WORD_BITS + CPUSET_WORD_BITS - 1) -
                   __builtin_clzll(set->words[i] & mask);
    return -1;
}

int cpuset_last(const struct cpuctl_set *set)
{
    return cpuctl_set_prev(set, CPUCTL_CPUS_MAX - 1);
}
