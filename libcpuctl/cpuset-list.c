/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU sets in the kernel's list format. What is accepted follows bitmap_parselist() in the kernel's
 * lib/bitmap-str.c (lib/bitmap.c before 6.7), its quirks included; tests/unit/test-cpuset.c lists
 * them.
 */
#include "cpuset.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"

/*
 * How many words and strides one text may make us write. Regions that do not overlap need at most
 * one step a CPU; this leaves room for sixteen times as much and stops a text of a few kilobytes
 * that names the widest range again and again.
 */
#define WORK_MAX (16U * CPUCTL_CPUS_MAX)

/* 9-38:4/10 is start 9, end 38, used 4, group 10. */
struct region {
    unsigned int start;
    unsigned int end;
    unsigned int used;  /* how many CPUs of each group are meant */
    unsigned int group; /* the size of a group */
    bool pattern;       /* used and group were given */
};

struct parser {
    const char *text;
    const char *p;        /* what comes next */
    unsigned int nr_cpus; /* 0: "N" and "all" have no meaning */
    unsigned int limit;   /* numbers must be lower */
    uint64_t work;
    struct cpuctl_error *error;
};

static bool ends_region(char c)
{
    return c == '\0' || cpuset_is_separator(c);
}

static int fail(struct parser *parser, const char *at, const char *expected)
{
    size_t position = (size_t)(at - parser->text);
    unsigned char c = (unsigned char)*at;

    if (c == '\0')
        return error_set_at(parser->error, -EINVAL, position,
                            "CPU list ends at character %zu where %s is expected", position,
                            expected);
    if (c < 0x20 || c >= 0x7f)
        return error_set_at(parser->error, -EINVAL, position,
                            "CPU list has byte 0x%02x at character %zu where %s is expected", c,
                            position, expected);
    return error_set_at(parser->error, -EINVAL, position,
                        "CPU list has \"%c\" at character %zu where %s is expected", c, position,
                        expected);
}

static int fail_no_count(struct parser *parser, const char *word)
{
    size_t position = (size_t)(parser->p - parser->text);

    return error_set_at(parser->error, -EINVAL, position,
                        "CPU list has \"%s\" at character %zu, which has no meaning here because "
                        "the number of CPUs is not known",
                        word, position);
}

static int fail_too_large(struct parser *parser, const char *at)
{
    size_t position = (size_t)(at - parser->text);
    int length = (int)strspn(at, "0123456789");

    return error_set_at(parser->error, -ERANGE, position,
                        "CPU %.*s%s at character %zu of the CPU list is too large: the highest %s "
                        "is %u",
                        length > 20 ? 20 : length, at, length > 20 ? "…" : "", position,
                        parser->nr_cpus > 0 ? "CPU that this machine can have"
                                            : "CPU number that a set can hold",
                        parser->limit - 1);
}

/* Reads a decimal number, or "N" for the last CPU. */
static int parse_number(struct parser *parser, const char *expected, unsigned int *ret_number)
{
    const char *at = parser->p;
    uint64_t number = 0;

    if (*at == 'N') {
        if (parser->nr_cpus == 0)
            return fail_no_count(parser, "N");
        parser->p++;
        *ret_number = parser->limit - 1;
        return 0;
    }
    if (*at < '0' || *at > '9')
        return fail(parser, at, expected);

    for (; *parser->p >= '0' && *parser->p <= '9'; parser->p++) {
        number = number * 10 + (unsigned int)(*parser->p - '0');
        if (number > UINT32_MAX)
            return fail_too_large(parser, at);
    }
    *ret_number = (unsigned int)number;
    return 0;
}

static int parse_range(struct parser *parser, struct region *region)
{
    const char *start = parser->p, *end = parser->p;
    int r;

    if (strncasecmp(parser->p, "all", 3) == 0) {
        if (parser->nr_cpus == 0)
            return fail_no_count(parser, "all");
        parser->p += 3;
        region->start = 0;
        region->end = parser->limit - 1;
    } else {
        r = parse_number(parser, "a CPU number", &region->start);
        if (r < 0)
            return r;
        region->end = region->start;
        if (ends_region(*parser->p))
            goto check;
        if (*parser->p != '-')
            return fail(parser, parser->p, "\"-\", \",\" or the end");
        end = ++parser->p;
        r = parse_number(parser, "the last CPU number of a range", &region->end);
        if (r < 0)
            return r;
    }
    if (!ends_region(*parser->p) && *parser->p != ':')
        return fail(parser, parser->p, "\":\", \",\" or the end");

check:
    if (region->start > region->end)
        return error_set_at(parser->error, -EINVAL, (size_t)(start - parser->text),
                            "CPU list has a range at character %zu that runs backwards (%u-%u)",
                            (size_t)(start - parser->text), region->start, region->end);
    if (region->end >= parser->limit)
        return fail_too_large(parser, end);
    return 0;
}

/* Reads ":used/group" after a range, where there is one. */
static int parse_pattern(struct parser *parser, struct region *region)
{
    const char *at = parser->p;
    int r;

    region->pattern = *parser->p == ':';
    if (!region->pattern)
        return 0;
    parser->p++;
    r = parse_number(parser, "how many CPUs of a group are used", &region->used);
    if (r < 0)
        return r;
    if (*parser->p != '/')
        return fail(parser, parser->p, "\"/\" and the size of a group");
    parser->p++;
    r = parse_number(parser, "the size of a group", &region->group);
    if (r < 0)
        return r;
    if (region->group == 0 || region->used > region->group)
        return error_set_at(parser->error, -EINVAL, (size_t)(at - parser->text),
                            "CPU list has groups at character %zu of which %u of %u CPUs are used",
                            (size_t)(at - parser->text), region->used, region->group);
    return 0;
}

static int charge(struct parser *parser, const char *at, uint64_t steps)
{
    parser->work += steps;
    if (parser->work <= WORK_MAX)
        return 0;
    return error_set_at(parser->error, -E2BIG, (size_t)(at - parser->text),
                        "CPU list names the same CPUs too often (at character %zu it takes more "
                        "than %u steps, this library's limit)",
                        (size_t)(at - parser->text), WORK_MAX);
}

static int add_region(struct parser *parser, const char *at, const struct region *region,
                      struct cpuctl_set *set)
{
    uint64_t width = (uint64_t)region->end - region->start + 1;
    int r;

    r = charge(parser, at, width / CPUSET_WORD_BITS + 1);
    if (r < 0)
        return r;
    if (!region->pattern)
        return cpuctl_set_add_range(set, region->start, region->end);
    if (region->used == 0)
        return 0;

    r = charge(parser, at, width / region->group);
    if (r < 0)
        return r;
    for (uint64_t first = region->start; first <= region->end; first += region->group) {
        uint64_t last = first + region->used - 1;

        r = cpuctl_set_add_range(set, (unsigned int)first,
                                 last < region->end ? (unsigned int)last : region->end);
        if (r < 0)
            return r;
    }
    return 0;
}

int cpuctl_set_parse_list(const char *text, unsigned int nr_cpus, struct cpuctl_set **ret_set,
                          struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
    struct parser parser = {
        .text = text,
        .p = text,
        .nr_cpus = nr_cpus,
        .limit = nr_cpus > 0 && nr_cpus < CPUCTL_CPUS_MAX ? nr_cpus : CPUCTL_CPUS_MAX,
        .error = error,
    };

    if (!set)
        return error_set(error, -ENOMEM, "out of memory for a CPU set");

    for (;;) {
        struct region region = { 0 };
        const char *at;
        int r;

        while (cpuset_is_separator(*parser.p))
            parser.p++;
        if (*parser.p == '\0')
            break;

        at = parser.p;
        r = parse_range(&parser, &region);
        if (r < 0)
            return r;
        r = parse_pattern(&parser, &region);
        if (r < 0)
            return r;
        r = add_region(&parser, at, &region, set);
        if (r == -ENOMEM)
            return error_set(error, r, "out of memory for a CPU set");
        if (r < 0)
            return r;
        /* The kernel ends at a newline here, but not after a pattern or a separator. */
        if (!region.pattern && *parser.p == '\n')
            break;
    }
    *ret_set = TAKE_PTR(set);
    return 0;
}

/* Writes the ranges of @set to @to, which has room for @size characters; only counts them when
 * @size is 0. */
static size_t write_ranges(const struct cpuctl_set *set, char *to, size_t size)
{
    size_t length = 0;

    for (int first = cpuctl_set_next(set, 0); first >= 0;) {
        const char *comma = length > 0 ? "," : "";
        size_t left = size > length ? size - length : 0;
        int last = first;

        while (cpuctl_set_has(set, (unsigned int)last + 1))
            last++;
        if (last > first)
            length +=
                (size_t)snprintf(left ? to + length : NULL, left, "%s%d-%d", comma, first, last);
        else
            length += (size_t)snprintf(left ? to + length : NULL, left, "%s%d", comma, first);
        first = cpuctl_set_next(set, (unsigned int)last + 1);
    }
    return length;
}

char *cpuctl_set_format_list(const struct cpuctl_set *set)
{
    size_t size = write_ranges(set, NULL, 0) + 1;
    char *text = calloc(1, size);

    if (text)
        write_ranges(set, text, size);
    return text;
}
