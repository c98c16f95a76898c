/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ACPI tables. Section numbers are ACPI 6.5's; the FADT's revision is 6.3. */
#include "acpi-tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aml.h"
#include "cpuctl.h"
#include "fail.h"
#include "layout.h"
#include "power.h"
#include "smp.h"

#define PACKED    __attribute__((packed))
#define ALIGNMENT 64
/* SLIT has a byte a pair of nodes; 255 is "unreachable". Linux's MAX_NUMNODES is 1024. */
#define NODES_MAX 1024U

/* 5.2.5.3 */
struct PACKED rsdp {
    char signature[8];
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt, length;
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
};
#define RSDP_V1_SIZE 20

/* 5.2.6 */
struct PACKED header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem_id[6], oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
};

/* 5.2.3.2 */
struct PACKED address {
    uint8_t space, bit_width, bit_offset, access_size;
    uint64_t address;
};

/* 5.2.9; without what a hardware-reduced machine leaves at 0 */
struct PACKED fadt {
    uint8_t before_boot_arch[109 - sizeof(struct header)];
    uint16_t boot_arch;
    uint8_t reserved;
    uint32_t flags;
    struct address reset;
    uint8_t reset_value;
    uint16_t arm_boot_arch;
    uint8_t minor_version;
    uint64_t x_firmware_control, x_dsdt;
    struct address x_blocks[8];
    struct address sleep_control, sleep_status;
    uint64_t hypervisor;
};

#define BOOT_ARCH_NO_VGA      0x04
#define BOOT_ARCH_NO_CMOS_RTC 0x20

#define FADT_WBINVD          (1U << 0)
#define FADT_NO_POWER_BUTTON (1U << 4) /* none in the fixed hardware: it is a device */
#define FADT_NO_SLEEP_BUTTON (1U << 5)
#define FADT_RESET_REG       (1U << 10)
#define FADT_HW_REDUCED      (1U << 20)

#define SPACE_SYSTEM_IO 1
#define ACCESS_BYTE     1

/* 5.2.12 */
struct PACKED madt {
    uint32_t lapic, flags;
};

struct PACKED madt_lapic {
    uint8_t type, length, uid, apic_id;
    uint32_t flags;
};

struct PACKED madt_x2apic {
    uint8_t type, length;
    uint16_t reserved;
    uint32_t apic_id, flags, uid;
};

struct PACKED madt_ioapic {
    uint8_t type, length, id, reserved;
    uint32_t address, gsi_base;
};

struct PACKED madt_lapic_nmi {
    uint8_t type, length, uid;
    uint16_t flags;
    uint8_t lint;
};

struct PACKED madt_x2apic_nmi {
    uint8_t type, length;
    uint16_t flags;
    uint32_t uid;
    uint8_t lint, reserved[3];
};

enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_LAPIC_NMI = 4, MADT_X2APIC = 9, MADT_X2APIC_NMI = 10 };

/* 5.2.16 */
struct PACKED srat {
    uint32_t one;
    uint64_t reserved;
};

struct PACKED srat_lapic {
    uint8_t type, length, node_low, apic_id;
    uint32_t flags;
    uint8_t sapic_eid, node_high[3];
    uint32_t clock_domain;
};

struct PACKED srat_x2apic {
    uint8_t type, length;
    uint16_t reserved;
    uint32_t node, apic_id, flags, clock_domain, reserved_too;
};

struct PACKED srat_memory {
    uint8_t type, length;
    uint32_t node;
    uint16_t reserved;
    uint64_t base, size;
    uint32_t reserved_too, flags;
    uint64_t reserved_again;
};

enum { SRAT_LAPIC = 0, SRAT_MEMORY = 1, SRAT_X2APIC = 2 };
#define SRAT_ENABLED 0x1U

/* PCI Firmware Specification 3.3, section 4.1.2 */
struct PACKED mcfg {
    uint64_t reserved, base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved_too;
};

/* The places of two tables in the list: they are built first. The XSDT is last. */
enum { DSDT, FADT };

/* Appends to the piece, filled up with zeros to @alignment first. */
static void append(struct acpi_tables *tables, const void *bytes, size_t size, size_t alignment)
{
    size_t start = (tables->size + alignment - 1) / alignment * alignment;
    uint8_t *data;

    if (tables->error)
        return;
    data = realloc(tables->data, start + size);
    if (!data) {
        tables->error = -ENOMEM;
        return;
    }
    memset(data + tables->size, 0, start - tables->size);
    memcpy(data + start, bytes, size);
    tables->data = data;
    tables->size = start + size;
}

static void append_bytes(struct acpi_tables *tables, const void *bytes, size_t size)
{
    append(tables, bytes, size, 1);
}

/* Begins a table; its contents are appended, and end_table() sets its length. */
static void begin_table(struct acpi_tables *tables, const char *signature, uint8_t revision)
{
    struct acpi_table *table = &tables->tables[tables->count++];
    struct header header = {
        .revision = revision,
        .oem_id = "CPUCTL",
        .oem_table_id = { 'C', 'P', 'U', 'V', 'M', 'M', ' ', ' ' },
        .oem_revision = 1,
        .creator_id = { 'C', 'P', 'U', 'C' },
        .creator_revision = 1,
    };

    memcpy(header.signature, signature, sizeof(header.signature));
    memcpy(table->signature, signature, sizeof(table->signature));
    append(tables, &header, sizeof(header), ALIGNMENT);
    table->offset = tables->size - sizeof(header);
}

static void end_table(struct acpi_tables *tables)
{
    struct acpi_table *table = &tables->tables[tables->count - 1];
    uint32_t length;

    if (tables->error)
        return;
    table->size = tables->size - table->offset;
    length = (uint32_t)table->size;
    memcpy(tables->data + table->offset + offsetof(struct header, length), &length, sizeof(length));
}

static void build_rsdp(struct acpi_tables *tables)
{
    struct rsdp rsdp = {
        .signature = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' },
        .oem_id = "CPUCTL",
        .revision = 2,
        .length = sizeof(rsdp),
    };

    append_bytes(tables, &rsdp, sizeof(rsdp));
}

static struct address io_byte(uint16_t port)
{
    return (struct address){
        .space = SPACE_SYSTEM_IO, .bit_width = 8, .access_size = ACCESS_BYTE, .address = port
    };
}

static void build_fadt(struct acpi_tables *tables)
{
    struct fadt fadt = {
        .boot_arch = BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_CMOS_RTC, /* and no 8042, no ISA devices */
        .flags = FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET_REG |
                 FADT_HW_REDUCED,
        .reset = io_byte(LAYOUT_RESET),
        .reset_value = POWER_RESET_VALUE,
        .minor_version = 3,
        .sleep_control = io_byte(LAYOUT_SLEEP_CONTROL),
        .sleep_status = io_byte(LAYOUT_SLEEP_STATUS),
    };

    _Static_assert(sizeof(struct header) + sizeof(struct fadt) == 276, "5.2.9: its length");
    begin_table(tables, "FACP", 6);
    append_bytes(tables, &fadt, sizeof(fadt));
    end_table(tables);
}

static int build_dsdt(struct acpi_tables *tables, const struct acpi_config *config)
{
    struct aml aml = { 0 };
    int r;

    acpi_dsdt(&aml, config);
    r = aml_error(&aml);
    if (r == 0) {
        begin_table(tables, "DSDT", 2); /* 2 and newer: integers have 64 bits */
        append_bytes(tables, aml.data, aml.size);
        end_table(tables);
    }
    aml_free(&aml);
    return r;
}

size_t acpi_mat(uint32_t uid, uint32_t apic_id, uint32_t flags, uint8_t ret_bytes[ACPI_MAT_SIZE])
{
    struct madt_lapic lapic = { .type = MADT_LAPIC,
                                .length = sizeof(lapic),
                                .uid = (uint8_t)uid,
                                .apic_id = (uint8_t)apic_id,
                                .flags = flags };
    struct madt_x2apic x2apic = { .type = MADT_X2APIC,
                                  .length = sizeof(x2apic),
                                  .apic_id = apic_id,
                                  .flags = flags,
                                  .uid = uid };

    _Static_assert(sizeof(x2apic) == ACPI_MAT_SIZE, "the larger one");
    /* An index is never above its APIC ID, so it fits into 8 bits where the ID does. */
    if (apic_id <= ACPI_XAPIC_ID_MAX) {
        memcpy(ret_bytes, &lapic, sizeof(lapic));
        return sizeof(lapic);
    }
    memcpy(ret_bytes, &x2apic, sizeof(x2apic));
    return sizeof(x2apic);
}

static void build_madt(struct acpi_tables *tables, const struct acpi_config *config)
{
    /* No PCAT_COMPAT: there are no 8259s. */
    struct madt madt = { .lapic = LAYOUT_LAPIC };
    struct madt_ioapic ioapic = { .type = MADT_IOAPIC,
                                  .length = sizeof(ioapic),
                                  .address = LAYOUT_IOAPIC };
    /* All processors' LINT1 is NMI, with the bus' polarity and trigger mode. */
    struct madt_lapic_nmi nmi = {
        .type = MADT_LAPIC_NMI, .length = sizeof(nmi), .uid = UINT8_MAX, .lint = 1
    };
    struct madt_x2apic_nmi x2apic_nmi = {
        .type = MADT_X2APIC_NMI, .length = sizeof(x2apic_nmi), .uid = UINT32_MAX, .lint = 1
    };
    uint8_t mat[ACPI_MAT_SIZE];

    begin_table(tables, "APIC", 5);
    append_bytes(tables, &madt, sizeof(madt));
    for (unsigned int i = 0; i < config->smp->maxcpus; i++) {
        bool plugged = config->plugged(config->opaque, i);
        size_t size = acpi_mat(i, smp_apic_id(config->smp, i),
                               plugged ? ACPI_MAT_ENABLED : ACPI_MAT_ONLINE_CAPABLE, mat);

        append_bytes(tables, mat, size);
    }
    append_bytes(tables, &ioapic, sizeof(ioapic));
    append_bytes(tables, &nmi, sizeof(nmi));
    if (smp_apic_id_max(config->smp) > ACPI_XAPIC_ID_MAX)
        append_bytes(tables, &x2apic_nmi, sizeof(x2apic_nmi));
    end_table(tables);
}

static void build_mcfg(struct acpi_tables *tables)
{
    struct mcfg mcfg = { .base = LAYOUT_ECAM }; /* segment 0, bus 0 only */

    begin_table(tables, "MCFG", 1);
    append_bytes(tables, &mcfg, sizeof(mcfg));
    end_table(tables);
}

static void append_cpu_affinity(struct acpi_tables *tables, uint32_t apic_id, uint32_t node)
{
    struct srat_lapic lapic = { .type = SRAT_LAPIC,
                                .length = sizeof(lapic),
                                .node_low = (uint8_t)node,
                                .node_high = { (uint8_t)(node >> 8) },
                                .apic_id = (uint8_t)apic_id,
                                .flags = SRAT_ENABLED };
    struct srat_x2apic x2apic = { .type = SRAT_X2APIC,
                                  .length = sizeof(x2apic),
                                  .node = node,
                                  .apic_id = apic_id,
                                  .flags = SRAT_ENABLED };

    if (apic_id <= ACPI_XAPIC_ID_MAX)
        append_bytes(tables, &lapic, sizeof(lapic));
    else
        append_bytes(tables, &x2apic, sizeof(x2apic));
}

/* Every possible CPU is listed as enabled, or Linux forgets the node of those plugged later. */
static void build_srat(struct acpi_tables *tables, const struct acpi_config *config)
{
    struct srat srat = { .one = 1 };

    begin_table(tables, "SRAT", 3);
    append_bytes(tables, &srat, sizeof(srat));
    for (unsigned int i = 0; i < config->smp->maxcpus; i++)
        append_cpu_affinity(tables, smp_apic_id(config->smp, i), config->cpu_nodes[i]);
    for (unsigned int i = 0; i < config->memory_count; i++) {
        const struct acpi_memory *piece = &config->memory[i];
        struct srat_memory memory = { .type = SRAT_MEMORY,
                                      .length = sizeof(memory),
                                      .node = piece->node,
                                      .base = piece->base,
                                      .size = piece->size,
                                      .flags = SRAT_ENABLED };

        append_bytes(tables, &memory, sizeof(memory));
    }
    end_table(tables);
}

static void build_slit(struct acpi_tables *tables, const struct acpi_config *config)
{
    uint64_t count = config->nodes;

    begin_table(tables, "SLIT", 1);
    append_bytes(tables, &count, sizeof(count));
    for (unsigned int i = 0; i < config->nodes * config->nodes; i++) {
        uint8_t distance = i / config->nodes == i % config->nodes ? 10 : 20;

        append_bytes(tables, config->distances ? &config->distances[i] : &distance, 1);
    }
    end_table(tables);
}

/* The XSDT has an entry for each table before it but the DSDT. */
static void build_xsdt(struct acpi_tables *tables)
{
    uint64_t nowhere = 0;
    unsigned int entries = tables->count - 1;

    begin_table(tables, "XSDT", 1);
    for (unsigned int i = 0; i < entries; i++)
        append_bytes(tables, &nowhere, sizeof(nowhere));
    end_table(tables);
}

static int check(const struct acpi_config *config, struct cpuctl_error *error)
{
    if (config->smp->maxcpus > ACPI_CPUS_MAX)
        return cpuctl_error_set(error, -EINVAL,
                                "%u possible CPUs, but the ACPI tables have names for %u",
                                config->smp->maxcpus, ACPI_CPUS_MAX);
    if (config->nodes > NODES_MAX)
        return cpuctl_error_set(error, -EINVAL, "%u NUMA nodes, but Linux takes %u (MAX_NUMNODES)",
                                config->nodes, NODES_MAX);
    for (unsigned int i = 0; config->nodes > 0 && i < config->smp->maxcpus; i++)
        if (config->cpu_nodes[i] >= config->nodes)
            return cpuctl_error_set(error, -EINVAL,
                                    "CPU %u is in NUMA node %u, but there are %u nodes", i,
                                    config->cpu_nodes[i], config->nodes);
    for (unsigned int i = 0; config->nodes > 0 && i < config->memory_count; i++)
        if (config->memory[i].node >= config->nodes)
            return cpuctl_error_set(
                error, -EINVAL, "memory at 0x%llx is in NUMA node %u, but there are %u nodes",
                (unsigned long long)config->memory[i].base, config->memory[i].node, config->nodes);
    return 0;
}

int acpi_tables_build(const struct acpi_config *config, struct acpi_tables *ret_tables,
                      struct cpuctl_error *error)
{
    struct acpi_tables tables = { 0 };
    int r = check(config, error);

    if (r < 0)
        return r;
    build_rsdp(&tables);
    r = build_dsdt(&tables, config);
    build_fadt(&tables);
    build_madt(&tables, config);
    build_mcfg(&tables);
    if (config->nodes > 0) {
        build_srat(&tables, config);
        build_slit(&tables, config);
    }
    build_xsdt(&tables);
    if (r == 0)
        r = tables.error;
    if (r < 0) {
        acpi_tables_free(&tables);
        return fail_system(error, r, "can't build the ACPI tables");
    }
    acpi_tables_place(&tables, 0);
    *ret_tables = tables;
    return 0;
}

/* Makes the sum of @size bytes 0 by the byte at @checksum among them. */
static void set_checksum(uint8_t *bytes, size_t size, size_t checksum)
{
    uint8_t sum = 0;

    bytes[checksum] = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[checksum] = (uint8_t)(0x100 - sum);
}

static void set_address(struct acpi_tables *tables, size_t at, uint64_t address)
{
    memcpy(tables->data + at, &address, sizeof(address));
}

void acpi_tables_place(struct acpi_tables *tables, uint64_t address)
{
    const struct acpi_table *dsdt = &tables->tables[DSDT], *fadt = &tables->tables[FADT];
    const struct acpi_table *xsdt = &tables->tables[tables->count - 1];
    size_t entry = xsdt->offset + sizeof(struct header);

    set_address(tables, offsetof(struct rsdp, xsdt), address + xsdt->offset);
    set_address(tables, fadt->offset + sizeof(struct header) + offsetof(struct fadt, x_dsdt),
                address + dsdt->offset);
    for (unsigned int i = 0; i < tables->count; i++) {
        const struct acpi_table *table = &tables->tables[i];

        if (table == dsdt || table == xsdt)
            continue;
        set_address(tables, entry, address + table->offset);
        entry += sizeof(uint64_t);
    }
    set_checksum(tables->data, RSDP_V1_SIZE, offsetof(struct rsdp, checksum));
    set_checksum(tables->data, sizeof(struct rsdp), offsetof(struct rsdp, extended_checksum));
    for (unsigned int i = 0; i < tables->count; i++)
        set_checksum(tables->data + tables->tables[i].offset, tables->tables[i].size,
                     offsetof(struct header, checksum));
}

void acpi_tables_free(struct acpi_tables *tables)
{
    free(tables->data);
    *tables = (struct acpi_tables){ 0 };
}
