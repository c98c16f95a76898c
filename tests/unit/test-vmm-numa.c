/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --numa: which CPUs and how much memory each node has, distances, where the memory is. */
#include "main.h"

#include <errno.h>
#include <string.h>

#include "cpuctl.h"
#include "vmm/acpi-tables.h"
#include "vmm/layout.h"
#include "vmm/numa.h"
#include "vmm/smp.h"

#define WORDS  8
#define CPUS   8
#define NODES  3
#define MEMORY (1024 * MIB)

/* 2 sockets, 2 cores, 2 threads. */
static const struct smp smp = {
    .cpus = 1, .maxcpus = CPUS, .sockets = 2, .dies = 1, .cores = 2, .threads = 2
};

static int parse(const char *const texts[WORDS], struct numa *ret_numa, struct cpuctl_error *error)
{
    size_t count = 0;

    while (count < WORDS && texts[count])
        count++;
    return numa_parse(texts, count, &smp, MEMORY, ret_numa, error);
}

static const struct {
    const char *texts[WORDS];
    unsigned int count;
    uint32_t cpu_nodes[CPUS];
    unsigned int sizes[NODES]; /* MiB */
    const char *distances;     /* NULL: none were given */
} good[] = {
    { { NULL }, 0, { 0 }, { 0 }, NULL },
    { { "node" }, 1, { 0 }, { 1024 }, NULL },
    { { "node,nodeid=0,cpus=0-3,mem=256M", "node,nodeid=1,cpus=4-7,mem=768" },
      2,
      { 0, 0, 0, 0, 1, 1, 1, 1 },
      { 256, 768 },
      NULL },
    /* sockets in turn; what does not divide goes to the last one */
    { { "node", "node" }, 2, { 0, 0, 0, 0, 1, 1, 1, 1 }, { 512, 512 }, NULL },
    { { "node", "node", "node" }, 3, { 0, 0, 0, 0, 1, 1, 1, 1 }, { 341, 341, 342 }, NULL },
    { { "node,cpus=0,cpus=7,cpus=2-4", "node,cpus=1,cpus=5-6,mem=1G" },
      2,
      { 0, 1, 0, 0, 0, 1, 1, 0 },
      { 0, 1024 },
      NULL },
    { { "node,nodeid=1,cpus=0-7", "node,nodeid=0" },
      2,
      { 1, 1, 1, 1, 1, 1, 1, 1 },
      { 512, 512 },
      NULL },
    /* by place, also before the nodes */
    { { "cpu,node-id=1,socket-id=0,core-id=1", "cpu,node-id=0,socket-id=0,core-id=0",
        "cpu,node-id=1,socket-id=1,die-id=0,thread-id=0", "node,mem=1048576K", "node,cpus=5",
        "cpu,node-id=0,socket-id=1,core-id=1,thread-id=1" },
      2,
      { 0, 0, 1, 1, 1, 1, 1, 0 },
      { 1024, 0 },
      NULL },
    { { "node,cpus=0-7", "node", "dist,src=0,dst=1,val=30" },
      2,
      { 0 },
      { 512, 512 },
      "\12\36\36\12" },
    { { "node,cpus=0-7", "node", "dist,src=1,dst=0,val=254", "dist,src=0,dst=1,val=11",
        "dist,src=0,dst=0,val=10" },
      2,
      { 0 },
      { 512, 512 },
      "\12\13\376\12" },
};

START_TEST(accepts)
{
    struct numa numa;
    struct cpuctl_error error = { 0 };
    int r = parse(good[_i].texts, &numa, &error);

    ck_assert_msg(r == 0, "%s", error.text);
    ck_assert_uint_eq(numa.count, good[_i].count);
    for (unsigned int i = 0; numa.count > 0 && i < CPUS; i++)
        ck_assert_uint_eq(numa.cpu_nodes[i], good[_i].cpu_nodes[i]);
    for (unsigned int i = 0; i < numa.count; i++)
        ck_assert_uint_eq(numa.sizes[i], good[_i].sizes[i] * MIB);
    ck_assert_int_eq(numa.distances != NULL, good[_i].distances != NULL);
    if (numa.distances)
        ck_assert_mem_eq(numa.distances, good[_i].distances, numa.count * numa.count);
    numa_free(&numa);
}
END_TEST

static const struct {
    const char *texts[WORDS];
    const char *sentence; /* part of it */
} bad[] = {
    { { "" }, "does not begin with node, cpu or dist" },
    { { "nodes" }, "does not begin with node, cpu or dist" },
    { { "cpu,node-id=0,socket-id=0" }, "no node is given" },
    { { "node," }, "unknown word \"\"; there are nodeid, cpus and mem" },
    { { "node,memdev=ram" }, "unknown word \"memdev=ram\"" },
    { { "node,cpus" }, "unknown word \"cpus\"" },
    { { "node,nodeid=128" }, "\"128\" is not a number from 0 to 127" },
    { { "node,nodeid=x" }, "\"x\" is not a number from 0 to 127" },
    { { "node", "node,nodeid=0" }, "node 0 is given twice" },
    { { "node,nodeid=1", "node" }, "node 1 is given twice" },
    { { "node,nodeid=1" }, "there are 1 nodes, but none with nodeid=0" },
    { { "node,cpus=8" }, "\"8\" is not a number from 0 to 7" },
    { { "node,cpus=0-8" }, "\"8\" is not a number from 0 to 7" },
    { { "node,cpus=3-2" }, "cpus=3-2 ends before it begins" },
    { { "node,cpus=-2" }, "\"\" is not a number" },
    { { "node,cpus=1-" }, "\"\" is not a number" },
    { { "node,cpus=0-1-2" }, "\"1-2\" is not a number" },
    { { "node,cpus=" }, "\"\" is not a number" },
    { { "node,cpus=0-4", "node,cpus=4-7" }, "CPU 4 is in node 0 and in node 1" },
    { { "node,cpus=0-7", "node", "cpu,node-id=1,socket-id=1" },
      "CPU 4 is in node 0 and in node 1" },
    { { "node,cpus=0-2", "node,cpus=4-7" },
      "CPU 3 is in no node; all CPUs from 0 to 7 must be in one" },
    { { "node,mem=0" }, "\"0\" is not a number from 1 to 999999999 with K, M or G" },
    { { "node,mem=1T" }, "\"1T\" is not a number from 1 to 999999999 with K, M or G" },
    { { "node,mem=1023K" }, "mem=1023K of node 0 is not a multiple of 4096 bytes" },
    { { "node,mem=512", "node,mem=256" },
      "the nodes have 786432 KiB of memory in all, but --memory is 1048576 KiB" },
    { { "node,mem=2048" },
      "the nodes have 2097152 KiB of memory in all, but --memory is 1048576 KiB" },
    { { "node", "cpu" }, "node-id is missing in \"\"" },
    { { "node", "cpu,node-id=0" }, "socket-id is missing in \"node-id=0\"" },
    { { "node", "cpu,node-id=1,socket-id=0" }, "\"1\" is not a number from 0 to 0" },
    { { "node", "cpu,node-id=0,socket-id=2" }, "\"2\" is not a number from 0 to 1" },
    { { "node", "cpu,node-id=0,socket-id=0,cluster-id=0" }, "unknown word \"cluster-id=0\"" },
    { { "node", "dist,src=0,dst=0" }, "val is missing" },
    { { "node", "dist,src=0,dst=1,val=20" }, "\"1\" is not a number from 0 to 0" },
    { { "node", "dist,src=0,dst=0,val=11" },
      "the distance from node 0 to node 0 is 11; it must be 10" },
    { { "node", "node", "dist,src=0,dst=1,val=10" }, "is 10; it must be from 11 to 254" },
    { { "node", "node", "dist,src=0,dst=1,val=255" }, "\"255\" is not a number from 0 to 254" },
    { { "node", "node", "node", "dist,src=0,dst=1,val=20" },
      "the distance between node 0 and node 2 is missing" },
    { { "node", "node", "node", "dist,src=0,dst=1,val=20", "dist,src=1,dst=0,val=21",
        "dist,src=0,dst=2,val=20", "dist,src=1,dst=2,val=20" },
      "some distances differ by direction, so both must be given for node 0 and node 2" },
};

START_TEST(refuses)
{
    struct numa numa;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(parse(bad[_i].texts, &numa, &error), -EINVAL);
    ck_assert_msg(strncmp(error.text, "--numa: ", 8) == 0 &&
                      strstr(error.text, bad[_i].sentence) != NULL,
                  "%s: %s", bad[_i].texts[0], error.text);
    ck_assert_uint_eq(numa.count, 0);
}
END_TEST

/* 2^64 bytes and what --memory has. */
START_TEST(sizes_that_wrap_around)
{
    const char *texts[18];
    struct cpuctl_error error = { 0 };
    struct numa numa;

    for (unsigned int i = 0; i < 17; i++)
        texts[i] = "node,mem=999999999G";
    texts[17] = "node,mem=179869202G";
    ck_assert_int_eq(numa_parse(texts, 18, &(struct smp){ 1, 1, 1, 1, 1, 1 }, GIB, &numa, &error),
                     -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "of memory in all, but --memory is 1048576 KiB"));
}
END_TEST

START_TEST(too_many_nodes)
{
    const char *texts[NUMA_NODES_MAX + 1];
    struct numa numa;
    struct cpuctl_error error = { 0 };

    for (unsigned int i = 0; i <= NUMA_NODES_MAX; i++)
        texts[i] = "node";
    ck_assert_int_eq(numa_parse(texts, NUMA_NODES_MAX, &smp, MEMORY, &numa, &error), 0);
    ck_assert_uint_eq(numa.count, NUMA_NODES_MAX);
    numa_free(&numa);
    ck_assert_int_eq(numa_parse(texts, NUMA_NODES_MAX + 1, &smp, MEMORY, &numa, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "there can be 128 nodes at most"));
}
END_TEST

static void same_pieces(const struct numa *numa, uint64_t low, const struct acpi_memory wanted[],
                        unsigned int count)
{
    struct acpi_memory pieces[NUMA_PIECES_MAX];

    ck_assert_uint_eq(numa_pieces(numa, low, pieces), count);
    for (unsigned int i = 0; i < count; i++) {
        ck_assert_uint_eq(pieces[i].base, wanted[i].base);
        ck_assert_uint_eq(pieces[i].size, wanted[i].size);
        ck_assert_uint_eq(pieces[i].node, wanted[i].node);
    }
}

START_TEST(pieces)
{
    const struct numa across = { .count = 3, .sizes = { GIB, 4 * GIB, GIB } };
    const struct numa apart = { .count = 3, .sizes = { LAYOUT_HOLE, 0, GIB } };
    const struct numa below = { .count = 2, .sizes = { 64 * MIB, 32 * MIB } };

    same_pieces(
        &across, LAYOUT_HOLE,
        (const struct acpi_memory[]){ { .base = 0, .size = GIB, .node = 0 },
                                      { .base = GIB, .size = LAYOUT_HOLE - GIB, .node = 1 },
                                      { .base = 4 * GIB, .size = 5 * GIB - LAYOUT_HOLE, .node = 1 },
                                      { .base = 9 * GIB - LAYOUT_HOLE, .size = GIB, .node = 2 } },
        4);
    same_pieces(&apart, LAYOUT_HOLE,
                (const struct acpi_memory[]){ { .base = 0, .size = LAYOUT_HOLE, .node = 0 },
                                              { .base = 4 * GIB, .size = GIB, .node = 2 } },
                2);
    same_pieces(&below, 96 * MIB,
                (const struct acpi_memory[]){ { .base = 0, .size = 64 * MIB, .node = 0 },
                                              { .base = 64 * MIB, .size = 32 * MIB, .node = 1 } },
                2);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-numa");
    TCase *tests = tcase_create("numa");

    tcase_add_loop_test(tests, accepts, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tests, refuses, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tests, sizes_that_wrap_around);
    tcase_add_test(tests, too_many_nodes);
    tcase_add_test(tests, pieces);
    suite_add_tcase(suite, tests);
    return suite;
}
