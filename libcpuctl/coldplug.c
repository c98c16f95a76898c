/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Multiple APIC Description Table (ACPI specification, section 5.2.12) is what firmware wrote
 * at boot: a CPU that was plugged later is in it without the enabled flag, or not at all. The
 * kernel shows the table in /sys/firmware/acpi/tables (to root), and of a CPU the ACPI unique ID in
 * cpuN/firmware_node/uid.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coldplug.h"
#include "root.h"

#define MADT_HEADER    44 /* the common header of 36 bytes, the APIC's address, flags */
#define MADT_ENABLED   1U /* flags, bit 0, of all kinds of entries */
#define MADT_LENGTH_AT 4  /* in the common header */
#define ENTRY_HEADER   2  /* type, length */

/** Where an entry of a type has its fields. */
struct entry_kind {
    uint8_t type;
    uint8_t length; /**< at least */
    uint8_t uid_at;
    uint8_t uid_size; /**< 1 or 4 bytes */
    uint8_t flags_at;
};

static const struct entry_kind kinds[] = {
    { .type = 0x00, .length = 8, .uid_at = 2, .uid_size = 1, .flags_at = 4 },   /* local APIC */
    { .type = 0x09, .length = 16, .uid_at = 12, .uid_size = 4, .flags_at = 8 }, /* local x2APIC */
    { .type = 0x0b, .length = 40, .uid_at = 8, .uid_size = 4, .flags_at = 12 }, /* GICC, arm64 */
};

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static const struct entry_kind *find_kind(const uint8_t *entry, uint8_t length)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].type == entry[0] && length >= kinds[i].length)
            return &kinds[i];
    return NULL;
}

int madt_is_enabled(const uint8_t *table, size_t size, uint32_t uid)
{
    int result = -ENODATA;
    uint8_t length;

    if (size < MADT_HEADER || memcmp(table, "APIC", 4) != 0 || get32(table + MADT_LENGTH_AT) > size)
        return -EBADMSG;
    size = get32(table + MADT_LENGTH_AT);
    for (size_t at = MADT_HEADER; at + ENTRY_HEADER <= size; at += length) {
        const uint8_t *entry = table + at;
        const struct entry_kind *kind;

        length = entry[1];
        if (length < ENTRY_HEADER || length > size - at)
            return -EBADMSG;
        kind = find_kind(entry, length);
        if (!kind ||
            (kind->uid_size == 1 ? entry[kind->uid_at] : get32(entry + kind->uid_at)) != uid)
            continue;
        /* Firmware may list a CPU by both kinds of entry: any one enabled is enough. */
        if (get32(entry + kind->flags_at) & MADT_ENABLED)
            return 1;
        result = 0;
    }
    return result;
}

int coldplug_was_enabled(struct cpuctl_root *root, const uint8_t *madt, size_t size,
                         unsigned int cpu)
{
    char path[ROOT_PATH_MAX];
    int64_t uid;
    int r;

    /* A unique ID may also be a word, which no MADT entry has. */
    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/firmware_node/uid", cpu);
    r = root_read_int(root, path, &uid);
    if (r < 0)
        return r;
    if (uid < 0 || uid > UINT32_MAX)
        return -ENODATA;
    return madt_is_enabled(madt, size, (uint32_t)uid);
}
