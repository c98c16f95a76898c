/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `cpuctl caches`: a row per kind of cache, as `lscpu -C`, and which CPUs share one. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cpu-rows.h"
#include "tools/size.h"

enum cache_column {
    COL_ALL_SIZE,
    COL_LEVEL,
    COL_NAME,
    COL_ONE_SIZE,
    COL_TYPE,
    COL_WAYS,
    COL_ALLOC_POLICY,
    COL_WRITE_POLICY,
    COL_PHY_LINE,
    COL_SETS,
    COL_COHERENCY_SIZE,
    COL_SHARED,
    CACHE_COLUMNS
};

static const struct column columns[CACHE_COLUMNS] = {
    [COL_ALL_SIZE] = { .name = "ALL-SIZE",
                       .help = "size of all caches of this kind together",
                       .flags = SCOLS_FL_RIGHT },
    [COL_LEVEL] = { .name = "LEVEL",
                    .help = "level of the cache",
                    .flags = SCOLS_FL_RIGHT,
                    .json = SCOLS_JSON_NUMBER },
    [COL_NAME] = { .name = "NAME", .help = "name of the kind: L1d, L1i, L2 …" },
    [COL_ONE_SIZE] = { .name = "ONE-SIZE", .help = "size of one cache", .flags = SCOLS_FL_RIGHT },
    [COL_TYPE] = { .name = "TYPE", .help = "Data, Instruction or Unified" },
    [COL_WAYS] = { .name = "WAYS",
                   .help = "ways of associativity",
                   .flags = SCOLS_FL_RIGHT,
                   .json = SCOLS_JSON_NUMBER },
    [COL_ALLOC_POLICY] = { .name = "ALLOC-POLICY", .help = "allocation policy" },
    [COL_WRITE_POLICY] = { .name = "WRITE-POLICY", .help = "write policy" },
    [COL_PHY_LINE] = { .name = "PHY-LINE",
                       .help = "physical lines per tag",
                       .flags = SCOLS_FL_RIGHT,
                       .json = SCOLS_JSON_NUMBER },
    [COL_SETS] = { .name = "SETS",
                   .help = "number of sets",
                   .flags = SCOLS_FL_RIGHT,
                   .json = SCOLS_JSON_NUMBER },
    [COL_COHERENCY_SIZE] = { .name = "COHERENCY-SIZE",
                             .help = "bytes that are fetched from memory at once",
                             .flags = SCOLS_FL_RIGHT,
                             .json = SCOLS_JSON_NUMBER },
    [COL_SHARED] = { .name = "SHARED",
                     .help = "the CPUs that share one cache, a set a cache",
                     .flags = SCOLS_FL_WRAP,
                     .json = SCOLS_JSON_ARRAY_STRING },
};

/** What the command line asks for. */
struct caches_options {
    struct style style;
    bool bytes;
    bool hex;
    struct choice choice;
};

/** All caches of one kind. */
struct kind {
    const struct cpuctl_cache *first;
    uint64_t all_size;
    char *shared; /**< a set a line */
};

/** The machine's caches by kind. */
struct kinds {
    struct cpuctl_topology *topology;
    struct cpuctl_identity *identity;
    struct kind *kinds;
    size_t n;
};

static void kinds_free(struct kinds *kinds)
{
    for (size_t i = 0; i < kinds->n; i++)
        free(kinds->kinds[i].shared);
    free(kinds->kinds);
    cpuctl_topology_free(kinds->topology);
    cpuctl_identity_free(kinds->identity);
}

enum { OPT_NOHEADINGS = 256, OPT_OUTPUT_ALL };

static const struct option options[] = {
    { "bytes", no_argument, NULL, 'b' },        { "hex", no_argument, NULL, 'x' },
    { "json", no_argument, NULL, 'J' },         { "noheadings", no_argument, NULL, OPT_NOHEADINGS },
    { "output", required_argument, NULL, 'o' }, { "output-all", no_argument, NULL, OPT_OUTPUT_ALL },
    { "raw", no_argument, NULL, 'r' },          TOOL_LONG_OPTIONS,
};

static void help(void)
{
    fputs("Usage: cpuctl caches [OPTION…]\n"
          "List the kinds of caches that the online CPUs have, one a row.\n"
          "\n"
          "Options:\n"
          "  -o, --output LIST     the columns to show; +LIST appends to the default ones\n"
          "      --output-all      show all columns\n"
          "  -b, --bytes           show sizes in bytes\n"
          "  -x, --hex             show CPU sets as hexadecimal masks\n"
          "  -J, --json            print JSON\n"
          "  -r, --raw             print columns divided by one space, without alignment\n"
          "      --noheadings      print no headings\n" TOOL_HELP_OPTIONS "\n"
          "Columns:\n",
          stdout);
    columns_help(columns, CACHE_COLUMNS);
}

/** Returns 1 to go on, or less than that when the run is over: minus the exit code. */
static int parse_options(struct tool *tool, int argc, char **argv, struct caches_options *o)
{
    int c, code;

    while ((c = getopt_long(argc, argv, "bBxJo:r" TOOL_SHORT_OPTIONS, options, NULL)) >= 0)
        switch (c) {
        case 'b':
        case 'B': /* lscpu's letter */
            o->bytes = true;
            break;
        case 'x':
            o->hex = true;
            break;
        case 'J':
            o->style.json = true;
            break;
        case 'r':
            o->style.raw = true;
            break;
        case OPT_NOHEADINGS:
            o->style.no_headings = true;
            break;
        case OPT_OUTPUT_ALL:
            choice_all(&o->choice, CACHE_COLUMNS);
            break;
        case 'o':
            if (choice_parse(tool, &o->choice, optarg, columns, CACHE_COLUMNS) < 0)
                return -EXIT_NONE;
            break;
        default:
            code = tool_option(tool, c, help);
            if (code != TOOL_READ_ON)
                return -code;
        }
    if (optind < argc) {
        tool_surplus(tool, argv[optind]);
        return -EXIT_NONE;
    }
    if (o->style.json && o->style.raw) {
        tool_error(tool, "--json and --raw exclude each other");
        return -EXIT_NONE;
    }
    return 1;
}

/** Appends the CPUs of @cache to those of its kind. */
static int add_shared(struct kind *kind, const struct cpuctl_cache *cache, bool hex)
{
    _cleanup_free_ char *set = NULL;
    char *joined;

    if (!cache->cpus)
        return 0;
    set = hex ? cpuctl_set_format_mask(cache->cpus, 0) : cpuctl_set_format_list(cache->cpus);
    if (!set || asprintf(&joined, "%s%s%s%s", kind->shared ? kind->shared : "",
                         kind->shared ? "\n" : "", hex ? "0x" : "", set) < 0)
        return -ENOMEM;
    free(kind->shared);
    kind->shared = joined;
    return 0;
}

/** Counts @cache in: caches of one kind follow one another. */
static int add_cache(struct kinds *kinds, const struct cpuctl_cache *cache, bool hex)
{
    struct kind *kind = kinds->n ? &kinds->kinds[kinds->n - 1] : NULL;

    if (!kind || strcmp(kind->first->name, cache->name) != 0) {
        struct kind *grown = reallocarray(kinds->kinds, kinds->n + 1, sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        kinds->kinds = grown;
        kind = &grown[kinds->n++];
        *kind = (struct kind){ .first = cache };
    }
    /* How many there are of a cache that tells no CPUs is not known: nor is the sum. */
    kind->all_size += cache->cpus ? cache->size : 0;
    return add_shared(kind, cache, hex);
}

static int read_kinds(struct cpuctl_root *root, struct kinds *kinds, bool hex,
                      struct cpuctl_error *error)
{
    unsigned int n;
    int r = cpuctl_topology_read(root, NULL, CPUCTL_TOPOLOGY_CACHES, &kinds->topology, error);

    if (r < 0)
        return r;
    n = cpuctl_topology_cache_count(kinds->topology);
    for (unsigned int i = 0; i < n && r >= 0; i++)
        r = add_cache(kinds, cpuctl_topology_cache(kinds->topology, i), hex);
    if (r < 0)
        return r;
    r = cpuctl_identity_read(root, NULL, 0, &kinds->identity, error);
    if (r == -ENOENT)
        return 0; /* a tree without cpuinfo */
    if (r < 0)
        return r;
    n = cpuctl_identity_cache_count(kinds->identity);
    for (unsigned int i = 0; i < n && r >= 0; i++)
        r = add_cache(kinds, cpuctl_identity_cache(kinds->identity, i), hex);
    return r;
}

static const char *number_cell(uint64_t number, char *buffer)
{
    if (number == 0)
        return NULL;
    snprintf(buffer, CELL_SIZE, "%" PRIu64, number);
    return buffer;
}

static const char *size_cell(uint64_t size, bool bytes, char *buffer)
{
    if (bytes || size == 0)
        return number_cell(size, buffer);
    size_format(size, buffer, CELL_SIZE);
    return buffer;
}

/** The text of a cell, or NULL. */
static const char *cell(const struct kind *kind, unsigned int column, bool bytes, char *buffer)
{
    const struct cpuctl_cache *cache = kind->first;
    const struct {
        const char *text;
        uint64_t number;
    } plain[CACHE_COLUMNS] = {
        [COL_NAME] = { .text = cache->name },
        [COL_TYPE] = { .text = cache->type },
        [COL_ALLOC_POLICY] = { .text = cache->allocation_policy },
        [COL_WRITE_POLICY] = { .text = cache->write_policy },
        [COL_SHARED] = { .text = kind->shared },
        [COL_LEVEL] = { .number = cache->level },
        [COL_WAYS] = { .number = cache->ways },
        [COL_PHY_LINE] = { .number = cache->partitions },
        [COL_SETS] = { .number = cache->sets },
        [COL_COHERENCY_SIZE] = { .number = cache->line_size },
    };

    if (column == COL_ONE_SIZE)
        return size_cell(cache->size, bytes, buffer);
    if (column == COL_ALL_SIZE)
        return size_cell(kind->all_size, bytes, buffer);
    return plain[column].text ? plain[column].text : number_cell(plain[column].number, buffer);
}

static int print_kinds(const struct kinds *kinds, const struct caches_options *o)
{
    char buffer[CELL_SIZE];
    _cleanup_(table_unref) struct libscols_table *table =
        table_new("caches", &o->choice, columns, NULL, &o->style);

    if (!table)
        return -ENOMEM;
    for (size_t k = 0; k < kinds->n; k++) {
        struct libscols_line *line = scols_table_new_line(table, NULL);

        if (!line)
            return -ENOMEM;
        for (size_t i = 0; i < o->choice.n; i++) {
            const char *text = cell(&kinds->kinds[k], o->choice.ids[i], o->bytes, buffer);

            if (table_put(line, i, text, &o->style) < 0)
                return -ENOMEM;
        }
    }
    return scols_print_table(table);
}

int cmd_caches(struct tool *tool, int argc, char **argv)
{
    /* The columns of `lscpu -C`. */
    struct caches_options o = { .choice = { .ids = { COL_NAME, COL_ONE_SIZE, COL_ALL_SIZE, COL_WAYS,
                                                     COL_TYPE, COL_LEVEL, COL_SETS, COL_PHY_LINE,
                                                     COL_COHERENCY_SIZE },
                                            .n = 9 } };
    _cleanup_(kinds_free) struct kinds kinds = { 0 };
    struct cpuctl_error error = { 0 };
    int r = parse_options(tool, argc, argv, &o);

    if (r <= 0)
        return -r;
    if (tool_open(tool) < 0)
        return EXIT_NONE;
    r = read_kinds(tool->root, &kinds, o.hex, &error);
    if (r < 0) {
        tool_error(tool, "%s", *error.text ? error.text : strerror(-r));
        return EXIT_NONE;
    }
    return print_kinds(&kinds, &o) < 0 ? tool_no_memory(tool) : EXIT_ALL;
}
