/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NUMA nodes. */
#include "numa.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acpi-tables.h"
#include "cpuctl.h"
#include "layout.h"
#include "option-values.h"
#include "smp.h"

#define PAGE    4096U
#define NOWHERE UINT32_MAX

/* 5.2.17 of ACPI 6.5: a node's distance from itself, which no other is below; 255: unreachable. */
#define DISTANCE_OWN 10U
#define DISTANCE_END 255U

struct parser {
    const struct smp *smp;
    uint64_t memory;
    struct numa numa;
    bool given[NUMA_NODES_MAX];
    bool sizes_given, cpus_given, distances_given;
    uint8_t distances[NUMA_NODES_MAX][NUMA_NODES_MAX]; /* 0: not given */
    struct cpuctl_error *error;
};

/* ---- words ---- */

/* "key=value"; in the value's place the next word begins with @next, NULL after the last one. */
struct word {
    const char *key, *value, *next;
    size_t key_length, length;
};

/* The word at @text. False: it is not one. */
static bool read_word(const char *text, struct word *ret_word)
{
    size_t all = strcspn(text, ","), key_length = strcspn(text, "=,");

    *ret_word = (struct word){
        .key = text,
        .key_length = key_length,
        .value = text + key_length + 1,
        .length = key_length < all ? all - key_length - 1 : 0,
        .next = text[all] == ',' ? text + all + 1 : NULL,
    };
    return key_length < all;
}

static bool is_key(const struct word *word, const char *key)
{
    return strlen(key) == word->key_length && memcmp(word->key, key, word->key_length) == 0;
}

static int refuse_word(const struct parser *parser, const struct word *word, const char *known)
{
    return cpuctl_error_set(parser->error, -EINVAL, "--numa: unknown word \"%.*s\"; there are %s",
                            (int)strcspn(word->key, ","), word->key, known);
}

static int read_number(const struct parser *parser, const struct word *word, unsigned int end,
                       unsigned int *ret_number)
{
    return option_number("--numa", word->value, word->length, end, ret_number, parser->error);
}

/* One of the numbers that a value may have: its key, and its bound. */
struct field {
    const char *key;
    unsigned int end;
    bool needed;
};

/* Takes a value that has nothing but numbers; -1: not given. */
static int read_fields(const struct parser *parser, const char *text, const char *known,
                       const struct field fields[], int ret_numbers[], size_t count)
{
    struct word word;
    int r;

    for (size_t i = 0; i < count; i++)
        ret_numbers[i] = -1;
    for (const char *at = text; at; at = word.next) {
        bool good = read_word(at, &word);
        unsigned int number;
        size_t i = 0;

        while (i < count && !is_key(&word, fields[i].key))
            i++;
        if (!good || i == count)
            return refuse_word(parser, &word, known);
        r = read_number(parser, &word, fields[i].end, &number);
        if (r < 0)
            return r;
        ret_numbers[i] = (int)number;
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].needed && ret_numbers[i] < 0)
            return cpuctl_error_set(parser->error, -EINVAL, "--numa: %s is missing in \"%.64s\"",
                                    fields[i].key, text ? text : "");
    return 0;
}

/* ---- nodes ---- */

static int set_cpu(struct parser *parser, unsigned int cpu, unsigned int node)
{
    uint32_t *place = &parser->numa.cpu_nodes[cpu];

    if (*place != NOWHERE && *place != node)
        return cpuctl_error_set(parser->error, -EINVAL,
                                "--numa: CPU %u is in node %u and in node %u", cpu, *place, node);
    *place = node;
    parser->cpus_given = true;
    return 0;
}

/* cpus=FIRST[-LAST] */
static int set_cpus(struct parser *parser, const struct word *word, unsigned int node)
{
    struct word first = *word, last = *word;
    const char *dash = memchr(word->value, '-', word->length);
    unsigned int from, to;
    int r;

    if (dash) {
        first.length = (size_t)(dash - word->value);
        last.value = dash + 1;
        last.length = word->length - first.length - 1;
    }
    r = read_number(parser, &first, parser->smp->maxcpus, &from);
    if (r >= 0)
        r = read_number(parser, &last, parser->smp->maxcpus, &to);
    if (r < 0)
        return r;
    if (to < from)
        return cpuctl_error_set(parser->error, -EINVAL, "--numa: cpus=%.*s ends before it begins",
                                (int)word->length, word->value);
    for (unsigned int cpu = from; r >= 0 && cpu <= to; cpu++)
        r = set_cpu(parser, cpu, node);
    return r;
}

static int set_size(struct parser *parser, const struct word *word, unsigned int node)
{
    uint64_t size;
    int r = option_size("--numa", word->value, word->length, &size, parser->error);

    if (r < 0)
        return r;
    if (size % PAGE != 0)
        return cpuctl_error_set(parser->error, -EINVAL,
                                "--numa: mem=%.*s of node %u is not a multiple of %u bytes",
                                (int)word->length, word->value, node, PAGE);
    parser->numa.sizes[node] = size;
    parser->sizes_given = true;
    return 0;
}

/* The number of a node is what it is called by, so it is looked for first. */
static int read_node_id(struct parser *parser, const char *text, unsigned int *ret_node)
{
    struct word word;

    *ret_node = parser->numa.count;
    for (const char *at = text; at; at = word.next) {
        if (read_word(at, &word) && is_key(&word, "nodeid")) {
            int r = read_number(parser, &word, NUMA_NODES_MAX, ret_node);

            if (r < 0)
                return r;
        }
    }
    if (*ret_node >= NUMA_NODES_MAX)
        return cpuctl_error_set(parser->error, -EINVAL, "--numa: there can be %u nodes at most",
                                NUMA_NODES_MAX);
    if (parser->given[*ret_node])
        return cpuctl_error_set(parser->error, -EINVAL, "--numa: node %u is given twice",
                                *ret_node);
    return 0;
}

static int take_node(struct parser *parser, const char *text)
{
    struct word word;
    unsigned int node;
    int r = read_node_id(parser, text, &node);

    if (r < 0)
        return r;
    parser->given[node] = true;
    parser->numa.count++;
    for (const char *at = text; r >= 0 && at; at = word.next) {
        bool good = read_word(at, &word);

        if (good && is_key(&word, "cpus"))
            r = set_cpus(parser, &word, node);
        else if (good && is_key(&word, "mem"))
            r = set_size(parser, &word, node);
        else if (!good || !is_key(&word, "nodeid"))
            r = refuse_word(parser, &word, "nodeid, cpus and mem");
    }
    return r;
}

/* The nodes are known by now, and must be numbered without a gap. */
static int check_nodes(const struct parser *parser)
{
    for (unsigned int node = 0; node < parser->numa.count; node++)
        if (!parser->given[node])
            return cpuctl_error_set(parser->error, -EINVAL,
                                    "--numa: there are %u nodes, but none with nodeid=%u",
                                    parser->numa.count, node);
    return 0;
}

/* ---- CPUs by place, distances ---- */

static int take_cpu(struct parser *parser, const char *text)
{
    enum { NODE, SOCKET, DIE, CORE, THREAD, COUNT };
    const struct field fields[COUNT] = {
        [NODE] = { "node-id", parser->numa.count, true },
        [SOCKET] = { "socket-id", parser->smp->sockets, true },
        [DIE] = { "die-id", parser->smp->dies, false },
        [CORE] = { "core-id", parser->smp->cores, false },
        [THREAD] = { "thread-id", parser->smp->threads, false },
    };
    int wanted[COUNT];
    int r = read_fields(parser, text, "node-id, socket-id, die-id, core-id and thread-id", fields,
                        wanted, COUNT);

    for (unsigned int cpu = 0; r >= 0 && cpu < parser->smp->maxcpus; cpu++) {
        struct smp_place place = smp_place(parser->smp, cpu);
        const unsigned int has[COUNT] = {
            [SOCKET] = place.socket, [DIE] = place.die, [CORE] = place.core, [THREAD] = place.thread
        };
        bool fits = true;

        for (int i = SOCKET; i < COUNT; i++)
            fits = fits && (wanted[i] < 0 || (unsigned int)wanted[i] == has[i]);
        if (fits)
            r = set_cpu(parser, cpu, (unsigned int)wanted[NODE]);
    }
    return r;
}

static int take_distance(struct parser *parser, const char *text)
{
    enum { SOURCE, TARGET, VALUE, COUNT };
    const struct field fields[COUNT] = {
        [SOURCE] = { "src", parser->numa.count, true },
        [TARGET] = { "dst", parser->numa.count, true },
        [VALUE] = { "val", DISTANCE_END, true },
    };
    int has[COUNT];
    int r = read_fields(parser, text, "src, dst and val", fields, has, COUNT);

    if (r < 0)
        return r;
    if (has[SOURCE] == has[TARGET] ? has[VALUE] != DISTANCE_OWN : has[VALUE] <= (int)DISTANCE_OWN)
        return cpuctl_error_set(parser->error, -EINVAL,
                                "--numa: the distance from node %d to node %d is %d; it must be %s",
                                has[SOURCE], has[TARGET], has[VALUE],
                                has[SOURCE] == has[TARGET] ? "10" : "from 11 to 254");
    parser->distances[has[SOURCE]][has[TARGET]] = (uint8_t)has[VALUE];
    parser->distances_given = true;
    return 0;
}

/* One direction stands for both, as long as no two nodes have one for each. */
static int check_distance(const struct parser *parser, unsigned int a, unsigned int b,
                          bool asymmetric)
{
    uint8_t there = parser->distances[a][b], back = parser->distances[b][a];

    if (there == 0 && back == 0)
        return cpuctl_error_set(parser->error, -EINVAL,
                                "--numa: the distance between node %u and node %u is missing", a,
                                b);
    if (asymmetric && (there == 0 || back == 0))
        return cpuctl_error_set(parser->error, -EINVAL,
                                "--numa: some distances differ by direction, so both must be given "
                                "for node %u and node %u",
                                a, b);
    return 0;
}

static int complete_distances(struct parser *parser)
{
    unsigned int count = parser->numa.count;
    bool asymmetric = false;
    int r = 0;

    if (!parser->distances_given)
        return 0;
    parser->numa.distances = malloc((size_t)count * count);
    if (!parser->numa.distances)
        return cpuctl_error_set(parser->error, -ENOMEM, "memory is short");
    for (unsigned int a = 0; a < count; a++)
        for (unsigned int b = 0; b < a; b++) {
            uint8_t there = parser->distances[a][b], back = parser->distances[b][a];

            asymmetric = asymmetric || (there > 0 && back > 0 && there != back);
        }
    for (unsigned int a = 0; r >= 0 && a < count; a++)
        for (unsigned int b = 0; r >= 0 && b < count; b++) {
            uint8_t there = parser->distances[a][b], back = parser->distances[b][a];

            if (a != b)
                r = check_distance(parser, a, b, asymmetric);
            parser->numa.distances[a * count + b] = a == b      ? DISTANCE_OWN
                                                    : there > 0 ? there
                                                                : back;
        }
    return r;
}

/* ---- the whole ---- */

/* QEMU's x86_get_default_cpu_node_id() (hw/i386/x86.c) keeps a socket's CPUs together. */
static int complete_cpus(struct parser *parser)
{
    unsigned int lost = 0;

    for (unsigned int cpu = 0; cpu < parser->smp->maxcpus; cpu++) {
        uint32_t *node = &parser->numa.cpu_nodes[cpu];

        if (!parser->cpus_given)
            *node = smp_place(parser->smp, cpu).socket % parser->numa.count;
        else if (*node == NOWHERE && lost++ == 0)
            cpuctl_error_set(parser->error, -EINVAL,
                             "--numa: CPU %u is in no node; all CPUs from 0 to %u must be in one",
                             cpu, parser->smp->maxcpus - 1);
    }
    return lost > 0 ? -EINVAL : 0;
}

static int complete_sizes(struct parser *parser)
{
    struct numa *numa = &parser->numa;
    uint64_t share = parser->memory / numa->count / MIB * MIB, sum = 0;

    if (!parser->sizes_given) {
        for (unsigned int node = 0; node < numa->count; node++)
            numa->sizes[node] = share;
        numa->sizes[numa->count - 1] = parser->memory - share * (numa->count - 1);
        return 0;
    }
    for (unsigned int node = 0; node < numa->count; node++)
        if (__builtin_add_overflow(sum, numa->sizes[node], &sum)) {
            sum = UINT64_MAX;
            break;
        }
    if (sum == parser->memory)
        return 0;
    return cpuctl_error_set(parser->error, -EINVAL,
                            "--numa: the nodes have %llu KiB of memory in all, but --memory is "
                            "%llu KiB",
                            (unsigned long long)(sum / KIB),
                            (unsigned long long)(parser->memory / KIB));
}

static const struct kind {
    const char *name; /* the value's first word */
    int (*take)(struct parser *parser, const char *text);
    bool names_nodes; /* which have to be known */
} kinds[] = {
    { "node", take_node, false },
    { "cpu", take_cpu, true },
    { "dist", take_distance, true },
};

static int take(struct parser *parser, const char *text, bool names_nodes)
{
    size_t length = strcspn(text, ",");

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct kind *kind = &kinds[i];

        if (strlen(kind->name) != length || memcmp(kind->name, text, length) != 0)
            continue;
        if (kind->names_nodes != names_nodes)
            return 0;
        if (text[length] == ',')
            return kind->take(parser, text + length + 1);
        return kind->take(parser, NULL);
    }
    return cpuctl_error_set(parser->error, -EINVAL,
                            "--numa: \"%.64s\" does not begin with node, cpu or dist", text);
}

static int parse(struct parser *parser, const char *const texts[], size_t count)
{
    int r = 0;

    parser->numa.cpu_nodes = malloc(parser->smp->maxcpus * sizeof(parser->numa.cpu_nodes[0]));
    if (!parser->numa.cpu_nodes)
        return cpuctl_error_set(parser->error, -ENOMEM, "memory is short");
    for (unsigned int i = 0; i < parser->smp->maxcpus; i++)
        parser->numa.cpu_nodes[i] = NOWHERE;
    for (size_t i = 0; r >= 0 && i < count; i++)
        r = take(parser, texts[i], false);
    if (r >= 0 && parser->numa.count == 0)
        r = cpuctl_error_set(parser->error, -EINVAL, "--numa: no node is given");
    if (r >= 0)
        r = check_nodes(parser);
    for (size_t i = 0; r >= 0 && i < count; i++)
        r = take(parser, texts[i], true);
    if (r >= 0)
        r = complete_cpus(parser);
    if (r >= 0)
        r = complete_sizes(parser);
    return r < 0 ? r : complete_distances(parser);
}

int numa_parse(const char *const texts[], size_t count, const struct smp *smp, uint64_t memory,
               struct numa *ret_numa, struct cpuctl_error *error)
{
    struct parser *parser;
    int r;

    *ret_numa = (struct numa){ 0 };
    if (count == 0)
        return 0;
    parser = calloc(1, sizeof(*parser));
    if (!parser)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    parser->smp = smp;
    parser->memory = memory;
    parser->error = error;
    r = parse(parser, texts, count);
    if (r < 0)
        numa_free(&parser->numa);
    else
        *ret_numa = parser->numa;
    free(parser);
    return r;
}

void numa_free(struct numa *numa)
{
    free(numa->cpu_nodes);
    free(numa->distances);
    *numa = (struct numa){ 0 };
}

unsigned int numa_pieces(const struct numa *numa, uint64_t low, struct acpi_memory *ret_pieces)
{
    unsigned int pieces = 0;
    uint64_t begin = 0;

    for (unsigned int node = 0; node < numa->count; node++) {
        uint64_t end = begin + numa->sizes[node];
        uint64_t below = end < low ? end : low, above = begin > low ? begin : low;

        if (begin < below)
            ret_pieces[pieces++] =
                (struct acpi_memory){ .base = begin, .size = below - begin, .node = node };
        if (above < end)
            ret_pieces[pieces++] = (struct acpi_memory){ .base = LAYOUT_HIGH_RAM + above - low,
                                                         .size = end - above,
                                                         .node = node };
        begin = end;
    }
    return pieces;
}
