/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Multiple APIC Description Table (ACPI specification, section 5.2.12) is what firmware wrote
 * at boot: a CPU that was plugged later is in it without the enabled flag, or not at all. The
 * kernel shows the table in /sys/firmware/acpi/tables, to root.
 *
 * Which entry is which CPU: x86 numbers the enabled ones from 0 on at boot, and whatever is plugged
 * later gets a number above them (arch/x86/kernel/acpi/boot.c and apic/apic.c, later
 * cpu/topology.c). arm64 has the entry's unique ID in cpuN/firmware_node/uid.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coldplug.h"
#include "root.h"

#define TABLE_LENGTH_AT 4  /* in the header that all tables have */
#define MADT_HEADER     44 /* that header of 36 bytes, the local APIC's address, flags */

enum madt_type {
    MADT_LOCAL_APIC = 0x00,
    MADT_LOCAL_X2APIC = 0x09,
    MADT_GICC = 0x0b,
};

#define ENABLED         1U  /* the flags' bit 0 in all of them */
#define APIC_ID_INVALID 255 /* of a local APIC: there is none, or see its x2APIC entry */

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_madt(const uint8_t *table, size_t size)
{
    return size >= MADT_HEADER && memcmp(table, "APIC", 4) == 0 &&
           get32(table + TABLE_LENGTH_AT) <= size && get32(table + TABLE_LENGTH_AT) >= MADT_HEADER;
}

/**
 * Steps to the next entry: @entry is NULL at first. Returns 1, 0 (there is none) or -EBADMSG. The
 * entry has at least its type and its length, in bytes 0 and 1, and is wholly inside the table.
 */
static int next_entry(const uint8_t *table, const uint8_t **entry)
{
    const uint8_t *next = *entry ? *entry + (*entry)[1] : table + MADT_HEADER;
    size_t left = get32(table + TABLE_LENGTH_AT) - (size_t)(next - table);

    if (left == 0)
        return 0;
    if (left < 2 || next[1] < 2 || next[1] > left)
        return -EBADMSG;
    *entry = next;
    return 1;
}

int madt_count_x86(const uint8_t *table, size_t size)
{
    const uint8_t *entry = NULL;
    int local = 0, extended = 0, beyond = 0, r;

    if (!is_madt(table, size))
        return -EBADMSG;
    while ((r = next_entry(table, &entry)) > 0) {
        if (entry[0] == MADT_LOCAL_APIC && entry[1] >= 8) {
            local += entry[3] != APIC_ID_INVALID && (get32(entry + 4) & ENABLED);
        } else if (entry[0] == MADT_LOCAL_X2APIC && entry[1] >= 16 &&
                   (get32(entry + 8) & ENABLED)) {
            extended++;
            beyond += get32(entry + 4) >= APIC_ID_INVALID;
        }
    }
    if (r < 0)
        return r;
    /* Firmware may list the low IDs by both kinds of entry; the kernel counts them once. */
    return local ? local + beyond : extended;
}

int madt_gicc_is_enabled(const uint8_t *table, size_t size, uint32_t uid)
{
    const uint8_t *entry = NULL;
    int r;

    if (!is_madt(table, size))
        return -EBADMSG;
    while ((r = next_entry(table, &entry)) > 0)
        if (entry[0] == MADT_GICC && entry[1] >= 16 && get32(entry + 8) == uid)
            return get32(entry + 12) & ENABLED ? 1 : 0;
    return r < 0 ? r : -ENODATA;
}

int coldplug_was_enabled(struct cpuctl_root *root, const uint8_t *madt, size_t size,
                         unsigned int cpu)
{
    char path[ROOT_PATH_MAX];
    int64_t uid;
    int r;

    r = madt_count_x86(madt, size);
    if (r < 0)
        return r;
    if (r > 0)
        return cpu < (unsigned int)r;

    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/firmware_node/uid", cpu);
    r = root_read_int(root, path, &uid);
    if (r < 0)
        return r;
    if (uid < 0 || uid > UINT32_MAX)
        return -ENODATA;
    return madt_gicc_is_enabled(madt, size, (uint32_t)uid);
}
