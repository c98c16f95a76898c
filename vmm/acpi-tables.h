/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ACPI tables of a hardware-reduced machine (ACPI 6.3): RSDP, XSDT, FADT, DSDT, MADT, MCFG, and
 * with NUMA SRAT and SLIT. They are one piece of memory that begins with the RSDP.
 */
#ifndef VMM_ACPI_TABLES_H
#define VMM_ACPI_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml;
struct cpuctl_error;
struct smp;

/** Up to this APIC ID a CPU is described by xAPIC structures, and by x2APIC ones above. */
#define ACPI_XAPIC_ID_MAX 254U
/** Processor device names have three hexadecimal digits and eight letters before them. */
#define ACPI_CPUS_MAX 32768U

/** A piece of RAM and the NUMA node it belongs to. */
struct acpi_memory {
    uint64_t base, size;
    uint32_t node;
};

/** What the tables describe. */
struct acpi_config {
    const struct smp *smp;
    /** Whether CPU @index is plugged as the guest starts. */
    bool (*plugged)(void *opaque, unsigned int index);
    void *opaque;

    unsigned int nodes;        /**< NUMA nodes; 0: no NUMA, and the rest is not looked at */
    const uint32_t *cpu_nodes; /**< the node of each possible CPU, by index */
    const struct acpi_memory *memory;
    unsigned int memory_count;
    /** nodes × nodes distances by row, 10 being a node's own; NULL: 10 and 20. */
    const uint8_t *distances;
};

/** Where a table is in the piece. */
struct acpi_table {
    char signature[5];
    size_t offset, size;
};

#define ACPI_TABLES_MAX 8

struct acpi_tables {
    uint8_t *data;
    size_t size;
    struct acpi_table tables[ACPI_TABLES_MAX]; /* all but the RSDP, which is at offset 0 */
    unsigned int count;
    int error; /* the first failure */
};

/**
 * Builds the tables; their addresses follow with acpi_tables_place(). The size only depends on the
 * number of CPUs, nodes and pieces of memory. Returns 0, -EINVAL (a number out of range, in a
 * sentence) or -ENOMEM.
 */
int acpi_tables_build(const struct acpi_config *config, struct acpi_tables *ret_tables,
                      struct cpuctl_error *error);
/**
 * Fills in the addresses and checksums for tables that begin at the guest-physical @address, a
 * multiple of 16 (64 KiB or more below 4 GiB, or in the first megabyte's BIOS area).
 */
void acpi_tables_place(struct acpi_tables *tables, uint64_t address);
void acpi_tables_free(struct acpi_tables *tables);

/** The size of the largest structure that acpi_mat() makes. */
#define ACPI_MAT_SIZE 16
/** The MADT's structure of one CPU, also what _MAT returns. Returns its size. */
size_t acpi_mat(uint32_t uid, uint32_t apic_id, uint32_t flags, uint8_t ret_bytes[ACPI_MAT_SIZE]);
/** Flags of that structure: usable now; not now, but it can be plugged. */
#define ACPI_MAT_ENABLED        0x1U
#define ACPI_MAT_ONLINE_CAPABLE 0x2U

/** acpi-dsdt.c: the DSDT's code, without its header. */
void acpi_dsdt(struct aml *aml, const struct acpi_config *config);

#endif
