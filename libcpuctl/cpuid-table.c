/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A collection of CPUID leaves: building, looking up, and its text form. */
#include "cpuid-table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cpuctl.h"
#include "error.h"

/** Intel's and AMD's CPUs have some hundred leaves; this bounds what a damaged dump makes us keep.
 */
#define LEAVES_MAX 4096U

#define HEADER "# cpuid: leaf subleaf eax ebx ecx edx (hexadecimal)\n"

struct section {
    unsigned int cpu;
    struct cpuid_leaf *leaves; /* by rising leaf, then subleaf */
    size_t count, room;
};

struct cpuid {
    struct section *sections; /* by rising CPU; the first one is the base */
    size_t count, room;
};

struct cpuid *cpuid_new(void)
{
    return calloc(1, sizeof(struct cpuid));
}

void cpuid_free(struct cpuid *cpuid)
{
    if (!cpuid)
        return;
    for (size_t i = 0; i < cpuid->count; i++)
        free(cpuid->sections[i].leaves);
    free(cpuid->sections);
    free(cpuid);
}

/** Begins the section of @cpu. Returns 0, -EINVAL (not after the last one) or -ENOMEM. */
static int add_section(struct cpuid *cpuid, unsigned int cpu)
{
    if (cpuid->count && cpu <= cpuid->sections[cpuid->count - 1].cpu)
        return -EINVAL;
    if (array_grow(cpuid->sections, &cpuid->room, cpuid->count) < 0)
        return -ENOMEM;
    cpuid->sections[cpuid->count++] = (struct section){ .cpu = cpu };
    return 0;
}

static int compare_keys(const struct cpuid_leaf *a, const struct cpuid_leaf *b)
{
    if (a->leaf != b->leaf)
        return a->leaf < b->leaf ? -1 : 1;
    return a->subleaf < b->subleaf ? -1 : a->subleaf > b->subleaf;
}

static int compare_leaves(const void *a, const void *b)
{
    return compare_keys(a, b);
}

static const struct cpuid_leaf *find_leaf(const struct section *section,
                                          const struct cpuid_leaf *key)
{
    if (!section->count)
        return NULL;
    return bsearch(key, section->leaves, section->count, sizeof(*key), compare_leaves);
}

static int compare_section(const void *cpu, const void *section)
{
    unsigned int a = *(const unsigned int *)cpu, b = ((const struct section *)section)->cpu;

    return a < b ? -1 : a > b;
}

static const struct section *find_section(const struct cpuid *cpuid, unsigned int cpu)
{
    if (!cpuid->count)
        return NULL;
    return bsearch(&cpu, cpuid->sections, cpuid->count, sizeof(struct section), compare_section);
}

/** Appends to the last section. Returns 0, -EINVAL (not after the last leaf), -E2BIG or -ENOMEM. */
static int append_leaf(struct cpuid *cpuid, const struct cpuid_leaf *leaf)
{
    struct section *section = &cpuid->sections[cpuid->count - 1];

    if (section->count && compare_keys(&section->leaves[section->count - 1], leaf) >= 0)
        return -EINVAL;
    if (section->count >= LEAVES_MAX)
        return -E2BIG;
    if (array_grow(section->leaves, &section->room, section->count) < 0)
        return -ENOMEM;
    section->leaves[section->count++] = *leaf;
    return 0;
}

int cpuid_add(struct cpuid *cpuid, unsigned int cpu, const struct cpuid_leaf *leaf)
{
    const struct cpuid_leaf *base;
    int r;

    if (!cpuid->count || cpuid->sections[cpuid->count - 1].cpu != cpu) {
        r = add_section(cpuid, cpu);
        if (r < 0)
            return r;
    }
    if (cpuid->count > 1) {
        base = find_leaf(&cpuid->sections[0], leaf);
        if (base && !memcmp(&base->regs, &leaf->regs, sizeof(base->regs)))
            return 0;
    }
    return append_leaf(cpuid, leaf);
}

bool cpuid_get(const struct cpuid *cpuid, unsigned int cpu, uint32_t leaf, uint32_t subleaf,
               struct cpuid_regs *ret_regs)
{
    const struct section *section = find_section(cpuid, cpu);
    const struct cpuid_leaf key = { .leaf = leaf, .subleaf = subleaf };
    const struct cpuid_leaf *found;

    if (!section)
        return false;
    found = find_leaf(section, &key);
    if (!found)
        found = find_leaf(&cpuid->sections[0], &key);
    if (!found)
        return false;
    *ret_regs = found->regs;
    return true;
}

int cpuid_first_cpu(const struct cpuid *cpuid)
{
    return cpuid->count ? (int)cpuid->sections[0].cpu : -1;
}

bool cpuid_has_cpu(const struct cpuid *cpuid, unsigned int cpu)
{
    return find_section(cpuid, cpu) != NULL;
}

/* ---- the text form */

struct parser {
    const char *at, *end; /* what is left of the line */
    struct cpuctl_error *error;
    size_t offset; /* of the line in the text */
    unsigned int line;
};

static int complain(const struct parser *parser, const char *what)
{
    return error_set_at(parser->error, -EBADMSG, parser->offset, "CPUID dump, line %u: %s",
                        parser->line, what);
}

/** Takes a number of 1 to 8 digits in @base (10 or 16) and the blank after it. Returns a truth
 * value. */
static bool take_number(struct parser *parser, unsigned int base, uint32_t *ret_value)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t value = 0;
    int n = 0;

    while (parser->at < parser->end && n < 8) {
        const char *digit = memchr(digits, *parser->at, base);

        if (!digit)
            break;
        value = value * base + (uint32_t)(digit - digits);
        parser->at++;
        n++;
    }
    if (n == 0 || (parser->at < parser->end && *parser->at != ' '))
        return false;
    if (parser->at < parser->end)
        parser->at++;
    *ret_value = value;
    return true;
}

static int parse_cpu_line(struct parser *parser, struct cpuid *cpuid)
{
    uint32_t cpu;
    int r;

    parser->at += strlen("cpu ");
    if (!take_number(parser, 10, &cpu) || parser->at != parser->end)
        return complain(parser, "a CPU number should follow \"cpu \"");
    if (cpu >= CPUCTL_CPUS_MAX)
        return complain(parser, "the CPU number is too large");
    r = add_section(cpuid, cpu);
    return r == -EINVAL ? complain(parser, "the CPU numbers do not rise") : r;
}

static int parse_leaf_line(struct parser *parser, struct cpuid *cpuid)
{
    struct cpuid_leaf leaf;
    uint32_t *const numbers[] = { &leaf.leaf,     &leaf.subleaf,  &leaf.regs.eax,
                                  &leaf.regs.ebx, &leaf.regs.ecx, &leaf.regs.edx };
    int r;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (!take_number(parser, 16, numbers[i]))
            return complain(parser, "six hexadecimal numbers of up to 8 digits are expected");
    if (parser->at != parser->end)
        return complain(parser, "there is something after the six numbers");
    if (!cpuid->count)
        return complain(parser, "a leaf stands before the first \"cpu N\"");
    r = append_leaf(cpuid, &leaf);
    if (r == -EINVAL)
        return complain(parser, "the leaves do not rise");
    return r == -E2BIG ? complain(parser, "the CPU has more than 4096 leaves") : r;
}

static int parse_line(struct parser *parser, struct cpuid *cpuid)
{
    size_t length = (size_t)(parser->end - parser->at);

    if (length == 0 || *parser->at == '#')
        return 0;
    if (length >= 4 && !memcmp(parser->at, "cpu ", 4))
        return parse_cpu_line(parser, cpuid);
    return parse_leaf_line(parser, cpuid);
}

int cpuid_parse(const char *text, size_t length, struct cpuid **ret_cpuid,
                struct cpuctl_error *error)
{
    _cleanup_(cpuid_freep) struct cpuid *cpuid = cpuid_new();
    const char *end = text + length;
    struct parser parser = { .error = error };

    if (!cpuid)
        return error_set(error, -ENOMEM, "Out of memory");
    if (length > CPUID_TEXT_MAX)
        return error_set(error, -EFBIG, "CPUID dump: longer than %u bytes", CPUID_TEXT_MAX);
    for (const char *at = text; at < end; at = parser.end + 1) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        int r;

        parser.at = at;
        parser.end = newline ? newline : end;
        parser.offset = (size_t)(at - text);
        parser.line++;
        r = parse_line(&parser, cpuid);
        if (r == -ENOMEM)
            return error_set(error, -ENOMEM, "Out of memory");
        if (r < 0)
            return r;
    }
    if (!cpuid->count)
        return error_set(error, -EBADMSG, "CPUID dump: there is no \"cpu N\" in it");
    *ret_cpuid = TAKE_PTR(cpuid);
    return 0;
}

int cpuid_format(const struct cpuid *cpuid, char **ret_text)
{
    _cleanup_free_ char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    int failed;

    if (!stream)
        return -ENOMEM;
    fputs(HEADER, stream);
    for (size_t i = 0; i < cpuid->count; i++) {
        const struct section *section = &cpuid->sections[i];

        fprintf(stream, "cpu %u\n", section->cpu);
        for (size_t j = 0; j < section->count; j++) {
            const struct cpuid_leaf *leaf = &section->leaves[j];

            fprintf(stream,
                    "%08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32
                    " %08" PRIx32 "\n",
                    leaf->leaf, leaf->subleaf, leaf->regs.eax, leaf->regs.ebx, leaf->regs.ecx,
                    leaf->regs.edx);
        }
    }
    failed = ferror(stream);
    if (fclose(stream) != 0 || failed)
        return -ENOMEM;
    *ret_text = TAKE_PTR(text);
    return 0;
}
