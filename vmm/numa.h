/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NUMA nodes (--numa): which CPUs and how much of the RAM each has, and how far they are apart.
 *
 *     node[,nodeid=N][,cpus=FIRST[-LAST]]…[,mem=SIZE]
 *     cpu,node-id=N,socket-id=S[,die-id=D][,core-id=C][,thread-id=T]
 *     dist,src=N,dst=M,val=V
 *
 * The words are QEMU's (hw/core/numa.c), as are the defaults: nodes are numbered in turn; where no
 * node says what it has, memory is split evenly, and sockets go to the nodes in turn; a distance
 * given for one direction holds for both. Different from QEMU, what is left out in part is refused.
 */
#ifndef VMM_NUMA_H
#define VMM_NUMA_H

#include <stddef.h>
#include <stdint.h>

struct acpi_memory;
struct cpuctl_error;
struct smp;

/** QEMU's MAX_NODES. */
#define NUMA_NODES_MAX 128U
/** RAM has two regions, so one node's memory may be in two pieces. */
#define NUMA_PIECES_MAX (NUMA_NODES_MAX + 1)

struct numa {
    unsigned int count;             /**< 0: no NUMA, and the rest is not set */
    uint64_t sizes[NUMA_NODES_MAX]; /**< of each node's memory, in bytes; 0: it has none */
    uint32_t *cpu_nodes;            /**< the node of each possible CPU, by index */
    uint8_t *distances;             /**< as in struct acpi_config; NULL: 10 and 20 */
};

/**
 * Takes the @count values @texts of --numa for a VM with the CPUs @smp and @memory bytes of RAM.
 * Every CPU must be in one node, and the nodes' memory must be all there is. Returns 0, -EINVAL
 * with a sentence that names what does not fit, or -ENOMEM.
 */
int numa_parse(const char *const texts[], size_t count, const struct smp *smp, uint64_t memory,
               struct numa *ret_numa, struct cpuctl_error *error);
void numa_free(struct numa *numa);

/**
 * Where each node's memory is; @low: how much of the RAM is below the hole. @ret_pieces has room
 * for NUMA_PIECES_MAX. Returns how many there are.
 */
unsigned int numa_pieces(const struct numa *numa, uint64_t low, struct acpi_memory *ret_pieces);

#endif
