/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans for every number of CPUs on recorded machines: what must hold on each of them. */
#include "main.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "cpuset.h"
#include "plan.h"
#include "root.h"
#include "topology.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const machines[] = {
    "arm-A510-A710-A715-X3",
    "armv7",
    "ppc64-POWER7",
    "s390-kvm",
    "s390-nested-virt",
    "vbox-win",
    "x86_64-64cpu",
    "x86_64-dell_e4310",
    "x86_64-epyc_7451",
    /* of tests/fixtures */
    "clusters",
    "dies-2",
    "nodes-4",
    "smt-2-sockets",
};

/** How many CPUs of the fullest group of @level there are in @left beyond those of the emptiest. */
static unsigned int spread(const struct cpuctl_topology *topology, enum cpuctl_level level,
                           const struct cpuctl_set *left)
{
    unsigned int least = UINT32_MAX, most = 0;

    for (unsigned int i = 0; i < cpuctl_topology_count(topology, level); i++) {
        _cleanup_(cpuctl_set_freep) struct cpuctl_set *set =
            cpuctl_set_dup(cpuctl_topology_group(topology, level, i));
        unsigned int n;

        cpuctl_set_and(set, left);
        n = cpuctl_set_count(set);
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    return most > least ? most - least : 0;
}

/** How many cores have lost a thread and kept one. */
static unsigned int split_cores(const struct cpuctl_topology *topology,
                                const struct cpuctl_set *left)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < cpuctl_topology_count(topology, CPUCTL_CORE); i++) {
        const struct cpuctl_set *core = cpuctl_topology_group(topology, CPUCTL_CORE, i);

        n += cpuctl_set_intersects(core, left) && !cpuctl_set_is_subset(core, left);
    }
    return n;
}

static unsigned int largest_core(const struct cpuctl_topology *topology)
{
    unsigned int largest = 1;

    for (unsigned int i = 0; i < cpuctl_topology_count(topology, CPUCTL_CORE); i++) {
        unsigned int n = cpuctl_set_count(cpuctl_topology_group(topology, CPUCTL_CORE, i));

        largest = n > largest ? n : largest;
    }
    return largest;
}

/** Takes what a plan to go offline takes out of @left, and checks each entry. */
static void take(struct cpuctl_root *root, const struct cpuctl_plan *plan, struct cpuctl_set *left)
{
    for (size_t i = 0; i < cpuctl_plan_size(plan); i++) {
        const struct cpuctl_plan_entry *entry = cpuctl_plan_get(plan, i);

        ck_assert(!entry->online);
        ck_assert(!entry->skipped);
        ck_assert_uint_ne(entry->cpu, 0);
        ck_assert(cpuctl_set_has(left, entry->cpu)); /* so none is named twice */
        ck_assert_int_eq(cpuctl_can_offline(root, entry->cpu), 1);
        cpuctl_set_remove(left, entry->cpu);
    }
}

START_TEST(every_number)
{
    _cleanup_(tree_freep) char *tree = NULL;
    _cleanup_free_ char *path = tree_unpack(machines[_i], &tree);
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    const struct cpuctl_set *online;
    unsigned int all, threads, nodes, sockets;

    if (!path)
        unit_skip(TREE_ABSENT);
    root = tree_root(path, false);
    ck_assert_int_eq(cpuctl_state_read(root, &state, NULL), 0);
    ck_assert_int_eq(cpuctl_topology_read(root, state, 0, &topology, NULL), 0);
    online = cpuctl_state_get(state, CPUCTL_ONLINE);
    all = cpuctl_set_count(online);
    threads = largest_core(topology);
    nodes = spread(topology, CPUCTL_NODE, online);
    sockets = spread(topology, CPUCTL_SOCKET, online);

    for (unsigned int count = 1; count <= all; count++) {
        _cleanup_(cpuctl_set_freep) struct cpuctl_set *left = cpuctl_set_dup(online);
        _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
        struct cpuctl_error error = { 0 };

        ck_assert_msg(cpuctl_plan_count(root, count, 0, &plan, &error) == 0, "%s: %u CPUs: %s",
                      machines[_i], count, error.text);
        take(root, plan, left);
        ck_assert_uint_eq(cpuctl_set_count(left), count);
        ck_assert_uint_le(split_cores(topology, left), 1);
        /* never less balanced than the machine is, or than a core makes it */
        ck_assert_uint_le(spread(topology, CPUCTL_NODE, left), nodes > threads ? nodes : threads);
        ck_assert_uint_le(spread(topology, CPUCTL_SOCKET, left),
                          sockets > threads ? sockets : threads);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("plan-recorded");
    TCase *tests = tcase_create("plan-recorded");

    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, every_number, 0, ARRAY_SIZE(machines));
    suite_add_tcase(suite, tests);
    return suite;
}
