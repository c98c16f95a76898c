/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes every ACPI table of one machine into a folder, as FOLDER/SIGNATURE.dat:
 *
 *     write-tables FOLDER SMP [NODES]     SMP as in --smp; NODES: NUMA nodes, CPUs and memory in
 * turn
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cpuctl.h"
#include "vmm/acpi-tables.h"
#include "vmm/layout.h"
#include "vmm/smp.h"

#define NODES_MAX 64

static bool plugged(void *opaque, unsigned int index)
{
    const struct smp *smp = opaque;

    return index < smp->cpus;
}

static int write_table(const char *folder, const struct acpi_table *table, const uint8_t *data)
{
    _cleanup_fclose_ FILE *file = NULL;
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s.dat", folder, table->signature);
    file = fopen(path, "w");
    if (!file || fwrite(data, 1, table->size, file) != table->size || fflush(file) != 0)
        return -errno;
    return 0;
}

int main(int argc, char **argv)
{
    struct cpuctl_error error = { 0 };
    struct acpi_memory memory[NODES_MAX];
    struct acpi_tables tables;
    struct smp smp;
    uint32_t *nodes;
    struct acpi_config config = { .smp = &smp, .plugged = plugged, .opaque = &smp };

    if (argc < 3 || smp_parse(argv[2], &smp, &error) < 0)
        goto fail;
    config.nodes = argc > 3 ? (unsigned int)atoi(argv[3]) : 0;
    if (config.nodes > NODES_MAX)
        goto fail;
    nodes = calloc(smp.maxcpus, sizeof(*nodes));
    if (!nodes)
        goto fail;
    for (unsigned int i = 0; config.nodes > 0 && i < smp.maxcpus; i++)
        nodes[i] = i % config.nodes;
    for (unsigned int i = 0; i < config.nodes; i++)
        memory[i] = (struct acpi_memory){ .base = i * GIB, .size = GIB, .node = i };
    config.cpu_nodes = nodes;
    config.memory = memory;
    config.memory_count = config.nodes;
    if (acpi_tables_build(&config, &tables, &error) < 0)
        goto fail;
    acpi_tables_place(&tables, LAYOUT_HOLE - (tables.size + 0xffff) / 0x10000 * 0x10000);
    for (unsigned int i = 0; i < tables.count; i++)
        if (write_table(argv[1], &tables.tables[i], tables.data + tables.tables[i].offset) < 0)
            goto fail;
    acpi_tables_free(&tables);
    free(nodes);
    return 0;
fail:
    fprintf(stderr, "write-tables FOLDER SMP [NODES]: %s\n", error.text);
    return 1;
}
