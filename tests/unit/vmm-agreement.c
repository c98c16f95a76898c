/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether MADT, _MAT and CPUID leaves say the same of a CPU. */
#include "vmm-agreement.h"

#include <check.h>
#include <string.h>

#define LEVELS_MAX 8
#define TYPE_SMT   1U
#define TYPE_CORE  2U
#define TYPE_DIE   5U

enum { EAX, EBX, ECX, EDX };

/* One CPU as its leaves are read. */
struct reader {
    const struct smp *smp;
    struct smp_place place;
    uint32_t id;
    agreement_cpuid_fn cpuid;
    void *data;
    uint32_t r[4]; /* of the last leaf */
};

static const uint32_t *read_leaf(struct reader *reader, uint32_t leaf, uint32_t subleaf)
{
    reader->cpuid(reader->data, leaf, subleaf, reader->r);
    return reader->r;
}

static unsigned int bits_for(uint32_t count)
{
    unsigned int bits = 0;

    while (1ULL << bits < count)
        bits++;
    return bits;
}

/* What is left of an ID when the lower @bits are gone names the group of that size. */
static uint32_t group_of(const struct reader *reader, uint32_t level)
{
    const struct smp_place *place = &reader->place;
    const struct smp *smp = reader->smp;

    switch (level) {
    case TYPE_SMT:
        return ((place->socket << bits_for(smp->dies) | place->die) << bits_for(smp->cores)) |
               place->core;
    case TYPE_CORE:
        return place->socket << bits_for(smp->dies) | place->die;
    default:
        return place->socket;
    }
}

static void check_leaf_1(struct reader *reader)
{
    const struct smp *smp = reader->smp;
    uint32_t ids = 1U << (bits_for(smp->threads) + bits_for(smp->cores) + bits_for(smp->dies));
    const uint32_t *r = read_leaf(reader, 1, 0);

    ck_assert_uint_eq(r[EBX] >> 24, reader->id & 0xff);
    ck_assert_uint_eq(r[EBX] >> 16 & 0xff, ids < 255 ? ids : 255);
    /* HTT says that the count above counts; a KVM in software may set it of itself. */
    if (ids > 1)
        ck_assert_uint_ne(r[EDX] & 1U << 28, 0);
}

/* Leaf 0xB or 0x1F: the levels' types in @types, up to 0; the last one's shift leads to sockets. */
static void check_levels(struct reader *reader, uint32_t leaf, const uint32_t *types)
{
    const struct smp *smp = reader->smp;
    uint32_t per_die = smp->cores * smp->threads;
    unsigned int i;

    for (i = 0; types[i] != 0; i++) {
        const uint32_t *r = read_leaf(reader, leaf, i);
        bool last = types[i + 1] == 0;
        uint32_t count = types[i] == TYPE_SMT ? smp->threads : last ? per_die * smp->dies : per_die;

        ck_assert_uint_eq(r[EDX], reader->id);
        ck_assert_uint_eq(r[ECX], i | types[i] << 8);
        ck_assert_uint_eq(r[EBX], count);
        ck_assert_uint_eq(r[EDX] >> r[EAX], group_of(reader, last ? TYPE_DIE : types[i]));
        if (types[i] == TYPE_SMT)
            ck_assert_uint_eq(r[EDX] & ((1U << r[EAX]) - 1), reader->place.thread);
    }
    ck_assert_uint_eq(read_leaf(reader, leaf, i)[ECX] >> 8 & 0xff, 0);
}

/* Leaf 4 or 0x8000001D: L1 and L2 are a core's, L3 is a die's. */
static void check_caches(struct reader *reader, uint32_t leaf)
{
    for (unsigned int i = 0; i < LEVELS_MAX; i++) {
        const uint32_t *r = read_leaf(reader, leaf, i);
        uint32_t level = r[EAX] >> 5 & 7, ids = (r[EAX] >> 14 & 0xfff) + 1;

        if ((r[EAX] & 0x1f) == 0)
            return;
        ck_assert_uint_eq(ids & (ids - 1), 0);
        ck_assert_uint_eq(reader->id >> bits_for(ids),
                          group_of(reader, level < 3 ? TYPE_SMT : TYPE_CORE));
    }
}

/* Bits 31..26 of leaf 4: how many IDs of cores there are in a package, less one. */
static void check_leaf_4_cores(struct reader *reader)
{
    const struct smp *smp = reader->smp;
    uint32_t ids = 1U << (bits_for(smp->cores) + bits_for(smp->dies));
    const uint32_t *r = read_leaf(reader, 4, 0);

    if ((r[EAX] & 0x1f) != 0)
        ck_assert_uint_eq((r[EAX] >> 26) + 1, ids < 64 ? ids : 64);
}

static void check_amd(struct reader *reader)
{
    const struct smp *smp = reader->smp;
    const struct smp_place *place = &reader->place;
    uint32_t per_socket = smp->dies * smp->cores * smp->threads;
    const uint32_t *r = read_leaf(reader, 0x80000008, 0);

    ck_assert_uint_eq((r[ECX] & 0xff) + 1, per_socket < 256 ? per_socket : 256);
    ck_assert_uint_eq(reader->id >> (r[ECX] >> 12 & 0xf), place->socket);
    ck_assert_uint_ge(read_leaf(reader, 0x80000000, 0)[EAX], 0x8000001e);
    r = read_leaf(reader, 0x8000001e, 0);
    ck_assert_uint_eq(r[EAX], reader->id);
    ck_assert_uint_eq(r[EBX] & 0xff, (place->die * smp->cores + place->core) & 0xff);
    ck_assert_uint_eq((r[EBX] >> 8 & 0xff) + 1, smp->threads);
    ck_assert_uint_eq(r[ECX] & 0xff, (place->socket * smp->dies + place->die) & 0xff);
    ck_assert_uint_eq((r[ECX] >> 8 & 7) + 1, smp->dies < 8 ? smp->dies : 8);
    ck_assert_uint_eq(read_leaf(reader, 0x80000001, 0)[ECX] >> 1 & 1, per_socket > 1);
}

void agreement_check_leaves(const struct smp *smp, unsigned int index, bool amd,
                            agreement_cpuid_fn cpuid, void *data)
{
    static const uint32_t b[] = { TYPE_SMT, TYPE_CORE, 0 };
    static const uint32_t with_dies[] = { TYPE_SMT, TYPE_CORE, TYPE_DIE, 0 };
    struct reader reader = { .smp = smp,
                             .place = smp_place(smp, index),
                             .id = smp_apic_id(smp, index),
                             .cpuid = cpuid,
                             .data = data };
    uint32_t most = read_leaf(&reader, 0, 0)[EAX];

    ck_assert_uint_ge(most, 0xb);
    check_leaf_1(&reader);
    check_levels(&reader, 0xb, b);
    /* Where there are no dies, 0xB says all. */
    if (most >= 0x1f && read_leaf(&reader, 0x1f, 0)[EBX] != 0)
        check_levels(&reader, 0x1f, with_dies);
    check_caches(&reader, amd ? 0x8000001d : 4);
    if (amd)
        check_amd(&reader);
    else
        check_leaf_4_cores(&reader);
}

/* ---- ACPI ---- */

static uint32_t dword(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static const uint8_t *find_table(const struct acpi_tables *tables, const char *signature,
                                 size_t *ret_size)
{
    for (unsigned int i = 0; i < tables->count; i++)
        if (strcmp(tables->tables[i].signature, signature) == 0) {
            *ret_size = tables->tables[i].size;
            return tables->data + tables->tables[i].offset;
        }
    ck_abort_msg("there is no %s", signature);
    return NULL;
}

/* A structure of the MADT: false for one that describes no CPU. */
static bool check_structure(const struct smp *smp, unsigned int index, const uint8_t *entry)
{
    uint32_t id = entry[0] == 0 ? entry[3] : dword(entry + 4);
    uint32_t uid = entry[0] == 0 ? entry[2] : dword(entry + 12);

    if (entry[0] != 0 && entry[0] != 9)
        return false;
    ck_assert_uint_eq(entry[1], entry[0] == 0 ? 8 : 16);
    ck_assert_uint_lt(index, smp->maxcpus);
    ck_assert_uint_eq(id, smp_apic_id(smp, index));
    ck_assert_uint_eq(uid, index);
    ck_assert_uint_eq(entry[0] == 9, id > 254);
    return true;
}

void agreement_check_tables(const struct smp *smp, const struct acpi_tables *tables)
{
    /* Name (_MAT, Buffer (…): the length of one byte, and the size as a byte constant, follow */
    static const uint8_t mat[] = { 0x08, '_', 'M', 'A', 'T', 0x11 };
    unsigned int in_madt = 0, in_dsdt = 0;
    const uint8_t *table;
    size_t size;

    table = find_table(tables, "APIC", &size);
    for (size_t at = 44; at + 1 < size; at += table[at + 1]) {
        ck_assert_uint_ge(table[at + 1], 2);
        in_madt += check_structure(smp, in_madt, table + at);
    }
    ck_assert_uint_eq(in_madt, smp->maxcpus);

    table = find_table(tables, "DSDT", &size);
    for (size_t at = 36; at + sizeof(mat) + 3 + ACPI_MAT_SIZE <= size; at++) {
        const uint8_t *buffer = table + at + sizeof(mat);

        if (memcmp(table + at, mat, sizeof(mat)) != 0)
            continue;
        ck_assert_uint_lt(buffer[0], 0x40);
        ck_assert_uint_eq(buffer[1], 0x0a);
        ck_assert_uint_eq(buffer[2], buffer[4]);
        ck_assert(check_structure(smp, in_dsdt++, buffer + 3));
    }
    ck_assert_uint_eq(in_dsdt, smp->maxcpus);
}
