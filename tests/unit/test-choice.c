/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The choice of CPUs to take offline: worked examples, and properties over made-up machines. */
#include "main.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "cpuset.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CPUS_MAX      512

/** A regular machine. */
struct shape {
    unsigned int nodes;
    unsigned int sockets; /**< of each node; 0: all nodes are in one socket */
    unsigned int cores;   /**< of each socket, or node where sockets is 0 */
    unsigned int threads; /**< of each core */
    bool neighbours;      /**< siblings are numbered together, and not all first threads first */
};

static size_t make_table(const struct shape *shape, struct choice_cpu *cpus)
{
    unsigned int sockets = shape->sockets ? shape->sockets : 1;
    unsigned int cores = shape->nodes * sockets * shape->cores;
    size_t n = (size_t)cores * shape->threads;

    ck_assert_uint_le(n, CPUS_MAX);
    for (unsigned int i = 0; i < n; i++) {
        unsigned int core = shape->neighbours ? i / shape->threads : i % cores;

        cpus[i] = (struct choice_cpu){
            .cpu = i,
            .core = core,
            .node = core / (sockets * shape->cores),
            .socket = shape->sockets ? core / shape->cores : 0,
            .rank = i == 0 ? CHOICE_NEVER : CHOICE_FREE,
        };
    }
    return n;
}

/** The choice as text: "7 6 3", a split core's threads in brackets. */
static const char *chosen(const struct choice_cpu *cpus, size_t n, size_t count, char *text)
{
    struct choice_pick picks[CPUS_MAX];
    ssize_t chosen_n = choice_offline(cpus, n, count, picks);
    char *p = text;

    ck_assert_int_ge(chosen_n, 0);
    *p = '\0';
    for (ssize_t i = 0; i < chosen_n; i++)
        p +=
            sprintf(p, picks[i].splits ? "%s(%u)" : "%s%u", i ? " " : "", cpus[picks[i].index].cpu);
    return text;
}

#define assert_choice(cpus, n, count, expected)                                                    \
    do {                                                                                           \
        char text_[CPUS_MAX * 8];                                                                  \
        ck_assert_str_eq(chosen(cpus, n, count, text_), expected);                                 \
    } while (0)

START_TEST(example_of_the_documentation)
{
    /* docs/architecture.md: 2 nodes of 1 socket, 2 cores, 2 threads; CPUs 2n and 2n + 1 a core */
    const struct shape shape = { 2, 1, 2, 2, true };
    struct choice_cpu cpus[CPUS_MAX];
    size_t n = make_table(&shape, cpus);

    assert_choice(cpus, n, 0, "");
    assert_choice(cpus, n, 1, "(7)");
    assert_choice(cpus, n, 2, "7 6");
    assert_choice(cpus, n, 3, "7 6 (3)");
    assert_choice(cpus, n, 4, "7 6 3 2");
    assert_choice(cpus, n, 5, "7 6 3 2 (5)");
    assert_choice(cpus, n, 6, "7 6 3 2 5 4");
    assert_choice(cpus, n, 7, "7 6 3 2 5 4 (1)");
    assert_choice(cpus, n, 8, "7 6 3 2 5 4 (1)");
    assert_choice(cpus, n, SIZE_MAX, "7 6 3 2 5 4 (1)");
}
END_TEST

START_TEST(siblings_far_apart)
{
    const struct shape shape = { 1, 1, 4, 2, false };
    struct choice_cpu cpus[CPUS_MAX];
    size_t n = make_table(&shape, cpus);

    assert_choice(cpus, n, 3, "7 3 (6)");
    assert_choice(cpus, n, 8, "7 3 6 2 5 1 (4)");
}
END_TEST

START_TEST(sockets_within_a_node)
{
    /* no NUMA: one node over two sockets */
    const struct shape shape = { 1, 2, 3, 1, true };
    struct choice_cpu cpus[CPUS_MAX];
    size_t n = make_table(&shape, cpus);

    assert_choice(cpus, n, 6, "5 2 4 1 3");
}
END_TEST

START_TEST(nodes_within_a_socket)
{
    /* sub-NUMA clustering: two nodes share a socket; the tie of nodes is broken by the sockets */
    struct choice_cpu cpus[8];

    for (unsigned int i = 0; i < 8; i++)
        cpus[i] = (struct choice_cpu){ i, i, i / 2, i / 4, i ? CHOICE_FREE : CHOICE_NEVER };
    assert_choice(cpus, 8, 4, "7 3 5 1");
    assert_choice(cpus, 8, 8, "7 3 5 1 6 2 4");
}
END_TEST

START_TEST(sockets_of_unequal_nodes)
{
    /* node 0 has two sockets, node 1 has one, as where a socket has no memory of its own */
    struct choice_cpu cpus[6];

    for (unsigned int i = 0; i < 6; i++)
        cpus[i] = (struct choice_cpu){ i, i, i / 4, i / 2, i ? CHOICE_FREE : CHOICE_NEVER };
    assert_choice(cpus, 6, 6, "3 1 5 2 4");
}
END_TEST

START_TEST(unequal_nodes)
{
    struct choice_cpu cpus[8];

    for (unsigned int i = 0; i < 8; i++)
        cpus[i] = (struct choice_cpu){ i, i, i >= 6, i >= 6, i ? CHOICE_FREE : CHOICE_NEVER };
    assert_choice(cpus, 8, 8, "5 4 3 2 7 1 6");
}
END_TEST

/* Four cores of two threads and, numbered below them, two of one. */
static void make_hybrid(struct choice_cpu *cpus)
{
    for (unsigned int i = 0; i < 10; i++)
        cpus[i] = (struct choice_cpu){ .cpu = i, .core = i < 2 ? i : 1 + i / 2 };
    cpus[0].rank = CHOICE_NEVER;
}

START_TEST(cores_of_different_sizes)
{
    struct choice_cpu cpus[10];

    make_hybrid(cpus);
    assert_choice(cpus, 10, 1, "1"); /* not a half of 8 and 9 */
    assert_choice(cpus, 10, 2, "9 8");
    assert_choice(cpus, 10, 3, "9 8 1");
    assert_choice(cpus, 10, 4, "9 8 7 6");
    assert_choice(cpus, 10, 9, "9 8 7 6 5 4 3 2 1");

    /* without the small core there is no way around a split, of one core only */
    cpus[1].rank = CHOICE_NEVER;
    assert_choice(cpus, 10, 3, "9 8 (7)");
}
END_TEST

START_TEST(half_cores)
{
    const struct shape shape = { 1, 1, 4, 2, true };
    struct choice_cpu cpus[CPUS_MAX];
    size_t n = make_table(&shape, cpus);

    cpus[5].rank = CHOICE_ABSENT; /* the sibling of 4 is offline already */
    assert_choice(cpus, n, 1, "4");
    assert_choice(cpus, n, 2, "7 6");
    assert_choice(cpus, n, 3, "7 6 4");
    cpus[3].rank = CHOICE_ABSENT;
    assert_choice(cpus, n, 1, "4");
    assert_choice(cpus, n, 2, "7 6");
    assert_choice(cpus, n, 4, "7 6 4 2");
}
END_TEST

START_TEST(reserved_ones_go_last)
{
    const struct shape shape = { 1, 1, 4, 2, true };
    struct choice_cpu cpus[CPUS_MAX];
    size_t n = make_table(&shape, cpus);

    cpus[7].rank = cpus[6].rank = cpus[5].rank = CHOICE_RESERVED;
    assert_choice(cpus, n, 2, "3 2");
    assert_choice(cpus, n, 3, "3 2 (4)");
    assert_choice(cpus, n, 4, "3 2 (4) (1)");
    assert_choice(cpus, n, 8, "3 2 (4) (1) 7 6 5");
}
END_TEST

START_TEST(cpus_that_must_stay)
{
    const struct shape shape = { 1, 1, 4, 2, true };
    struct choice_cpu cpus[CPUS_MAX];
    size_t n = make_table(&shape, cpus);

    cpus[7].rank = cpus[5].rank = CHOICE_NEVER;
    assert_choice(cpus, n, 2, "3 2");
    /* 6, 4 and 1 have siblings that stay: taking one splits its core */
    assert_choice(cpus, n, 4, "3 2 (6) (4)");
    assert_choice(cpus, n, 8, "3 2 (6) (4) (1)");
    for (size_t i = 0; i < n; i++)
        cpus[i].rank = CHOICE_NEVER;
    assert_choice(cpus, n, 3, "");
}
END_TEST

START_TEST(only_cpu_0)
{
    const struct choice_cpu cpu = { .rank = CHOICE_NEVER };

    assert_choice(&cpu, 1, 1, "");
}
END_TEST

static const struct shape shapes[] = {
    { 1, 1, 1, 2, true }, { 1, 1, 4, 1, true },  { 1, 1, 4, 2, true },   { 1, 1, 4, 2, false },
    { 2, 1, 4, 2, true }, { 2, 1, 4, 2, false }, { 4, 1, 3, 2, true },   { 4, 0, 2, 2, false },
    { 2, 2, 3, 2, true }, { 1, 4, 3, 2, false }, { 2, 1, 4, 8, true },   { 8, 1, 4, 4, false },
    { 3, 1, 5, 1, true }, { 1, 2, 16, 1, true }, { 4, 2, 16, 2, false },
};

/** How many of @n groups are between the fullest and the emptiest, in CPUs. */
static unsigned int spread(const unsigned int *left, unsigned int n)
{
    unsigned int least = UINT32_MAX, most = 0;

    for (unsigned int i = 0; i < n; i++) {
        least = left[i] < least ? left[i] : least;
        most = left[i] > most ? left[i] : most;
    }
    return most - least;
}

START_TEST(properties_of_regular_machines)
{
    const struct shape *shape = &shapes[_i];
    struct choice_cpu cpus[CPUS_MAX];
    struct choice_pick picks[CPUS_MAX], all[CPUS_MAX];
    size_t n = make_table(shape, cpus);
    unsigned int n_sockets = shape->sockets ? shape->nodes * shape->sockets : 1;
    ssize_t n_all = choice_offline(cpus, n, n, all);

    ck_assert_int_eq(n_all, (ssize_t)n - 1);
    for (size_t count = 0; count < n; count++) {
        unsigned int node_left[CPUS_MAX] = { 0 }, socket_left[CPUS_MAX] = { 0 };
        unsigned int core_left[CPUS_MAX] = { 0 }, split = 0;
        bool gone[CPUS_MAX] = { false };

        ck_assert_int_eq(choice_offline(cpus, n, count, picks), (ssize_t)count);
        for (size_t i = 0; i < count; i++) {
            ck_assert_uint_ne(cpus[picks[i].index].cpu, 0);
            ck_assert(!gone[picks[i].index]);
            gone[picks[i].index] = true;
            /* a smaller number is a beginning of the same order, so the reverse is one as well */
            ck_assert_uint_eq(picks[i].index, all[i].index);
        }
        for (size_t i = 0; i < n; i++) {
            node_left[cpus[i].node] += !gone[i];
            socket_left[cpus[i].socket] += !gone[i];
            core_left[cpus[i].core] += !gone[i];
        }
        for (size_t i = 0; i < n / shape->threads; i++)
            split += core_left[i] != 0 && core_left[i] != shape->threads;
        ck_assert_uint_eq(split, count % shape->threads != 0);
        ck_assert_uint_le(spread(node_left, shape->nodes), shape->threads);
        ck_assert_uint_le(spread(socket_left, n_sockets), shape->threads);
    }
}
END_TEST

/** How many cores a choice splits: cores that lose a thread and keep one. */
static unsigned int splits_of(const struct choice_cpu *cpus, size_t n, unsigned int mask)
{
    unsigned int lost = 0, kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (mask & 1U << i)
            lost |= 1U << cpus[i].core;
        else if (cpus[i].rank != CHOICE_ABSENT)
            kept |= 1U << cpus[i].core;
    }
    return (unsigned int)__builtin_popcount(lost & kept);
}

START_TEST(fewest_splits_by_brute_force)
{
    uint32_t seed = 12345 + (uint32_t)_i;

    for (unsigned int round = 0; round < 40; round++) {
        struct choice_cpu cpus[9];
        struct choice_pick picks[9];
        unsigned int allowed = 0, fewest[10];

        for (unsigned int i = 0; i < 9; i++) {
            seed = seed * 1103515245 + 12345;
            cpus[i] = (struct choice_cpu){
                .cpu = i,
                .core = (seed >> 16) % 5,
                .node = (seed >> 20) % 2,
                .rank = i == 0             ? CHOICE_NEVER
                        : (seed >> 24) % 6 ? CHOICE_FREE
                                           : CHOICE_ABSENT,
            };
            if (cpus[i].rank == CHOICE_FREE)
                allowed |= 1U << i;
        }
        memset(fewest, 0xff, sizeof(fewest));
        for (unsigned int mask = 0; mask < 1U << 9; mask++) {
            unsigned int count = (unsigned int)__builtin_popcount(mask);

            if ((mask & ~allowed) == 0 && splits_of(cpus, 9, mask) < fewest[count])
                fewest[count] = splits_of(cpus, 9, mask);
        }
        for (unsigned int count = 0; count <= (unsigned int)__builtin_popcount(allowed); count++) {
            unsigned int mask = 0;

            ck_assert_int_eq(choice_offline(cpus, 9, count, picks), (ssize_t)count);
            for (unsigned int i = 0; i < count; i++)
                mask |= 1U << picks[i].index;
            ck_assert_uint_eq(mask & ~allowed, 0);
            ck_assert_uint_eq(splits_of(cpus, 9, mask), fewest[count]);
        }
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("choice");
    TCase *examples = tcase_create("examples"), *properties = tcase_create("properties");

    tcase_add_test(examples, example_of_the_documentation);
    tcase_add_test(examples, siblings_far_apart);
    tcase_add_test(examples, sockets_within_a_node);
    tcase_add_test(examples, nodes_within_a_socket);
    tcase_add_test(examples, sockets_of_unequal_nodes);
    tcase_add_test(examples, unequal_nodes);
    tcase_add_test(examples, cores_of_different_sizes);
    tcase_add_test(examples, half_cores);
    tcase_add_test(examples, reserved_ones_go_last);
    tcase_add_test(examples, cpus_that_must_stay);
    tcase_add_test(examples, only_cpu_0);
    suite_add_tcase(suite, examples);
    tcase_add_loop_test(properties, properties_of_regular_machines, 0, ARRAY_SIZE(shapes));
    tcase_add_loop_test(properties, fewest_splits_by_brute_force, 0, 20);
    suite_add_tcase(suite, properties);
    return suite;
}
