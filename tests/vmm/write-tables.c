/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes every ACPI table of one machine into a folder, as FOLDER/SIGNATURE.dat:
 *
 *     write-tables FOLDER SMP [NUMA]...     SMP as in --smp, NUMA as in --numa; 6 GiB of RAM
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cpuctl.h"
#include "vmm/acpi-tables.h"
#include "vmm/layout.h"
#include "vmm/numa.h"
#include "vmm/smp.h"

#define MEMORY (6 * GIB)

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
    struct acpi_memory pieces[NUMA_PIECES_MAX];
    struct acpi_config config = { .plugged = plugged, .memory = pieces };
    struct acpi_tables tables;
    struct numa numa = { 0 };
    struct smp smp;

    if (argc < 3 || smp_parse(argv[2], &smp, &error) < 0 ||
        numa_parse((const char *const *)argv + 3, (size_t)argc - 3, &smp, MEMORY, &numa, &error) <
            0)
        goto fail;
    config.smp = config.opaque = &smp;
    config.nodes = numa.count;
    config.cpu_nodes = numa.cpu_nodes;
    config.memory_count = numa_pieces(&numa, LAYOUT_HOLE, pieces);
    config.distances = numa.distances;
    if (acpi_tables_build(&config, &tables, &error) < 0)
        goto fail;
    acpi_tables_place(&tables, LAYOUT_HOLE - (tables.size + 0xffff) / 0x10000 * 0x10000);
    for (unsigned int i = 0; i < tables.count; i++)
        if (write_table(argv[1], &tables.tables[i], tables.data + tables.tables[i].offset) < 0)
            goto fail;
    acpi_tables_free(&tables);
    numa_free(&numa);
    return 0;
fail:
    fprintf(stderr, "write-tables FOLDER SMP [NUMA]...: %s\n", error.text);
    return 1;
}
