/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ACPI tables: addresses, checksums, and what they say of CPUs and memory. */
#include "main.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"
#include "vmm/acpi-tables.h"
#include "vmm/layout.h"
#include "vmm/smp.h"

#define BASE 0xbff00000ULL

static bool plugged(void *opaque, unsigned int index)
{
    const struct smp *smp = opaque;

    return index < smp->cpus;
}

/* Tables at BASE for --smp @text; @config may have nodes. */
static struct acpi_tables build(const char *text, struct smp *smp, struct acpi_config config)
{
    struct cpuctl_error error = { 0 };
    struct acpi_tables tables;

    ck_assert_int_eq(smp_parse(text, smp, &error), 0);
    config.smp = smp;
    config.plugged = plugged;
    config.opaque = smp;
    ck_assert_msg(acpi_tables_build(&config, &tables, &error) == 0, "%s", error.text);
    acpi_tables_place(&tables, BASE);
    return tables;
}

static uint64_t number(const uint8_t *bytes, unsigned int size)
{
    uint64_t value = 0;

    while (size-- > 0)
        value = value << 8 | bytes[size];
    return value;
}

static unsigned int sum(const uint8_t *bytes, size_t size)
{
    uint8_t total = 0;

    while (size-- > 0)
        total = (uint8_t)(total + bytes[size]);
    return total;
}

/* As a guest finds it: the table at @address, whole and with a right checksum. */
static const uint8_t *table_at(const struct acpi_tables *tables, uint64_t address,
                               const char *signature, size_t *ret_size)
{
    const uint8_t *table = tables->data + (address - BASE);

    ck_assert_uint_ge(address, BASE);
    ck_assert_uint_le(address - BASE + 36, tables->size);
    *ret_size = number(table + 4, 4);
    ck_assert_uint_le(address - BASE + *ret_size, tables->size);
    if (signature)
        ck_assert_mem_eq(table, signature, 4);
    ck_assert_uint_eq(sum(table, *ret_size), 0);
    return table;
}

/* By RSDP and XSDT; NULL: there is none. */
static const uint8_t *find(const struct acpi_tables *tables, const char *signature,
                           size_t *ret_size)
{
    const uint8_t *xsdt;
    size_t size;

    ck_assert_mem_eq(tables->data, "RSD PTR ", 8);
    ck_assert_uint_eq(sum(tables->data, 20), 0);
    ck_assert_uint_eq(sum(tables->data, 36), 0);
    ck_assert_uint_eq(tables->data[15], 2);
    xsdt = table_at(tables, number(tables->data + 24, 8), "XSDT", &size);
    for (size_t at = 36; at < size; at += 8) {
        const uint8_t *table = table_at(tables, number(xsdt + at, 8), NULL, ret_size);

        if (memcmp(table, signature, 4) == 0)
            return table;
    }
    return NULL;
}

START_TEST(tables_without_numa)
{
    struct smp smp;
    struct acpi_tables tables = build("1", &smp, (struct acpi_config){ 0 });
    size_t size;

    ck_assert_ptr_nonnull(find(&tables, "FACP", &size));
    ck_assert_ptr_nonnull(find(&tables, "APIC", &size));
    ck_assert_ptr_null(find(&tables, "SRAT", &size));
    ck_assert_ptr_null(find(&tables, "SLIT", &size));
    acpi_tables_free(&tables);
}
END_TEST

START_TEST(placed_twice)
{
    struct smp smp;
    struct acpi_tables tables = build("1,maxcpus=3", &smp, (struct acpi_config){ 0 });
    uint8_t *before = malloc(tables.size);
    size_t size;

    ck_assert_ptr_nonnull(before);
    memcpy(before, tables.data, tables.size);
    acpi_tables_place(&tables, 0x100000);
    ck_assert_mem_ne(tables.data, before, tables.size);
    acpi_tables_place(&tables, BASE);
    ck_assert_mem_eq(tables.data, before, tables.size);
    ck_assert_ptr_nonnull(find(&tables, "APIC", &size));
    free(before);
    acpi_tables_free(&tables);
}
END_TEST

START_TEST(fadt)
{
    struct smp smp;
    struct acpi_tables tables = build("1", &smp, (struct acpi_config){ 0 });
    size_t size, dsdt_size;
    const uint8_t *table = find(&tables, "FACP", &size);

    ck_assert_ptr_nonnull(table);
    ck_assert_uint_eq(size, 276);
    ck_assert_uint_eq(table[8], 6); /* 6.3: from here on the online-capable flag counts */
    ck_assert_uint_eq(table[131], 3);
    ck_assert_uint_eq(number(table + 109, 2), 0x24); /* no VGA, no CMOS RTC, no 8042 */
    ck_assert_uint_eq(number(table + 112, 4) & (1U << 20 | 1U << 10), 1U << 20 | 1U << 10);
    ck_assert_uint_eq(number(table + 120, 8), LAYOUT_RESET);
    ck_assert_uint_eq(table[128], 1);
    ck_assert_uint_eq(number(table + 36, 8), 0); /* no FACS, no 32-bit DSDT */
    table_at(&tables, number(table + 140, 8), "DSDT", &dsdt_size);
    ck_assert_uint_eq(number(table + 244, 4), 0x01000801); /* I/O, 8 bits, a byte at a time */
    ck_assert_uint_eq(number(table + 248, 8), LAYOUT_SLEEP_CONTROL);
    ck_assert_uint_eq(number(table + 260, 8), LAYOUT_SLEEP_STATUS);
    acpi_tables_free(&tables);
}
END_TEST

/* Each possible CPU once, in order, by the right structure; then I/O APIC and NMIs. */
static void check_madt(const char *text)
{
    struct smp smp;
    struct acpi_tables tables = build(text, &smp, (struct acpi_config){ 0 });
    unsigned int index = 0, ioapics = 0, nmis = 0, x2apic_nmis = 0;
    size_t size;
    const uint8_t *table = find(&tables, "APIC", &size);

    ck_assert_ptr_nonnull(table);
    ck_assert_uint_eq(number(table + 36, 4), LAYOUT_LAPIC);
    ck_assert_uint_eq(number(table + 40, 4), 0); /* no PCAT_COMPAT */
    for (size_t at = 44; at < size; at += table[at + 1]) {
        const uint8_t *entry = table + at;
        uint32_t id = index < smp.maxcpus ? smp_apic_id(&smp, index) : 0;

        ck_assert_uint_ge(entry[1], 6);
        ck_assert_uint_le(at + entry[1], size);
        switch (entry[0]) {
        case 0:
            ck_assert_uint_le(id, 254);
            ck_assert_uint_eq(entry[2], index);
            ck_assert_uint_eq(entry[3], id);
            ck_assert_uint_eq(number(entry + 4, 4), index++ < smp.cpus ? 1 : 2);
            break;
        case 9:
            ck_assert_uint_ge(id, 255);
            ck_assert_uint_eq(number(entry + 4, 4), id);
            ck_assert_uint_eq(number(entry + 12, 4), index);
            ck_assert_uint_eq(number(entry + 8, 4), index++ < smp.cpus ? 1 : 2);
            break;
        case 1:
            ck_assert_uint_eq(number(entry + 4, 4), LAYOUT_IOAPIC);
            ck_assert_uint_eq(number(entry + 8, 4), 0);
            ioapics++;
            break;
        case 4:
            nmis++;
            break;
        case 10:
            x2apic_nmis++;
            break;
        default:
            ck_abort_msg("an entry of type %u", entry[0]);
        }
    }
    ck_assert_uint_eq(index, smp.maxcpus);
    ck_assert_uint_eq(ioapics, 1);
    ck_assert_uint_eq(nmis, 1);
    ck_assert_uint_eq(x2apic_nmis, smp_apic_id_max(&smp) > 254);
    acpi_tables_free(&tables);
}

START_TEST(madt)
{
    static const char *const machines[] = {
        "1",
        "1,maxcpus=4",
        "3,maxcpus=12,sockets=2,cores=3,threads=2",
        "255",
        "2,maxcpus=256",
        "1,maxcpus=1024,sockets=4,cores=128,threads=2",
        "1000,maxcpus=1020,sockets=4,cores=51,threads=5",
    };

    for (unsigned int i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
        check_madt(machines[i]);
}
END_TEST

START_TEST(mat_at_the_border)
{
    static const uint8_t lapic[] = { 0, 8, 7, 254, 1, 0, 0, 0 };
    static const uint8_t x2apic[] = { 9, 16, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0 };
    uint8_t mat[ACPI_MAT_SIZE];

    ck_assert_uint_eq(acpi_mat(7, 254, ACPI_MAT_ENABLED, mat), sizeof(lapic));
    ck_assert_mem_eq(mat, lapic, sizeof(lapic));
    ck_assert_uint_eq(acpi_mat(7, 255, ACPI_MAT_ENABLED, mat), sizeof(x2apic));
    ck_assert_mem_eq(mat, x2apic, sizeof(x2apic));
}
END_TEST

START_TEST(mcfg)
{
    struct smp smp;
    struct acpi_tables tables = build("1", &smp, (struct acpi_config){ 0 });
    size_t size;
    const uint8_t *table = find(&tables, "MCFG", &size);

    ck_assert_ptr_nonnull(table);
    ck_assert_uint_eq(size, 60);
    ck_assert_uint_eq(number(table + 44, 8), LAYOUT_ECAM);
    ck_assert_uint_eq(number(table + 52, 4), 0); /* segment 0, buses 0 to 0 */
    acpi_tables_free(&tables);
}
END_TEST

START_TEST(numa)
{
    enum { CPUS = 260, NODES = 2 };
    static uint32_t nodes[CPUS];
    static const struct acpi_memory memory[] = {
        { .base = 0, .size = LAYOUT_HOLE, .node = 0 },
        { .base = 4 * GIB, .size = GIB, .node = 0 },
        { .base = 5 * GIB, .size = 3 * GIB, .node = 1 },
    };
    static const uint8_t distances[] = { 10, 31, 32, 10 };
    struct acpi_config config = { .nodes = NODES,
                                  .cpu_nodes = nodes,
                                  .memory = memory,
                                  .memory_count = 3,
                                  .distances = distances };
    struct smp smp;
    struct acpi_tables tables;
    unsigned int cpus = 0, pieces = 0;
    size_t size;
    const uint8_t *table;

    for (unsigned int i = 0; i < CPUS; i++)
        nodes[i] = i % NODES;
    tables = build("1,maxcpus=260", &smp, config);
    table = find(&tables, "SRAT", &size);
    ck_assert_ptr_nonnull(table);
    ck_assert_uint_eq(number(table + 36, 4), 1);
    for (size_t at = 48; at < size; at += table[at + 1]) {
        const uint8_t *entry = table + at;

        if (entry[0] == 1) {
            ck_assert_uint_eq(entry[1], 40);
            ck_assert_uint_eq(number(entry + 2, 4), memory[pieces].node);
            ck_assert_uint_eq(number(entry + 8, 8), memory[pieces].base);
            ck_assert_uint_eq(number(entry + 16, 8), memory[pieces].size);
            ck_assert_uint_eq(number(entry + 28, 4), 1);
            pieces++;
            continue;
        }
        /* Those plugged later are enabled too. */
        if (cpus <= 254) {
            ck_assert_mem_eq(entry, "\0\x10", 2);
            ck_assert_uint_eq(entry[2], nodes[cpus]);
            ck_assert_uint_eq(entry[3], cpus);
            ck_assert_uint_eq(number(entry + 4, 4), 1);
        } else {
            ck_assert_mem_eq(entry, "\2\x18", 2);
            ck_assert_uint_eq(number(entry + 4, 4), nodes[cpus]);
            ck_assert_uint_eq(number(entry + 8, 4), cpus);
            ck_assert_uint_eq(number(entry + 12, 4), 1);
        }
        cpus++;
    }
    ck_assert_uint_eq(cpus, CPUS);
    ck_assert_uint_eq(pieces, 3);
    table = find(&tables, "SLIT", &size);
    ck_assert_ptr_nonnull(table);
    ck_assert_uint_eq(number(table + 36, 8), NODES);
    ck_assert_mem_eq(table + 44, distances, sizeof(distances));
    acpi_tables_free(&tables);

    config.distances = NULL;
    tables = build("1,maxcpus=260", &smp, config);
    table = find(&tables, "SLIT", &size);
    ck_assert_ptr_nonnull(table);
    ck_assert_mem_eq(table + 44, "\x0a\x14\x14\x0a", 4);
    acpi_tables_free(&tables);
}
END_TEST

START_TEST(refused)
{
    static const uint32_t nodes[] = { 0, 2 };
    static const struct acpi_memory memory = { .size = GIB, .node = 2 };
    struct smp smp = { .cpus = 1, .maxcpus = 2, .sockets = 1, .dies = 1, .cores = 2, .threads = 1 };
    struct acpi_config config = { .smp = &smp, .plugged = plugged, .opaque = &smp };
    struct acpi_tables tables;
    struct cpuctl_error error;

    config.nodes = 2;
    config.cpu_nodes = nodes;
    ck_assert_int_eq(acpi_tables_build(&config, &tables, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "CPU 1"));
    config.nodes = 3;
    ck_assert_int_eq(acpi_tables_build(&config, &tables, &error), 0);
    acpi_tables_free(&tables);
    smp.maxcpus = 1;
    config.nodes = 1;
    config.memory = &memory;
    config.memory_count = 1;
    ck_assert_int_eq(acpi_tables_build(&config, &tables, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "memory"));
    config.nodes = 2000;
    ck_assert_int_eq(acpi_tables_build(&config, &tables, &error), -EINVAL);
    config.nodes = 0;
    smp.maxcpus = ACPI_CPUS_MAX + 1;
    ck_assert_int_eq(acpi_tables_build(&config, &tables, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "32769"));
}
END_TEST

/* How often @bytes occur in the table. */
static unsigned int count(const uint8_t *table, size_t size, const void *bytes, size_t length)
{
    unsigned int found = 0;

    for (size_t at = 36; at + length <= size; at++)
        found += memcmp(table + at, bytes, length) == 0;
    return found;
}

START_TEST(dsdt)
{
    struct smp smp;
    struct acpi_tables tables =
        build("1,maxcpus=1024,sockets=4,cores=128,threads=2", &smp, (struct acpi_config){ 0 });
    size_t size;
    const uint8_t *table = find(&tables, "FACP", &size);

    ck_assert_ptr_nonnull(table);
    table = table_at(&tables, number(table + 140, 8), "DSDT", &size);
    ck_assert_uint_eq(table[8], 2);
    ck_assert_uint_eq(count(table, size, "ACPI0007", 9), 1024);
    ck_assert_uint_eq(count(table, size, "_EJ0", 4), 1023); /* not CPU 0 */
    ck_assert_uint_eq(count(table, size, "_OST", 4), 1024);
    ck_assert_uint_eq(count(table, size, "_PXM", 4), 0);
    ck_assert_uint_eq(count(table, size,
                            "\x86"
                            "C3FFi",
                            6),
                      1); /* Notify (C3FF, Arg1) */
    /* _MAT of the last one, enabled: x2APIC ID 1023. */
    ck_assert_uint_eq(count(table, size, "\x09\x10\0\0\xff\x03\0\0\x01\0\0\0\xff\x03\0\0", 16), 1);
    ck_assert_uint_le(size, 1024 * 125);
    acpi_tables_free(&tables);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-acpi");
    TCase *tables = tcase_create("tables");

    tcase_add_test(tables, tables_without_numa);
    tcase_add_test(tables, placed_twice);
    tcase_add_test(tables, fadt);
    tcase_add_test(tables, madt);
    tcase_add_test(tables, mat_at_the_border);
    tcase_add_test(tables, mcfg);
    tcase_add_test(tables, numa);
    tcase_add_test(tables, refused);
    tcase_add_test(tables, dsdt);
    suite_add_tcase(suite, tables);
    return suite;
}
