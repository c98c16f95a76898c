/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU sets in the kernel's mask format: what bitmap_parse() of lib/bitmap-str.c accepts, and what
 * "%*pb" of lib/vsprintf.c prints.
 */
#include "cpuset.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define GROUP_BITS   32U
#define GROUP_DIGITS 8U

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int add_digit(struct cpuctl_set *set, uint64_t bit, unsigned int digit)
{
    for (unsigned int i = 0; i < 4; i++) {
        int r;

        if ((digit >> i & 1) == 0)
            continue;
        if (bit + i >= CPUCTL_CPUS_MAX)
            return -ERANGE;
        r = cpuctl_set_add(set, (unsigned int)bit + i);
        if (r < 0)
            return r;
    }
    return 0;
}

static int fail_character(struct cpuctl_error *error, const char *text, size_t position)
{
    unsigned char c = (unsigned char)text[position];

    if (c < 0x20 || c >= 0x7f)
        return error_set_at(error, -EINVAL, position,
                            "CPU mask has byte 0x%02x at character %zu where a hexadecimal digit "
                            "is expected",
                            c, position);
    return error_set_at(
        error, -EINVAL, position,
        "CPU mask has \"%c\" at character %zu where a hexadecimal digit is expected", c, position);
}

/* Reads the group of digits that ends before text[*end] into @set from @bit on, and moves *end to
 * where it begins; @start is where the text's first digit may stand. */
static int parse_group(const char *text, size_t start, size_t *end, uint64_t bit, bool lone,
                       struct cpuctl_set *set, struct cpuctl_error *error)
{
    size_t p = *end;

    for (size_t digits = 0; p > start && !cpuset_is_separator(text[p - 1]); digits++, p--) {
        int value = hex_value(text[p - 1]);
        int r;

        if (value < 0)
            return fail_character(error, text, p - 1);
        if (digits >= GROUP_DIGITS && !lone)
            return error_set_at(error, -EINVAL, p - 1,
                                "CPU mask has a group with more than %u digits at character %zu",
                                GROUP_DIGITS, p - 1);
        r = add_digit(set, bit + 4 * digits, (unsigned int)value);
        if (r == -ERANGE)
            return error_set_at(error, r, p - 1,
                                "CPU mask has a bit at character %zu for a CPU above %u, the "
                                "highest that a set can hold",
                                p - 1, CPUCTL_CPUS_MAX - 1);
        if (r < 0)
            return error_set(error, r, "out of memory for a CPU set");
    }
    *end = p;
    return 0;
}

/* Where the first group begins: after white space and "0x". */
static size_t find_start(const char *text, size_t end)
{
    size_t start = 0;

    while (start < end && cpuset_is_separator(text[start]))
        start++;
    if (end - start > 2 && text[start] == '0' && (text[start + 1] == 'x' || text[start + 1] == 'X'))
        start += 2;
    return start;
}

/* True when no separator stands between @start and the last digit. */
static bool is_lone_group(const char *text, size_t start, size_t end)
{
    while (end > start && cpuset_is_separator(text[end - 1]))
        end--;
    for (size_t i = start; i < end; i++)
        if (cpuset_is_separator(text[i]))
            return false;
    return true;
}

int cpuctl_set_parse_mask(const char *text, struct cpuctl_set **ret_set, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
    size_t end = strcspn(text, "\n"), start = find_start(text, end);
    bool lone = is_lone_group(text, start, end);

    if (!set)
        return error_set(error, -ENOMEM, "out of memory for a CPU set");

    /* From the last group, which is the lowest. */
    for (uint64_t bit = 0;; bit += GROUP_BITS) {
        int r;

        while (end > start && cpuset_is_separator(text[end - 1]))
            end--;
        if (end <= start)
            break;
        r = parse_group(text, start, &end, bit, lone, set, error);
        if (r < 0)
            return r;
    }
    *ret_set = TAKE_PTR(set);
    return 0;
}

static uint32_t group_value(const struct cpuctl_set *set, unsigned int group)
{
    size_t word = group / 2;

    if (word >= set->n_words)
        return 0;
    return (uint32_t)(set->words[word] >> (group % 2 * GROUP_BITS));
}

char *cpuctl_set_format_mask(const struct cpuctl_set *set, unsigned int nr_cpus)
{
    int last = cpuset_last(set);
    unsigned int bits = nr_cpus <= CPUCTL_CPUS_MAX ? nr_cpus : CPUCTL_CPUS_MAX;
    unsigned int groups, width;
    size_t size, length = 0;
    char *text;

    if (bits < (unsigned int)(last + 1))
        bits = (unsigned int)(last + 1);
    if (bits == 0)
        bits = 1;
    groups = (bits + GROUP_BITS - 1) / GROUP_BITS;
    width = ((bits - 1) % GROUP_BITS + 4) / 4;

    size = (size_t)groups * (GROUP_DIGITS + 1) + 1;
    text = malloc(size);
    if (!text)
        return NULL;
    for (unsigned int group = groups; group-- > 0; width = GROUP_DIGITS)
        length += (size_t)snprintf(text + length, size - length, "%0*" PRIx32 "%s", (int)width,
                                   group_value(set, group), group > 0 ? "," : "");
    return text;
}

int cpuset_parse_file(const char *text, bool list, struct cpuctl_set **ret_set,
                      struct cpuctl_error *error)
{
    const char *p = text;

    /* What "%*pbl" prints for a NULL pointer: some kernels never allocate the mask of nohz_full=
     * when it was not given on the command line. */
    while (cpuset_is_separator(*p))
        p++;
    if (strncmp(p, "(null)", 6) == 0)
        text = "";
    return list ? cpuctl_set_parse_list(text, 0, ret_set, error)
                : cpuctl_set_parse_mask(text, ret_set, error);
}
