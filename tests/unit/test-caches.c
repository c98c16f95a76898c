/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Caches: attributes, hybrid machines, machines of many cores, trees that lie. */
#include "main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpuset.h"
#include "root.h"
#include "topology.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CPUS_MAX      160
#define KINDS         4

/* What a cache is, as the test wrote it and as the library shall tell it. */
struct truth {
    unsigned int size; /* KiB; 0: the CPU has no such cache */
    unsigned int first, last;
    int id;
};

static const struct {
    const char *name, *type, *level;
} kinds[KINDS] = {
    { "L1d", "Data", "1" },
    { "L1i", "Instruction", "1" },
    { "L2", "Unified", "2" },
    { "L3", "Unified", "3" },
};

struct machine {
    char *tree;
    unsigned int n_cpus;
    struct truth truth[CPUS_MAX][KINDS];
};

static void write_index(const char *tree, unsigned int cpu, unsigned int index, const char *file,
                        const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/cache/index%u/%s", cpu, index, file);
    tree_write(tree, path, "%s\n", text);
}

static void write_number(const char *tree, unsigned int cpu, unsigned int index, const char *file,
                         unsigned int number)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", number);
    write_index(tree, cpu, index, file, text);
}

static void begin(struct machine *machine, unsigned int n_cpus)
{
    memset(machine, 0, sizeof(*machine));
    machine->tree = tree_new();
    machine->n_cpus = n_cpus;
    tree_write(machine->tree, ROOT_CPU_DIR "/possible", "0-%u\n", n_cpus - 1);
    tree_write(machine->tree, ROOT_CPU_DIR "/online", "0-%u\n", n_cpus - 1);
}

/* Cores of @threads neighbouring CPUs. */
static void write_cores(struct machine *machine, unsigned int threads)
{
    for (unsigned int cpu = 0; cpu < machine->n_cpus; cpu++) {
        unsigned int first = cpu / threads * threads;
        char path[128];

        snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/topology/thread_siblings_list", cpu);
        tree_write(machine->tree, path, "%u-%u\n", first, first + threads - 1);
    }
}

/* Says that @first … @last share a cache, and that this is the truth. */
static void share(struct machine *machine, unsigned int kind, unsigned int first, unsigned int last,
                  unsigned int size, int id)
{
    for (unsigned int cpu = first; cpu <= last; cpu++)
        machine->truth[cpu][kind] =
            (struct truth){ .size = size, .first = first, .last = last, .id = id };
}

/* Writes the caches of all CPUs, each CPU's indexes without holes, as the kernel does. */
static void write_caches(const struct machine *machine)
{
    for (unsigned int cpu = 0; cpu < machine->n_cpus; cpu++) {
        unsigned int index = 0;

        for (unsigned int kind = 0; kind < KINDS; kind++) {
            const struct truth *truth = &machine->truth[cpu][kind];
            char text[32];

            if (truth->size == 0)
                continue;
            write_index(machine->tree, cpu, index, "level", kinds[kind].level);
            write_index(machine->tree, cpu, index, "type", kinds[kind].type);
            snprintf(text, sizeof(text), "%uK", truth->size);
            write_index(machine->tree, cpu, index, "size", text);
            snprintf(text, sizeof(text), "%u-%u", truth->first, truth->last);
            write_index(machine->tree, cpu, index, "shared_cpu_list", text);
            if (truth->id >= 0)
                write_number(machine->tree, cpu, index, "id", (unsigned int)truth->id);
            index++;
        }
    }
}

static struct cpuctl_topology *read_caches(struct cpuctl_root *root)
{
    struct cpuctl_topology *topology = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_msg(cpuctl_topology_read(root, NULL, CPUCTL_TOPOLOGY_CACHES, &topology, &error) == 0,
                  "%s", error.text);
    return topology;
}

static void assert_truth(const struct machine *machine, unsigned int cpu, unsigned int kind,
                         const struct cpuctl_cache *cache)
{
    const struct truth *truth = &machine->truth[cpu][kind];

    ck_assert_msg((cache != NULL) == (truth->size != 0), "CPU %u, %s: %s", cpu, kinds[kind].name,
                  cache ? "is told, but there is none" : "is not told");
    if (!cache)
        return;
    ck_assert_msg(cache->size == (uint64_t)truth->size * 1024, "CPU %u, %s: size %llu", cpu,
                  kinds[kind].name, (unsigned long long)cache->size);
    ck_assert_msg(cache->id == truth->id, "CPU %u, %s: id %d", cpu, kinds[kind].name, cache->id);
    ck_assert_int_eq(cpuctl_set_next(cache->cpus, 0), (int)truth->first);
    ck_assert_int_eq(cpuset_last(cache->cpus), (int)truth->last);
    ck_assert_uint_eq(cpuctl_set_count(cache->cpus), truth->last - truth->first + 1);
}

/* Reads the machine and compares every cache of every CPU; removes the machine. */
static void check_machine(struct machine *machine)
{
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(machine->tree, false);
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    const struct cpuctl_cache *found[CPUS_MAX][KINDS] = { 0 };

    write_caches(machine);
    topology = read_caches(root);
    for (unsigned int i = 0; i < cpuctl_topology_cache_count(topology); i++) {
        const struct cpuctl_cache *cache = cpuctl_topology_cache(topology, i);
        unsigned int kind = 0;

        while (kind < KINDS && strcmp(cache->name, kinds[kind].name) != 0)
            kind++;
        ck_assert_uint_lt(kind, KINDS);
        cpuctl_set_foreach (cpu, cache->cpus) {
            ck_assert_ptr_null(found[cpu][kind]);
            found[cpu][kind] = cache;
        }
    }
    for (unsigned int cpu = 0; cpu < machine->n_cpus; cpu++)
        for (unsigned int kind = 0; kind < KINDS; kind++)
            assert_truth(machine, cpu, kind, found[cpu][kind]);
    tree_free(machine->tree);
}

START_TEST(attributes)
{
    struct machine machine;
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    const struct cpuctl_cache *cache;

    begin(&machine, 2);
    share(&machine, 3, 0, 1, 4096, 0);
    share(&machine, 0, 0, 0, 48, -1);
    share(&machine, 1, 0, 0, 32, -1);
    share(&machine, 0, 1, 1, 48, -1);
    share(&machine, 1, 1, 1, 32, -1);
    write_caches(&machine);
    for (unsigned int cpu = 0; cpu < 2; cpu++) {
        write_number(machine.tree, cpu, 0, "ways_of_associativity", 12);
        write_number(machine.tree, cpu, 0, "number_of_sets", 64);
        write_number(machine.tree, cpu, 0, "coherency_line_size", 64);
        write_number(machine.tree, cpu, 0, "physical_line_partition", 1);
        write_index(machine.tree, cpu, 0, "allocation_policy", "ReadWriteAllocate");
        write_index(machine.tree, cpu, 0, "write_policy", "WriteBack");
        write_index(machine.tree, cpu, 2, "size", "3M");
    }
    root = tree_root(machine.tree, false);
    topology = read_caches(root);
    ck_assert_uint_eq(cpuctl_topology_cache_count(topology), 5);
    ck_assert_ptr_null(cpuctl_topology_cache(topology, 5));

    cache = cpuctl_topology_cache(topology, 1);
    ck_assert_str_eq(cache->name, "L1d");
    ck_assert_str_eq(cache->type, "Data");
    ck_assert_uint_eq(cache->level, 1);
    ck_assert_int_eq(cache->id, -1);
    ck_assert_uint_eq(cache->size, 48 * 1024);
    ck_assert_uint_eq(cache->ways, 12);
    ck_assert_uint_eq(cache->sets, 64);
    ck_assert_uint_eq(cache->line_size, 64);
    ck_assert_uint_eq(cache->partitions, 1);
    ck_assert_str_eq(cache->allocation_policy, "ReadWriteAllocate");
    ck_assert_str_eq(cache->write_policy, "WriteBack");
    ck_assert_int_eq(cpuctl_set_next(cache->cpus, 0), 1);

    cache = cpuctl_topology_cache(topology, 4);
    ck_assert_str_eq(cache->name, "L3");
    ck_assert_int_eq(cache->id, 0);
    ck_assert_uint_eq(cache->size, 3 * 1024 * 1024);
    ck_assert_uint_eq(cache->ways, 0);
    ck_assert_ptr_null(cache->write_policy);
    ck_assert_uint_eq(cpuctl_set_count(cache->cpus), 2);
    tree_free(machine.tree);
}
END_TEST

/* Some cores have no L2, so that their index 2 is the L3: these first, and these last. */
START_TEST(missing_level)
{
    for (unsigned int without = 0; without < 2; without++) {
        struct machine machine;

        begin(&machine, 16);
        write_cores(&machine, 2);
        for (unsigned int cpu = 0; cpu < 16; cpu += 2) {
            share(&machine, 0, cpu, cpu + 1, 32, -1);
            share(&machine, 1, cpu, cpu + 1, 32, -1);
            if (cpu / 8 != without)
                share(&machine, 2, cpu, cpu + 1, 512, -1);
        }
        share(&machine, 3, 0, 15, 8192, -1);
        check_machine(&machine);
    }
}
END_TEST

/* Efficiency cores that share an L2 by four, beside performance cores of two threads. */
START_TEST(hybrid)
{
    struct machine machine;

    begin(&machine, 24);
    for (unsigned int cpu = 0; cpu < 8; cpu += 2) {
        share(&machine, 0, cpu, cpu + 1, 48, (int)cpu * 4);
        share(&machine, 1, cpu, cpu + 1, 32, (int)cpu * 4);
        share(&machine, 2, cpu, cpu + 1, 2048, (int)cpu * 4);
    }
    for (unsigned int cpu = 8; cpu < 24; cpu++) {
        share(&machine, 0, cpu, cpu, 32, (int)cpu + 32);
        share(&machine, 1, cpu, cpu, 64, (int)cpu + 32);
        if (cpu % 4 == 0)
            share(&machine, 2, cpu, cpu + 3, 2048, (int)cpu + 8);
    }
    share(&machine, 3, 0, 23, 30720, 0);
    check_machine(&machine);
}
END_TEST

/* As many cores of one thread, of which the first 64 make the anchor speak for the rest. */
static void make_many(struct machine *machine, unsigned int n_cpus, unsigned int id_step)
{
    begin(machine, n_cpus);
    for (unsigned int cpu = 0; cpu < n_cpus; cpu++)
        for (unsigned int kind = 0; kind < 3; kind++)
            share(machine, kind, cpu, cpu, kind < 2 ? 32 : 1024, (int)(cpu + kind * id_step));
    share(machine, 3, 0, n_cpus - 1, 65536, 0);
}

START_TEST(many_cores)
{
    struct machine machine;

    make_many(&machine, 80, 0);
    check_machine(&machine);
    /* ids that are not alike in a core */
    make_many(&machine, 80, 1000);
    check_machine(&machine);
}
END_TEST

START_TEST(many_cores_and_others)
{
    struct machine machine;

    make_many(&machine, 100, 0);
    for (unsigned int kind = 0; kind < 3; kind++) {
        /* other sizes; another sharing; no L2 at all; and others in the end */
        share(&machine, kind, 70, 70, kind < 2 ? 64 : 2048, 500);
        share(&machine, kind, 75, 76, kind < 2 ? 32 : 1024, 501);
        share(&machine, kind, 80, 80, kind < 2 ? 32 : 0, 502);
        share(&machine, kind, 99, 99, kind < 2 ? 64 : 2048, 503);
    }
    check_machine(&machine);
}
END_TEST

/* Two sorts of cores with the same L2: the anchor tells nothing, and all is read. */
START_TEST(same_anchor)
{
    struct machine machine;

    make_many(&machine, 160, 0);
    for (unsigned int cpu = 10; cpu < 160; cpu += cpu % 7 + 1)
        share(&machine, 0, cpu, cpu, 64, (int)cpu);
    check_machine(&machine);
}
END_TEST

/* Any mixture, by chance. */
START_TEST(random_machines)
{
    unsigned int seed = (unsigned int)time(NULL) + (unsigned int)_i;
    struct machine machine;
    unsigned int cluster;
    int id;

    srandom(seed);
    printf("# seed %u\n", seed);
    cluster = 2U << random() % 3;
    id = random() % 2 ? 0 : -1;
    begin(&machine, 64);
    if (random() % 2)
        write_cores(&machine, 2);
    for (unsigned int cpu = 0; cpu < 64; cpu += 2) {
        unsigned int sort = (unsigned int)random() % 3, size = 16U << sort;

        share(&machine, 0, cpu, cpu + 1, size, id < 0 ? -1 : (int)cpu);
        if (sort != 1)
            share(&machine, 1, cpu, cpu + 1, 32, (int)cpu);
    }
    for (unsigned int cpu = 0; cpu < 64; cpu += cluster)
        if (random() % 3)
            share(&machine, 2, cpu, cpu + cluster - 1, 256U << random() % 2, -1);
    if (random() % 2)
        share(&machine, 3, 0, 63, 4096, 0);
    check_machine(&machine);
}
END_TEST

START_TEST(only_maps)
{
    struct machine machine;
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;

    begin(&machine, 4);
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        write_index(machine.tree, cpu, 0, "shared_cpu_map", cpu < 2 ? "3" : "c");
        write_index(machine.tree, cpu, 0, "level", "1");
        write_index(machine.tree, cpu, 0, "type", "Data");
        /* a second index of the same level and type is the same cache */
        write_index(machine.tree, cpu, 1, "shared_cpu_map", cpu < 2 ? "3" : "c");
        write_index(machine.tree, cpu, 1, "level", "1");
        write_index(machine.tree, cpu, 1, "type", "Data");
        /* and without a level or a type it is none */
        write_index(machine.tree, cpu, 2, "shared_cpu_map", "f");
        write_index(machine.tree, cpu, 3, "shared_cpu_map", "f");
        write_index(machine.tree, cpu, 3, "level", "2");
    }
    root = tree_root(machine.tree, false);
    topology = read_caches(root);
    ck_assert_uint_eq(cpuctl_topology_cache_count(topology), 2);
    ck_assert_uint_eq(cpuctl_topology_cache(topology, 0)->size, 0);
    ck_assert_uint_eq(cpuctl_set_count(cpuctl_topology_cache(topology, 1)->cpus), 2);
    tree_free(machine.tree);
}
END_TEST

/* Nothing says who shares the caches: each is the CPU's own. */
START_TEST(no_sharing_files)
{
    struct machine machine;
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;

    begin(&machine, 3);
    for (unsigned int cpu = 0; cpu < 3; cpu++) {
        write_index(machine.tree, cpu, 0, "level", "2");
        write_index(machine.tree, cpu, 0, "type", "Unified");
        write_index(machine.tree, cpu, 0, "size", "nonsense");
    }
    root = tree_root(machine.tree, false);
    topology = read_caches(root);
    ck_assert_uint_eq(cpuctl_topology_cache_count(topology), 3);
    ck_assert_uint_eq(cpuctl_topology_cache(topology, 2)->size, 0);
    ck_assert(cpuctl_set_has(cpuctl_topology_cache(topology, 2)->cpus, 2));
    tree_free(machine.tree);
}
END_TEST

/* Lists that overlap or leave out their own CPU: each CPU is in one cache of a kind at most. */
START_TEST(lying_lists)
{
    static const char *const lists[][4] = {
        { "0-1", "1-2", "2-3", "3" },
        { "1", "2", "3", "0" },
        { "0-3", "0", "0", "0" },
        { "0", "0-3", "0-3", "0-3" },
        { "", "63", "0-1048575", "(null)" },
    };

    for (size_t row = 0; row < ARRAY_SIZE(lists); row++) {
        struct machine machine;
        _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
        _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
        unsigned int met[4] = { 0 };

        begin(&machine, 4);
        for (unsigned int cpu = 0; cpu < 4; cpu++) {
            write_index(machine.tree, cpu, 0, "level", "1");
            write_index(machine.tree, cpu, 0, "type", "Data");
            write_index(machine.tree, cpu, 0, "size", "32K");
            write_index(machine.tree, cpu, 0, "shared_cpu_list", lists[row][cpu]);
        }
        root = tree_root(machine.tree, false);
        topology = read_caches(root);
        for (unsigned int i = 0; i < cpuctl_topology_cache_count(topology); i++)
            cpuctl_set_foreach (cpu, cpuctl_topology_cache(topology, i)->cpus)
                met[cpu]++;
        for (unsigned int cpu = 0; cpu < 4; cpu++)
            ck_assert_msg(met[cpu] == 1, "row %zu: CPU %u is in %u caches", row, cpu, met[cpu]);
        tree_free(machine.tree);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("caches");
    TCase *told = tcase_create("told"), *inferred = tcase_create("inferred");

    tcase_add_test(told, attributes);
    tcase_add_test(told, missing_level);
    tcase_add_test(told, hybrid);
    tcase_add_test(told, only_maps);
    tcase_add_test(told, no_sharing_files);
    tcase_add_test(told, lying_lists);
    tcase_add_loop_test(told, random_machines, 0, 8);
    tcase_add_test(inferred, many_cores);
    tcase_add_test(inferred, many_cores_and_others);
    tcase_add_test(inferred, same_anchor);
    tcase_set_timeout(told, 60);
    tcase_set_timeout(inferred, 60);
    suite_add_tcase(suite, told);
    suite_add_tcase(suite, inferred);
    return suite;
}
