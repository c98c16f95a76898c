/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Groups of CPUs: made trees, some of which lie, and hotplug while they are read. */
#include "main.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpuset.h"
#include "root.h"
#include "state.h"
#include "topology.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void write_cpu(const char *tree, unsigned int cpu, const char *file, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/%s", cpu, file);
    tree_write(tree, path, "%s\n", text);
}

static char *new_tree(const char *online)
{
    char *tree = tree_new();

    tree_write(tree, ROOT_CPU_DIR "/possible", "0-63\n");
    tree_write(tree, ROOT_CPU_DIR "/present", "0-63\n");
    tree_write(tree, ROOT_CPU_DIR "/online", "%s\n", online);
    return tree;
}

static struct cpuctl_topology *read_topology(struct cpuctl_root *root, unsigned int flags)
{
    struct cpuctl_topology *topology = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_msg(cpuctl_topology_read(root, NULL, flags, &topology, &error) == 0, "%s",
                  error.text);
    return topology;
}

/* The groups of a level as text: "0-1 2-3". Each CPU's index must say the same. */
static void assert_groups(const struct cpuctl_topology *topology, enum cpuctl_level level,
                          const char *expected)
{
    char text[1024] = "";
    unsigned int n = cpuctl_topology_count(topology, level);

    for (unsigned int i = 0; i < n; i++) {
        const struct cpuctl_set *group = cpuctl_topology_group(topology, level, i);
        _cleanup_free_ char *list = cpuctl_set_format_list(group);

        strcat(text, i > 0 ? " " : "");
        strcat(text, list);
        cpuctl_set_foreach (cpu, group)
            ck_assert_int_eq(cpuctl_topology_index(topology, level, (unsigned int)cpu), (int)i);
    }
    ck_assert_msg(strcmp(text, expected) == 0, "level %d is \"%s\", not \"%s\"", (int)level, text,
                  expected);
    ck_assert_ptr_null(cpuctl_topology_group(topology, level, n));
}

START_TEST(levels)
{
    _cleanup_(tree_freep) char *tree = new_tree("0-7");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    int id = -7;

    for (unsigned int cpu = 0; cpu < 8; cpu++) {
        write_cpu(tree, cpu, "topology/thread_siblings_list",
                  ((const char *[]){ "0-1", "2-3", "4-5", "6-7" })[cpu / 2]);
        write_cpu(tree, cpu, "topology/cluster_cpus_list", cpu < 4 ? "0-3" : "4-7");
        write_cpu(tree, cpu, "topology/cluster_id", cpu < 4 ? "8" : "9");
        write_cpu(tree, cpu, "topology/die_cpus_list", cpu < 4 ? "0-3" : "4-7");
        write_cpu(tree, cpu, "topology/package_cpus_list", "0-7");
        write_cpu(tree, cpu, "topology/physical_package_id", "5");
        write_cpu(tree, cpu, "topology/core_id", cpu < 2 ? "-1" : "17");
        write_cpu(tree, cpu, "topology/book_siblings", "ff");
        write_cpu(tree, cpu, "topology/drawer_siblings_list", "0-7");
    }
    tree_write(tree, ROOT_NODE_DIR "/node0/cpulist", "0-3\n");
    tree_write(tree, ROOT_NODE_DIR "/node10/cpumap", "000000f0\n");
    tree_write(tree, ROOT_NODE_DIR "/node2/cpulist", "\n"); /* memory only */
    tree_write(tree, ROOT_NODE_DIR "/node3/meminfo", "no list of CPUs\n");
    tree_write(tree, ROOT_NODE_DIR "/nodes/cpulist", "0-7\n");
    tree_write(tree, ROOT_NODE_DIR "/possible", "0-15\n");

    topology = read_topology(root, 0);
    assert_groups(topology, CPUCTL_CORE, "0-1 2-3 4-5 6-7");
    assert_groups(topology, CPUCTL_CLUSTER, "");
    assert_groups(topology, CPUCTL_DIE, "0-3 4-7");
    assert_groups(topology, CPUCTL_SOCKET, "0-7");
    assert_groups(topology, CPUCTL_BOOK, "0-7");
    assert_groups(topology, CPUCTL_DRAWER, "0-7");
    assert_groups(topology, CPUCTL_NODE, "0-3  4-7");
    ck_assert_int_eq(cpuctl_topology_node_number(topology, 0), 0);
    ck_assert_int_eq(cpuctl_topology_node_number(topology, 1), 2);
    ck_assert_int_eq(cpuctl_topology_node_number(topology, 2), 10);
    ck_assert_int_eq(cpuctl_topology_node_number(topology, 3), -ENODATA);

    ck_assert_int_eq(cpuctl_topology_physical_id(topology, CPUCTL_CORE, 0, &id), -ENODATA);
    ck_assert_int_eq(cpuctl_topology_physical_id(topology, CPUCTL_DIE, 0, &id), -ENODATA);
    ck_assert_int_eq(cpuctl_topology_physical_id(topology, CPUCTL_NODE, 63, &id), -ENODATA);
    ck_assert_int_eq(id, -7);
    ck_assert_int_eq(cpuctl_topology_physical_id(topology, CPUCTL_CORE, 7, &id), 0);
    ck_assert_int_eq(id, 17);
    ck_assert_int_eq(cpuctl_topology_physical_id(topology, CPUCTL_SOCKET, 7, &id), 0);
    ck_assert_int_eq(id, 5);
    ck_assert_int_eq(cpuctl_topology_physical_id(topology, CPUCTL_NODE, 7, &id), 0);
    ck_assert_int_eq(id, 10);
    ck_assert_int_eq(cpuctl_topology_index(topology, CPUCTL_CORE, 8), -ENODATA);
    ck_assert_int_eq(cpuctl_topology_index(topology, CPUCTL_CORE, UINT32_MAX), -ENODATA);
    ck_assert_int_eq(cpuctl_topology_index(topology, CPUCTL_LEVELS, 0), -ENODATA);

    cpuctl_topology_free(topology);
    topology = read_topology(root, CPUCTL_TOPOLOGY_CLUSTERS);
    assert_groups(topology, CPUCTL_CLUSTER, "0-3 4-7");
}
END_TEST

START_TEST(only_masks)
{
    _cleanup_(tree_freep) char *tree = new_tree("0-2,33");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    static const unsigned int cpus[] = { 0, 1, 2, 33 };

    for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
        write_cpu(tree, cpus[i], "topology/thread_siblings",
                  i == 0 || i == 3 ? "00000002,00000001" : "00000000,00000006");
        write_cpu(tree, cpus[i], "topology/core_siblings", "00000002,00000007");
    }
    topology = read_topology(root, 0);
    assert_groups(topology, CPUCTL_CORE, "0,33 1-2");
    assert_groups(topology, CPUCTL_SOCKET, "0-2,33");
    assert_groups(topology, CPUCTL_NODE, "");
}
END_TEST

START_TEST(no_topology)
{
    _cleanup_(tree_freep) char *tree = new_tree("0-9");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;

    topology = read_topology(root, CPUCTL_TOPOLOGY_CACHES | CPUCTL_TOPOLOGY_CLUSTERS);
    assert_groups(topology, CPUCTL_CORE, "0 1 2 3 4 5 6 7 8 9");
    for (int level = CPUCTL_CLUSTER; level < CPUCTL_LEVELS; level++)
        assert_groups(topology, (enum cpuctl_level)level, "");
    ck_assert_uint_eq(cpuctl_topology_cache_count(topology), 0);
    ck_assert_ptr_null(cpuctl_topology_cache(topology, 0));
    cpuctl_topology_free(topology);

    /* Some have it, some have not. */
    write_cpu(tree, 3, "topology/thread_siblings_list", "3-4");
    write_cpu(tree, 4, "topology/thread_siblings_list", "3-4");
    write_cpu(tree, 3, "topology/core_siblings_list", "3-4");
    topology = read_topology(root, 0);
    assert_groups(topology, CPUCTL_CORE, "0 1 2 3-4 5 6 7 8 9");
    assert_groups(topology, CPUCTL_SOCKET, "3-4");
    ck_assert_int_eq(cpuctl_topology_index(topology, CPUCTL_SOCKET, 0), -ENODATA);
}
END_TEST

START_TEST(no_clusters)
{
    static const char *const ids[] = { "-1", "65535" };

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        _cleanup_(tree_freep) char *tree = new_tree("0-1");
        _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
        _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;

        for (unsigned int cpu = 0; cpu < 2; cpu++) {
            write_cpu(tree, cpu, "topology/cluster_id", ids[i]);
            write_cpu(tree, cpu, "topology/cluster_cpus_list", cpu ? "1" : "0");
        }
        topology = read_topology(root, CPUCTL_TOPOLOGY_CLUSTERS);
        assert_groups(topology, CPUCTL_CLUSTER, "");
    }
}
END_TEST

/* Masks that contradict each other or themselves. */
static const struct {
    const char *masks[4];
    const char *expected;
} lies[] = {
    { { "1", "2", "3", "0" }, "0 1 2 3" },         /* none names its own CPU */
    { { "", "(null)", "63", "3" }, "0 1 2 3" },    /* nothing, or a CPU that is not online */
    { { "0-1", "1-2", "2-3", "3" }, "0-1 2-3" },   /* chained */
    { { "0-3", "1", "2", "3" }, "0-3" },           /* the first one read stands */
    { { "0", "0-3", "0-3", "0-3" }, "0 1-3" },     /* each CPU in one group */
    { { "0-1048575", "1", "2", "3" }, "0-3" },     /* all that there could be */
    { { "0,0,0-1", "0", "2-3", "2" }, "0-1 2-3" }, /* twice the same */
};

START_TEST(lying_masks)
{
    _cleanup_(tree_freep) char *tree = new_tree("0-3");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;

    for (unsigned int cpu = 0; cpu < 4; cpu++)
        write_cpu(tree, cpu, "topology/thread_siblings_list", lies[_i].masks[cpu]);
    topology = read_topology(root, 0);
    assert_groups(topology, CPUCTL_CORE, lies[_i].expected);
}
END_TEST

START_TEST(malformed)
{
    _cleanup_(tree_freep) char *tree = new_tree("0-1");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    struct cpuctl_topology *topology = NULL;
    struct cpuctl_error error = { 0 };

    write_cpu(tree, 0, "topology/thread_siblings_list", "0-");
    ck_assert_int_eq(cpuctl_topology_read(root, NULL, 0, &topology, &error), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(error.text, "cpu0/topology/thread_siblings_list: CPU list ends"));
    ck_assert_uint_eq(error.position, 2);
    write_cpu(tree, 0, "topology/thread_siblings_list", "0");

    write_cpu(tree, 1, "cache/index0/shared_cpu_list", "one");
    ck_assert_int_eq(cpuctl_topology_read(root, NULL, CPUCTL_TOPOLOGY_CACHES, &topology, &error),
                     -EBADMSG);
    ck_assert_ptr_nonnull(strstr(error.text, "cpu1/cache/index0/shared_cpu_list"));
    tree_remove(tree, ROOT_CPU_DIR "/cpu1/cache");

    tree_write(tree, ROOT_NODE_DIR "/node0/cpulist", "0-1;\n");
    ck_assert_int_eq(cpuctl_topology_read(root, NULL, 0, &topology, &error), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(error.text, "node0/cpulist"));
    ck_assert_ptr_null(topology);
}
END_TEST

/* A list that is longer than the reader's buffer. */
START_TEST(long_list)
{
    _cleanup_(tree_freep) char *tree = new_tree("0-3");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    _cleanup_free_ char *text = calloc(1, 200001);

    for (size_t i = 0; i + 4 <= 200000; i += 4)
        memcpy(text + i, i % 8 == 0 ? "0,1," : "1,0,", 4);
    write_cpu(tree, 0, "topology/thread_siblings_list", text);
    write_cpu(tree, 2, "topology/thread_siblings_list", "2-3");
    write_cpu(tree, 0, "cache/index0/shared_cpu_list", text);
    write_cpu(tree, 0, "cache/index0/level", "1");
    write_cpu(tree, 0, "cache/index0/type", "Unified");
    topology = read_topology(root, CPUCTL_TOPOLOGY_CACHES);
    assert_groups(topology, CPUCTL_CORE, "0-1 2-3");
    ck_assert_uint_eq(cpuctl_topology_cache_count(topology), 1);
}
END_TEST

/* Old kernels cut a list at the end of the page, in the middle of a number: the mask is whole. */
START_TEST(cut_list)
{
    _cleanup_(tree_freep) char *tree = new_tree("0-63");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    char text[4096] = "";

    for (size_t i = 0; i < 4095; i++)
        text[i] = "0,2,4,6,"[i % 8];
    for (unsigned int cpu = 0; cpu < 64; cpu++) {
        char path[128];

        /* without the newline, which was cut off too */
        snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/topology/core_siblings_list", cpu);
        tree_write(tree, path, "%s", text);
        write_cpu(tree, cpu, "topology/core_siblings",
                  cpu % 2 ? "aaaaaaaa,aaaaaaaa" : "55555555,55555555");
        snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/cache/index0/shared_cpu_list", cpu);
        tree_write(tree, path, "%s", text);
        write_cpu(tree, cpu, "cache/index0/shared_cpu_map",
                  cpu % 2 ? "aaaaaaaa,aaaaaaaa" : "55555555,55555555");
        write_cpu(tree, cpu, "cache/index0/level", "3");
        write_cpu(tree, cpu, "cache/index0/type", "Unified");
    }
    topology = read_topology(root, CPUCTL_TOPOLOGY_CACHES);
    ck_assert_uint_eq(cpuctl_topology_count(topology, CPUCTL_SOCKET), 2);
    ck_assert_uint_eq(cpuctl_set_count(cpuctl_topology_group(topology, CPUCTL_SOCKET, 0)), 32);
    ck_assert_uint_eq(cpuctl_topology_cache_count(topology), 2);
    ck_assert_uint_eq(cpuctl_set_count(cpuctl_topology_cache(topology, 1)->cpus), 32);
}
END_TEST

/* The state is older than what the tree tells now: CPUs that went are left out, CPUs that came are
 * not part of that picture. */
START_TEST(older_state)
{
    _cleanup_(tree_freep) char *tree = new_tree("0-3");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_state_read(root, &state, &error), 0);
    tree_write(tree, ROOT_CPU_DIR "/online", "0-2,4-5\n");
    write_cpu(tree, 0, "topology/thread_siblings_list", "0-1");
    write_cpu(tree, 1, "topology/thread_siblings_list", "0-1");
    write_cpu(tree, 2, "topology/thread_siblings_list", "2,4");
    write_cpu(tree, 4, "topology/thread_siblings_list", "2,4");
    write_cpu(tree, 5, "topology/thread_siblings_list", "5");
    ck_assert_msg(cpuctl_topology_read(root, state, 0, &topology, &error) == 0, "%s", error.text);
    assert_groups(topology, CPUCTL_CORE, "0-1 2");
    cpuctl_topology_free(topology);
    topology = read_topology(root, 0);
    assert_groups(topology, CPUCTL_CORE, "0-1 2,4 5");
}
END_TEST

START_TEST(without_openat2)
{
    _cleanup_(tree_freep) char *tree = new_tree("0-3");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;

    root->no_openat2 = true;
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        write_cpu(tree, cpu, "topology/thread_siblings_list", cpu < 2 ? "0-1" : "2-3");
    topology = read_topology(root, 0);
    assert_groups(topology, CPUCTL_CORE, "0-1 2-3");
}
END_TEST

START_TEST(no_sysfs)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    struct cpuctl_topology *topology = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_topology_read(root, NULL, 0, &topology, &error), -ENOENT);
    ck_assert_uint_gt(strlen(error.text), 0);
    ck_assert_ptr_null(topology);
    cpuctl_topology_free(NULL);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("topology");
    TCase *groups = tcase_create("groups"), *distrust = tcase_create("distrust");

    tcase_add_test(groups, levels);
    tcase_add_test(groups, only_masks);
    tcase_add_test(groups, no_topology);
    tcase_add_test(groups, no_clusters);
    tcase_add_test(groups, older_state);
    tcase_add_test(groups, without_openat2);
    tcase_add_test(groups, no_sysfs);
    tcase_add_loop_test(distrust, lying_masks, 0, ARRAY_SIZE(lies));
    tcase_add_test(distrust, malformed);
    tcase_add_test(distrust, long_list);
    tcase_add_test(distrust, cut_list);
    suite_add_tcase(suite, groups);
    suite_add_tcase(suite, distrust);
    return suite;
}
