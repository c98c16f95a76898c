/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking serial numbers and names out of what is recorded; the shape of the files is kept. */
#include "tools/scrub.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/**
 * A line whose value is overwritten: what follows the colon, or @after up to a comma.
 * @key: how it begins; "#" is a digit.
 */
struct secret_line {
    const char *path;
    const char *key;
    const char *after;
};

static const struct secret_line secret_lines[] = {
    /* Arm boards (arch/arm/kernel/setup.c) */
    { .path = "proc/cpuinfo", .key = "Serial" },
    /* s390: its identification number is made of the machine's serial number
     * (arch/s390/kernel/processor.c) */
    { .path = "proc/cpuinfo", .key = "processor", .after = "identification = " },
    { .path = "proc/cpuinfo", .key = "identification" },
    /* s390: drivers/s390/char/sclp_cmd.c and arch/s390/kernel/sysinfo.c */
    { .path = "proc/sysinfo", .key = "Sequence Code" },
    { .path = "proc/sysinfo", .key = "Plant" },
    { .path = "proc/sysinfo", .key = "LPAR Name" },
    { .path = "proc/sysinfo", .key = "LPAR Extended Name" },
    { .path = "proc/sysinfo", .key = "LPAR UUID" },
    { .path = "proc/sysinfo", .key = "VM## Name" },
    { .path = "proc/sysinfo", .key = "VM## Extended Name" },
    { .path = "proc/sysinfo", .key = "VM## UUID" },
};

/* SMBIOS structures (DMTF DSP0134, 6.1.2): type, length of the fixed part, handle, then fields; the
 * strings that the fields number from 1 follow the fixed part, each with a NUL, one more at the
 * end. */
#define SMBIOS_HEADER 4U
#define SMBIOS_LENGTH 1U
#define SMBIOS_END    127U

/** Which structures are kept, and where these have the numbers of secret strings (0: no more). */
static const struct smbios_kind {
    uint8_t type;
    uint8_t strings[4];
    uint8_t uuid; /**< where a UUID of 16 bytes begins; 0: nowhere */
} smbios_kinds[] = {
    { .type = 0 },                                          /* firmware (7.1) */
    { .type = 1, .strings = { 0x07, 0x19 }, .uuid = 0x08 }, /* system (7.2): serial, SKU */
    { .type = 4, .strings = { 0x20, 0x21, 0x22 } }, /* processor (7.5): serial, asset, part */
    { .type = SMBIOS_END },
};

static void overwrite(char *from, const char *end)
{
    for (; from < end; from++) {
        if (isdigit((unsigned char)*from))
            *from = '0';
        else if (isalpha((unsigned char)*from) || !isascii((unsigned char)*from))
            *from = 'x';
    }
}

/** Whether the line from @line to @stop begins with @key. */
static bool begins_with(const char *line, const char *stop, const char *key)
{
    for (; *key; line++, key++)
        if (line == stop || (*key == '#' ? !isdigit((unsigned char)*line) : *line != *key))
            return false;
    return true;
}

static void scrub_line(char *line, char *stop, const struct secret_line *secret)
{
    size_t length = (size_t)(stop - line);
    char *value, *comma;

    if (!begins_with(line, stop, secret->key))
        return;
    if (!secret->after) {
        value = memchr(line, ':', length);
        if (value)
            overwrite(value + 1, stop);
        return;
    }
    value = memmem(line, length, secret->after, strlen(secret->after));
    if (!value)
        return;
    value += strlen(secret->after);
    comma = memchr(value, ',', (size_t)(stop - value));
    overwrite(value, comma ? comma : stop);
}

static void scrub_lines(char *data, size_t size, const struct secret_line *secret)
{
    char *line = data, *end = data + size;

    while (line < end) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        char *stop = newline ? newline : end;

        scrub_line(line, stop, secret);
        line = stop + 1;
    }
}

/** Overwrites string @number (from 1) of the structure of @size bytes at @data. */
static void scrub_smbios_string(char *data, size_t size, unsigned int number)
{
    char *string = data + (uint8_t)data[SMBIOS_LENGTH], *end = data + size;

    for (unsigned int i = 1; string < end; i++) {
        char *stop = memchr(string, '\0', (size_t)(end - string));

        if (!stop)
            stop = end;
        if (i == number) {
            overwrite(string, stop);
            return;
        }
        string = stop + 1;
    }
}

/** Overwrites what is secret in one structure of @size bytes. */
static void scrub_smbios_structure(const struct smbios_kind *kind, char *data, size_t size)
{
    uint8_t length = (uint8_t)data[SMBIOS_LENGTH];

    for (size_t i = 0; i < sizeof(kind->strings) && kind->strings[i]; i++)
        if (kind->strings[i] < length)
            scrub_smbios_string(data, size, (uint8_t)data[kind->strings[i]]);
    if (kind->uuid && kind->uuid + 16U <= length)
        memset(data + kind->uuid, 0, 16);
}

/** The size of the structure at @data, strings included; 0: it is cut off. */
static size_t smbios_size(const char *data, size_t size)
{
    size_t at;

    if (size < SMBIOS_HEADER || (uint8_t)data[SMBIOS_LENGTH] < SMBIOS_HEADER)
        return 0;
    for (at = (uint8_t)data[SMBIOS_LENGTH]; at + 1 < size; at++)
        if (data[at] == '\0' && data[at + 1] == '\0')
            return at + 2;
    return 0;
}

/** Keeps the structures of known kinds, moved together. Returns the new size. */
static size_t scrub_smbios(char *data, size_t size)
{
    size_t kept = 0, n;

    for (size_t at = 0; (n = smbios_size(data + at, size - at)) > 0; at += n)
        for (size_t i = 0; i < sizeof(smbios_kinds) / sizeof(smbios_kinds[0]); i++) {
            if ((uint8_t)data[at] != smbios_kinds[i].type)
                continue;
            scrub_smbios_structure(&smbios_kinds[i], data + at, n);
            memmove(data + kept, data + at, n);
            kept += n;
            break;
        }
    return kept;
}

/**
 * Cuts off a kernel's local version (what follows its number), which a private build may have its
 * owner's name in, but not Microsoft's mark of the Windows Subsystem for Linux. Returns the new
 * size.
 */
static size_t scrub_release(char *data, size_t size)
{
    static const char mark[] = "icrosoft";
    char *local = memchr(data, '-', size);

    if (!local || memmem(data, size, mark, sizeof(mark) - 1))
        return size;
    *local = '\n';
    return (size_t)(local - data) + 1;
}

size_t scrub(const char *path, char *data, size_t size)
{
    for (size_t i = 0; i < sizeof(secret_lines) / sizeof(secret_lines[0]); i++)
        if (strcmp(path, secret_lines[i].path) == 0)
            scrub_lines(data, size, &secret_lines[i]);
    if (strcmp(path, "proc/sys/kernel/osrelease") == 0)
        return scrub_release(data, size);
    if (strcmp(path, "proc/device-tree/ibm,partition-name") == 0)
        overwrite(data, data + size);
    if (strcmp(path, "sys/firmware/dmi/tables/DMI") == 0)
        return scrub_smbios(data, size);
    return size;
}
