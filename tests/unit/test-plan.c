/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans on made-up machines: named CPUs, exact sets, numbers of CPUs, what is spared and said. */
#include "main.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpuset.h"
#include "plan.h"
#include "root.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/** A machine whose CPUs go on- and offline as the kernel shows it. */
struct machine {
    unsigned int nodes;   /**< 0: without NUMA */
    unsigned int sockets; /**< of each node, or in all */
    unsigned int cores;   /**< of each socket */
    unsigned int threads; /**< of each core */
    bool neighbours;      /**< siblings are numbered together */
    const char *fixed;    /**< CPUs without a file online */
    const char *isolated;
    const char *nohz_full;
    const char *absent; /**< possible, but not present */
};

struct fixture {
    struct machine shape;
    unsigned int n_cpus;
    char *tree;
    struct cpuctl_root *root;
    struct cpuctl_set *online;
};

static struct cpuctl_set *parse(const char *list)
{
    struct cpuctl_set *set = NULL;

    ck_assert_int_eq(cpuctl_set_parse_list(list ? list : "", 0, &set, NULL), 0);
    return set;
}

static unsigned int n_cores(const struct machine *m)
{
    return (m->nodes ? m->nodes : 1) * m->sockets * m->cores;
}

static unsigned int core_of(const struct machine *m, unsigned int cpu)
{
    return m->neighbours ? cpu / m->threads : cpu % n_cores(m);
}

static unsigned int socket_of(const struct machine *m, unsigned int cpu)
{
    return core_of(m, cpu) / m->cores;
}

static unsigned int node_of(const struct machine *m, unsigned int cpu)
{
    return socket_of(m, cpu) / m->sockets;
}

__attribute__((format(printf, 3, 4))) static void write_cpu(const struct fixture *f,
                                                            unsigned int cpu, const char *name, ...)
{
    char path[128], text[128];
    va_list arguments;

    va_start(arguments, name);
    vsnprintf(text, sizeof(text), name, arguments);
    va_end(arguments);
    /* "FILE=TEXT" */
    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/%.*s", cpu, (int)strcspn(text, "="), text);
    tree_write(f->tree, path, "%s\n", text + strcspn(text, "=") + 1);
}

/** The online CPUs that @group puts together with @cpu, as a list; the caller frees it. */
static char *siblings(const struct fixture *f, unsigned int cpu,
                      unsigned int (*group)(const struct machine *m, unsigned int cpu))
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();

    cpuctl_set_foreach (other, f->online)
        if (group(&f->shape, (unsigned int)other) == group(&f->shape, cpu))
            cpuctl_set_add(set, (unsigned int)other);
    return cpuctl_set_format_list(set);
}

static void write_topology(const struct fixture *f, unsigned int cpu)
{
    _cleanup_free_ char *core = siblings(f, cpu, core_of);
    _cleanup_free_ char *package = siblings(f, cpu, socket_of);
    char path[128];

    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/topology", cpu);
    tree_remove(f->tree, path);
    if (!cpuctl_set_has(f->online, cpu))
        return;
    write_cpu(f, cpu, "topology/core_id=%u", core_of(&f->shape, cpu));
    write_cpu(f, cpu, "topology/physical_package_id=%u", socket_of(&f->shape, cpu));
    write_cpu(f, cpu, "topology/thread_siblings_list=%s", core);
    write_cpu(f, cpu, "topology/core_cpus_list=%s", core);
    write_cpu(f, cpu, "topology/core_siblings_list=%s", package);
    write_cpu(f, cpu, "topology/package_cpus_list=%s", package);
}

/** Writes what depends on which CPUs are online. */
static void fixture_update(struct fixture *f)
{
    _cleanup_free_ char *list = cpuctl_set_format_list(f->online);

    tree_write(f->tree, ROOT_CPU_DIR "/online", "%s\n", list);
    cpuctl_set_foreach (cpu, f->online)
        write_topology(f, (unsigned int)cpu);
    for (unsigned int cpu = 0; cpu < f->n_cpus; cpu++)
        if (!cpuctl_set_has(f->online, cpu))
            write_topology(f, cpu);
    for (unsigned int node = 0; node < f->shape.nodes; node++) {
        _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
        _cleanup_free_ char *cpulist = NULL, *cpumap = NULL;
        char path[128];

        cpuctl_set_foreach (cpu, f->online)
            if (node_of(&f->shape, (unsigned int)cpu) == node)
                cpuctl_set_add(set, (unsigned int)cpu);
        cpulist = cpuctl_set_format_list(set);
        cpumap = cpuctl_set_format_mask(set, f->n_cpus);
        snprintf(path, sizeof(path), ROOT_NODE_DIR "/node%u/cpulist", node);
        tree_write(f->tree, path, "%s\n", cpulist);
        snprintf(path, sizeof(path), ROOT_NODE_DIR "/node%u/cpumap", node);
        tree_write(f->tree, path, "%s\n", cpumap);
    }
}

static struct fixture *fixture_new(const struct machine *shape)
{
    struct fixture *f = calloc(1, sizeof(*f));
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *fixed = parse(shape->fixed ? shape->fixed : "0");
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *absent = parse(shape->absent);
    _cleanup_free_ char *present = NULL;

    f->shape = *shape;
    f->n_cpus = n_cores(shape) * shape->threads;
    f->tree = tree_new();
    f->online = cpuctl_set_new();
    cpuctl_set_add_range(f->online, 0, f->n_cpus - 1);
    cpuctl_set_andnot(f->online, absent);
    present = cpuctl_set_format_list(f->online);
    tree_write(f->tree, ROOT_CPU_DIR "/possible", "0-%u\n", f->n_cpus - 1);
    tree_write(f->tree, ROOT_CPU_DIR "/present", "%s\n", present);
    tree_write(f->tree, ROOT_CPU_DIR "/isolated", "%s\n", shape->isolated ? shape->isolated : "");
    tree_write(f->tree, ROOT_CPU_DIR "/nohz_full", "%s\n",
               shape->nohz_full ? shape->nohz_full : "");
    if (shape->nodes)
        tree_write(f->tree, ROOT_NODE_DIR "/online", "0-%u\n", shape->nodes - 1);
    cpuctl_set_foreach (cpu, f->online) {
        if (!cpuctl_set_has(fixed, (unsigned int)cpu))
            write_cpu(f, (unsigned int)cpu, "online=1");
        if (shape->nodes) {
            char path[64], target[64];

            snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%d/node%u", cpu,
                     node_of(shape, (unsigned int)cpu));
            snprintf(target, sizeof(target), "../../node/node%u",
                     node_of(shape, (unsigned int)cpu));
            tree_link(f->tree, path, target);
        }
    }
    fixture_update(f);
    f->root = tree_root(f->tree, true);
    return f;
}

static void fixture_freep(struct fixture **f)
{
    cpuctl_root_free((*f)->root);
    cpuctl_set_free((*f)->online);
    tree_free((*f)->tree);
    free(*f);
}

#define _cleanup_fixture_ _cleanup_(fixture_freep) struct fixture

/** Does what the plan says. */
static void apply(struct fixture *f, const struct cpuctl_plan *plan)
{
    for (size_t i = 0; i < cpuctl_plan_size(plan); i++) {
        const struct cpuctl_plan_entry *entry = cpuctl_plan_get(plan, i);

        if (entry->skipped)
            continue;
        if (entry->online)
            ck_assert_int_eq(cpuctl_set_add(f->online, entry->cpu), 0);
        else
            cpuctl_set_remove(f->online, entry->cpu);
    }
    fixture_update(f);
}

static void set_online(struct fixture *f, const char *list)
{
    cpuctl_set_free(f->online);
    f->online = parse(list);
    fixture_update(f);
}

/** A plan as text: "+3 -2 (-7: isolated, and not forced)". */
static char *plan_text(const struct cpuctl_plan *plan)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    for (size_t i = 0; i < cpuctl_plan_size(plan); i++) {
        const struct cpuctl_plan_entry *entry = cpuctl_plan_get(plan, i);

        ck_assert_ptr_nonnull(entry->reason);
        fprintf(stream, entry->skipped ? "%s(%c%u: %s)" : "%s%c%u", i ? " " : "",
                entry->online ? '+' : '-', entry->cpu, entry->reason);
    }
    ck_assert_ptr_null(cpuctl_plan_get(plan, cpuctl_plan_size(plan)));
    fclose(stream);
    return text;
}

static struct cpuctl_plan *plan_for(struct fixture *f, unsigned int count, unsigned int flags)
{
    struct cpuctl_plan *plan = NULL;
    struct cpuctl_error error = { 0 };
    int r = cpuctl_plan_count(f->root, count, flags, &plan, &error);

    ck_assert_msg(r == 0, "%u CPUs: %s", count, error.text);
    return plan;
}

static void assert_count_plan(struct fixture *f, unsigned int count, unsigned int flags,
                              const char *expected)
{
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = plan_for(f, count, flags);
    _cleanup_free_ char *text = plan_text(plan);

    ck_assert_str_eq(text, expected);
}

static void assert_count_error(struct fixture *f, unsigned int count, unsigned int flags, int code,
                               const char *expected)
{
    struct cpuctl_plan *plan = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_plan_count(f->root, count, flags, &plan, &error), code);
    ck_assert_ptr_null(plan);
    ck_assert_int_eq(error.code, code);
    ck_assert_str_eq(error.text, expected);
}

static const struct machine example = { 2, 1, 2, 2, .neighbours = true };

START_TEST(example_of_the_documentation)
{
    _cleanup_fixture_ *f = fixture_new(&example);

    assert_count_plan(f, 8, 0, "");
    assert_count_plan(f, 7, 0, "-7");
    assert_count_plan(f, 3, 0, "-7 -6 -3 -2 -5");
    assert_count_plan(f, 1, 0, "-7 -6 -3 -2 -5 -4 -1");
    set_online(f, "0-1,4");
    assert_count_plan(f, 4, 0, "+5");
    assert_count_plan(f, 8, 0, "+5 +2 +3 +6 +7");
    assert_count_plan(f, 2, 0, "-4");
    assert_count_plan(f, 1, 0, "-4 -1");
}
END_TEST

START_TEST(example_with_an_isolated_cpu)
{
    struct machine shape = example;

    shape.isolated = "7";

    _cleanup_fixture_ *f = fixture_new(&shape);

    assert_count_plan(f, 6, 0, "-5 -4 (-7: isolated, and not forced)");
    assert_count_plan(f, 2, 0, "-5 -4 -3 -2 -6 -1 (-7: isolated, and not forced)");
}
END_TEST

START_TEST(the_reverse_order_from_anywhere)
{
    static const struct machine shapes[] = {
        { 0, 1, 4, 1, .neighbours = true },
        { 0, 1, 4, 2, .neighbours = true },
        { 0, 2, 2, 2, .neighbours = false },
        { 2, 1, 2, 2, .neighbours = true },
        { 2, 1, 3, 2, .neighbours = false },
        { 4, 1, 2, 2, .neighbours = true },
        { 2, 2, 2, 2, .neighbours = false },
        { 2, 1, 2, 4, .neighbours = true },
        { 2, 1, 4, 2, .neighbours = true, .fixed = "0,6,13" },
        { 2, 1, 4, 2, .neighbours = true, .isolated = "14-15", .nohz_full = "6" },
    };
    _cleanup_fixture_ *f = fixture_new(&shapes[_i]);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *full = cpuctl_set_dup(f->online);
    unsigned int all = cpuctl_set_count(full), least = 1;
    struct cpuctl_plan *plan = NULL;

    while (cpuctl_plan_count(f->root, least, 0, &plan, NULL) == -EBUSY)
        least++;
    cpuctl_plan_free(plan);
    ck_assert_uint_eq(least, _i < 8 ? 1 : _i == 8 ? 3 : 4);

    for (unsigned int count = least; count < all; count++) {
        _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *down = plan_for(f, count, 0), *up = NULL;
        size_t n = 0;

        apply(f, down);
        ck_assert_uint_eq(cpuctl_set_count(f->online), count);
        ck_assert(cpuctl_set_has(f->online, 0));
        up = plan_for(f, all, 0);
        for (size_t i = 0; i < cpuctl_plan_size(down); i++)
            n += !cpuctl_plan_get(down, i)->skipped;
        ck_assert_uint_eq(cpuctl_plan_size(up), n);
        /* Cores of which no CPU is online are known by the numbering's pattern only if there is a
         * whole core to see it by. */
        if (count >= all / 2 || shapes[_i].threads == 1)
            for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(cpuctl_plan_get(down, n - 1 - i)->cpu,
                                  cpuctl_plan_get(up, i)->cpu);
        apply(f, up);
        ck_assert(cpuctl_set_equal(f->online, full));
    }
}
END_TEST

START_TEST(growing_with_little_known)
{
    /* Only CPU 0 is online: nothing tells that 0 and 1 are siblings; the nodes are known. */
    _cleanup_fixture_ *f = fixture_new(&example);

    set_online(f, "0");
    assert_count_plan(f, 4, 0, "+4 +1 +5");
    set_online(f, "0,4");
    assert_count_plan(f, 8, 0, "+1 +5 +2 +6 +3 +7");
}
END_TEST

START_TEST(growing_by_the_pattern)
{
    static const struct machine far = { 0, 1, 4, 2, .neighbours = false };
    _cleanup_fixture_ *f = fixture_new(&far);

    /* core 0 is whole: 4 is 0's sibling, so the others are at distance 4 too */
    set_online(f, "0,4");
    assert_count_plan(f, 8, 0, "+1 +5 +2 +6 +3 +7");
    set_online(f, "0,1,4");
    assert_count_plan(f, 4, 0, "+5");
}
END_TEST

START_TEST(isolated_ones_are_spared)
{
    static const struct machine m = {
        0, 1, 8, 1, .neighbours = true, .isolated = "6-7", .nohz_full = "5",
    };
    _cleanup_fixture_ *f = fixture_new(&m);

    assert_count_plan(f, 6, 0,
                      "-4 -3 (-7: isolated, and not forced) (-6: isolated, and not forced)");
    assert_count_plan(f, 5, 0,
                      "-4 -3 -2 (-7: isolated, and not forced) (-6: isolated, and not forced) "
                      "(-5: nohz_full, and not forced)");
    assert_count_plan(f, 5, CPUCTL_PLAN_FORCE, "-4 -3 -2");
    assert_count_plan(f, 2, CPUCTL_PLAN_FORCE, "-4 -3 -2 -1 -7 -6");
    assert_count_error(
        f, 3, 0, -EBUSY,
        "3 CPUs online can't be reached: 5 CPUs would have to go offline, and 4 can; "
        "CPU 0 is never chosen; CPUs 5-7 must be forced, being isolated or "
        "nohz_full");
    set_online(f, "0");
    assert_count_plan(f, 3, 0, "+1 +2");
    assert_count_error(f, 6, 0, -EBUSY,
                       "6 CPUs online can't be reached: 5 CPUs would have to come online, and 4 "
                       "can; CPUs 5-7 must be forced, being isolated or nohz_full");
    assert_count_plan(f, 8, CPUCTL_PLAN_FORCE, "+5 +6 +7 +1 +2 +3 +4");
}
END_TEST

START_TEST(fixed_ones_stay)
{
    static const struct machine m = { 0, 1, 4, 1, .neighbours = true, .fixed = "0,3" };
    _cleanup_fixture_ *f = fixture_new(&m);

    assert_count_plan(f, 2, 0, "-2 -1 (-3: can't be taken offline)");
    assert_count_error(f, 1, 0, -EBUSY,
                       "1 CPU online can't be reached: 3 CPUs would have to go offline, and 2 can; "
                       "CPU 0 is never chosen; CPU 3 can't be taken offline");
    set_online(f, "0");
    assert_count_error(f, 4, 0, -EBUSY,
                       "4 CPUs online can't be reached: 3 CPUs would have to come online, and 2 "
                       "can; CPU 3 can't be brought online");
}
END_TEST

START_TEST(numbers_out_of_range)
{
    static const struct machine m = { 0, 1, 4, 1, .neighbours = true, .absent = "2" };
    _cleanup_fixture_ *f = fixture_new(&m);

    assert_count_error(f, 0, 0, -ERANGE,
                       "0 CPUs can't be online: at least 1, at most the 3 that are present");
    assert_count_error(f, 4, 0, -ERANGE,
                       "4 CPUs can't be online: at least 1, at most the 3 that are present");
    assert_count_error(f, 2, 8, -EINVAL, "unknown flags 0x8 for a plan");
    assert_count_plan(f, 1, 0, "-3 -1");
}
END_TEST

START_TEST(only_cpu_0)
{
    static const struct machine m = { 0, 1, 1, 1, .neighbours = true };
    _cleanup_fixture_ *f = fixture_new(&m);

    assert_count_plan(f, 1, 0, "");
    assert_count_error(f, 2, 0, -ERANGE,
                       "2 CPUs can't be online: at least 1, at most the 1 that are present");
}
END_TEST

START_TEST(cpu_0_is_never_chosen)
{
    /* also where the kernel could take it offline */
    static const struct machine m = { 0, 1, 2, 1, .neighbours = true, .fixed = "1" };
    _cleanup_fixture_ *f = fixture_new(&m);

    assert_count_error(f, 1, 0, -EBUSY,
                       "1 CPU online can't be reached: 1 CPU would have to go offline, and 0 can; "
                       "CPU 0 is never chosen; CPU 1 can't be taken offline");
}
END_TEST

static void assert_change_plan(struct fixture *f, const char *list, bool online,
                               const char *expected)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = parse(list);
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    _cleanup_free_ char *text = NULL;

    ck_assert_int_eq(cpuctl_plan_change(f->root, set, online, 0, &plan, NULL), 0);
    text = plan_text(plan);
    ck_assert_str_eq(text, expected);
}

START_TEST(named_ones)
{
    static const struct machine m = { 0, 1, 4, 1, .neighbours = true, .isolated = "3" };
    _cleanup_fixture_ *f = fixture_new(&m);

    assert_change_plan(f, "0-3,9", true, "+0 +1 +2 +3 +9");
    assert_change_plan(f, "0-3,9", false, "-9 -3 -2 -1 -0");
    assert_change_plan(f, "", true, "");
    assert_change_plan(f, "", false, "");
}
END_TEST

START_TEST(exactly_these)
{
    static const struct machine m = { 0, 1, 8, 1, .neighbours = true, .isolated = "6" };
    _cleanup_fixture_ *f = fixture_new(&m);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = parse("1-2,7"), *empty = parse("");
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *absent = parse("20,30");
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL, *forced = NULL;
    _cleanup_free_ char *text = NULL, *forced_text = NULL;
    struct cpuctl_plan *none = NULL;
    struct cpuctl_error error = { 0 };

    set_online(f, "0-6");
    ck_assert_int_eq(cpuctl_plan_exactly(f->root, set, 0, &plan, NULL), 0);
    text = plan_text(plan);
    ck_assert_str_eq(text, "+1 +2 +7 (-6: isolated, and not forced) -5 -4 -3 -0");
    ck_assert_int_eq(cpuctl_plan_exactly(f->root, set, CPUCTL_PLAN_FORCE, &forced, NULL), 0);
    forced_text = plan_text(forced);
    ck_assert_str_eq(forced_text, "+1 +2 +7 -6 -5 -4 -3 -0");

    ck_assert_int_eq(cpuctl_plan_exactly(f->root, empty, 0, &none, &error), -EINVAL);
    ck_assert_int_eq(cpuctl_plan_exactly(f->root, absent, 0, &none, &error), -ENODEV);
    ck_assert_str_eq(error.text, "none of the CPUs 20,30 is present: none would be left online");
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(no_sysfs)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    struct cpuctl_plan *plan = NULL;

    ck_assert_int_eq(cpuctl_plan_count(root, 1, 0, &plan, NULL), -ENOENT);
    ck_assert_ptr_null(plan);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, example_of_the_documentation);
    tcase_add_test(tests, example_with_an_isolated_cpu);
    tcase_add_loop_test(tests, the_reverse_order_from_anywhere, 0, 10);
    tcase_add_test(tests, growing_with_little_known);
    tcase_add_test(tests, growing_by_the_pattern);
    tcase_add_test(tests, isolated_ones_are_spared);
    tcase_add_test(tests, fixed_ones_stay);
    tcase_add_test(tests, numbers_out_of_range);
    tcase_add_test(tests, only_cpu_0);
    tcase_add_test(tests, cpu_0_is_never_chosen);
    tcase_add_test(tests, named_ones);
    tcase_add_test(tests, exactly_these);
    tcase_add_test(tests, no_sysfs);
    suite_add_tcase(suite, tests);
    return suite;
}
