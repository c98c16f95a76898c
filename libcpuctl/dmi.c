/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the firmware tells of the processors: SMBIOS (DMTF DSP0134) structures of type 4 in the
 * table that the kernel shows to root (Documentation/ABI/testing/sysfs-firmware-dmi-tables).
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "identity.h"

/** The length of a table is a 32-bit number; real ones have some kilobytes. */
#define TABLE_MAX (4U << 20)

#define HEADER_SIZE    4
#define TYPE_PROCESSOR 4
#define TYPE_END       127

/** Offsets in a processor structure, and the size of one that has them. */
#define PROCESSOR_FAMILY       0x06
#define PROCESSOR_MANUFACTURER 0x07
#define PROCESSOR_VERSION      0x10
#define PROCESSOR_SPEED        0x16
#define PROCESSOR_PART_NUMBER  0x22
#define PROCESSOR_FAMILY_2     0x28
#define PROCESSOR_SIZE         0x2a
#define FAMILY_IN_FAMILY_2     0xfe

/** One structure: a formatted part, then strings that end with an empty one. */
struct structure {
    const uint8_t *data;
    size_t length; /* of the formatted part */
    const char *strings;
    const char *end; /* of the strings */
};

/** Takes the structure at @at, which ends before @end. Returns where the next one begins, or NULL.
 */
static const uint8_t *take(const uint8_t *at, const uint8_t *end, struct structure *ret)
{
    const uint8_t *next;

    if (end - at < HEADER_SIZE || at[1] < HEADER_SIZE || end - at < at[1] + 2)
        return NULL;
    for (next = at + at[1]; next[0] || next[1]; next++)
        if (end - next < 3)
            return NULL;
    *ret = (struct structure){ .data = at,
                               .length = at[1],
                               .strings = (const char *)at + at[1],
                               .end = (const char *)next + 1 };
    return next + 2;
}

/** String number @number (from 1) of a structure, "" when there is no such one. */
static const char *string(const struct structure *structure, unsigned int number)
{
    const char *at = structure->strings;

    while (number > 1 && at < structure->end && *at) {
        at += strlen(at) + 1;
        number--;
    }
    return number && at < structure->end ? at : "";
}

static unsigned int word_at(const uint8_t *data, size_t offset)
{
    return data[offset] | (unsigned int)data[offset + 1] << 8;
}

static int take_processor(struct cpuctl_identity *identity, const struct structure *processor)
{
    const uint8_t *data = processor->data;
    const char *manufacturer = string(processor, data[PROCESSOR_MANUFACTURER]);
    unsigned int speed = word_at(data, PROCESSOR_SPEED); /* MHz */
    unsigned int family = data[PROCESSOR_FAMILY];
    _cleanup_free_ char *model = NULL;
    char number[16];
    int r = 0;

    if (family == FAMILY_IN_FAMILY_2)
        family = word_at(data, PROCESSOR_FAMILY_2);
    snprintf(number, sizeof(number), "%u", family);
    if (asprintf(&model, "%s %s CPU @ %u.%uGHz", string(processor, data[PROCESSOR_VERSION]),
                 string(processor, data[PROCESSOR_PART_NUMBER]), speed / 1000,
                 speed % 1000 / 100) < 0)
        return -ENOMEM;
    if (*manufacturer)
        r = identity_set(identity, 0, CPUCTL_BIOS_VENDOR, manufacturer);
    for (unsigned int type = 0; r == 0 && type < identity->ntypes; type++) {
        r = identity_set(identity, type, CPUCTL_BIOS_MODEL_NAME, model);
        if (r == 0)
            r = identity_set(identity, type, CPUCTL_BIOS_FAMILY, number);
    }
    return r;
}

int identity_read_dmi(struct cpuctl_root *root, struct cpuctl_identity *identity,
                      struct cpuctl_error *error)
{
    _cleanup_free_ char *table = NULL;
    ssize_t size = cpuctl_root_read(root, "sys/firmware/dmi/tables/DMI", TABLE_MAX, &table, NULL);
    const uint8_t *at, *end;
    struct structure structure;

    /* a machine without SMBIOS, or a caller who may not read it */
    if (size <= 0)
        return 0;
    at = (const uint8_t *)table;
    end = at + size;
    while (at && at < end && (at = take(at, end, &structure))) {
        if (structure.data[0] == TYPE_END)
            break;
        if (structure.data[0] != TYPE_PROCESSOR || structure.length < PROCESSOR_SIZE)
            continue;
        if (identity->firmware_sockets++ == 0 && take_processor(identity, &structure) < 0)
            return error_set(error, -ENOMEM, "Out of memory");
    }
    return 0;
}
