/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The topology of recorded machines against lscpu's logical numbers on the same tree. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpuset.h"
#include "root.h"
#include "topology.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CACHES_MAX    8

/* Where a machine has CPUs of several types, lscpu numbers cores and sockets anew in each type. */
static const struct {
    const char *name;
    const char *types[4];
} machines[] = {
    { "arm-A510-A710-A715-X3", { "0-2", "3-4", "5-6", "7" } },
    { "armv7", { "0-1" } },
    { "ppc64-POWER7", { "0-15" } },
    { "s390-kvm", { "0-2" } },
    { "s390-nested-virt", { "0-1" } },
    { "vbox-win", { "0-1" } },
    { "x86_64-64cpu", { "0-63" } },
    { "x86_64-dell_e4310", { "0-3" } },
    { "x86_64-epyc_7451", { "0-95" } },
};

static const struct cpuctl_set *find_type(struct cpuctl_set **types, unsigned int cpu)
{
    for (unsigned int i = 0; i < 4 && types[i]; i++)
        if (cpuctl_set_has(types[i], cpu))
            return types[i];
    ck_abort_msg("CPU %u has no type in this test's table", cpu);
    return NULL;
}

/* The number of the CPU's group among those of its type, as text; "" where the level is not told.
 */
static void number_in_type(const struct cpuctl_topology *topology, enum cpuctl_level level,
                           const struct cpuctl_set *type, unsigned int cpu, char text[static 16])
{
    int index = cpuctl_topology_index(topology, level, cpu);
    unsigned int number = 0;

    text[0] = '\0';
    if (index < 0)
        return;
    for (unsigned int i = 0; i < (unsigned int)index; i++)
        if (cpuctl_set_intersects(cpuctl_topology_group(topology, level, i), type))
            number++;
    snprintf(text, 16, "%u", number);
}

/* The number that lscpu gives to the CPU's cache @name: the kernel's, or where it has none, ours.
 */
static void cache_number(const struct cpuctl_topology *topology, const char *name, unsigned int cpu,
                         char text[static 16])
{
    unsigned int number = 0;

    text[0] = '\0';
    for (unsigned int i = 0; i < cpuctl_topology_cache_count(topology); i++) {
        const struct cpuctl_cache *cache = cpuctl_topology_cache(topology, i);

        if (strcmp(cache->name, name) != 0)
            continue;
        if (cpuctl_set_has(cache->cpus, cpu)) {
            snprintf(text, 16, "%d", cache->id >= 0 ? cache->id : (int)number);
            return;
        }
        number++;
    }
}

/* Cuts a line of "lscpu -p" into its columns; returns how many. */
static unsigned int split(char *line, char *columns[static 16])
{
    unsigned int n = 0;

    line[strcspn(line, "\n")] = '\0';
    while (line && n < 16)
        columns[n++] = strsep(&line, ",");
    return n;
}

static void compare_line(const struct cpuctl_topology *topology, struct cpuctl_set **types,
                         char *line, char names[CACHES_MAX][8], unsigned int n_caches)
{
    static const enum cpuctl_level levels[] = { CPUCTL_CORE, CPUCTL_SOCKET, CPUCTL_BOOK,
                                                CPUCTL_DRAWER };
    char *columns[16], ours[16];
    unsigned int n = split(line, columns), cpu = (unsigned int)strtoul(columns[0], NULL, 10);
    int id;

    ck_assert_uint_ge(n, 6);
    for (unsigned int i = 0; i < ARRAY_SIZE(levels); i++) {
        number_in_type(topology, levels[i], find_type(types, cpu), cpu, ours);
        ck_assert_msg(strcmp(ours, columns[1 + i]) == 0, "CPU %u, level %d: lscpu %s, ours %s", cpu,
                      (int)levels[i], columns[1 + i], ours);
    }
    if (cpuctl_topology_physical_id((struct cpuctl_topology *)topology, CPUCTL_NODE, cpu, &id) == 0)
        snprintf(ours, sizeof(ours), "%d", id);
    else
        ours[0] = '\0';
    ck_assert_str_eq(ours, columns[5]);

    for (unsigned int i = 0; i < n_caches; i++) {
        cache_number(topology, names[i], cpu, ours);
        ck_assert_msg(strcmp(ours, columns[n - n_caches + i]) == 0, "CPU %u, %s: lscpu %s, ours %s",
                      cpu, names[i], columns[n - n_caches + i], ours);
    }
}

/* "# CPU,Core,Socket,Book,DRAWER,Node,,L1d,L1i": the names of the caches. */
static unsigned int read_names(char *line, char names[CACHES_MAX][8])
{
    char *columns[16];
    unsigned int n = split(line, columns), n_caches = 0;

    for (unsigned int i = 6; i < n; i++)
        if (columns[i][0] == 'L' && n_caches < CACHES_MAX)
            snprintf(names[n_caches++], 8, "%.7s", columns[i]);
    return n_caches;
}

START_TEST(same_numbers)
{
    _cleanup_(tree_freep) char *tree = NULL;
    _cleanup_free_ char *path = tree_unpack(machines[_i].name, &tree);
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    struct cpuctl_set *types[4] = { NULL };
    struct cpuctl_error error = { 0 };
    char command[512], line[512], names[CACHES_MAX][8];
    unsigned int n_caches = 0, n_cpus = 0;
    FILE *lscpu;

    if (!path)
        unit_skip(TREE_ABSENT);
    if (system("lscpu --version >/dev/null 2>&1") != 0)
        unit_skip("lscpu is not installed");
    root = tree_root(path, false);
    ck_assert_msg(cpuctl_topology_read(root, NULL, CPUCTL_TOPOLOGY_CACHES, &topology, &error) == 0,
                  "%s", error.text);
    for (unsigned int i = 0; i < 4 && machines[_i].types[i]; i++)
        ck_assert_int_eq(cpuctl_set_parse_list(machines[_i].types[i], 0, &types[i], NULL), 0);

    snprintf(command, sizeof(command),
             "lscpu --sysroot '%s' -p=CPU,CORE,SOCKET,BOOK,DRAWER,NODE,CACHE", path);
    lscpu = popen(command, "r");
    ck_assert_ptr_nonnull(lscpu);
    while (fgets(line, sizeof(line), lscpu)) {
        if (strncmp(line, "# CPU,", 6) == 0)
            n_caches = read_names(line, names);
        if (line[0] == '#')
            continue;
        compare_line(topology, types, line, names, n_caches);
        n_cpus++;
    }
    ck_assert_int_eq(pclose(lscpu), 0);
    ck_assert_uint_gt(n_cpus, 0);
    for (unsigned int i = 0; i < 4; i++)
        cpuctl_set_free(types[i]);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("lscpu");
    TCase *recorded = tcase_create("recorded");

    tcase_add_loop_test(recorded, same_numbers, 0, ARRAY_SIZE(machines));
    tcase_set_timeout(recorded, 30);
    suite_add_tcase(suite, recorded);
    return suite;
}
