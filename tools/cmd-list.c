/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `cpuctl list`: a row per CPU. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/cpu-rows.h"
#include "tools/parsable.h"

/** Which CPUs get a row. */
enum rows_wanted { ROWS_DEFAULT, ROWS_ALL, ROWS_ONLINE, ROWS_OFFLINE };

/** What the command line asks for. */
struct list_options {
    enum rows_wanted wanted;
    struct style style;
    bool physical;
    bool parse;
    bool output_all;
    const char *columns; /**< --output or --parse=LIST, or NULL */
};

enum { OPT_ONLINE = 256, OPT_OFFLINE, OPT_PARSE, OPT_NOHEADINGS, OPT_OUTPUT_ALL };

static const struct option options[] = {
    { "all", no_argument, NULL, 'a' },
    { "json", no_argument, NULL, 'J' },
    { "noheadings", no_argument, NULL, OPT_NOHEADINGS },
    { "offline", no_argument, NULL, OPT_OFFLINE },
    { "online", no_argument, NULL, OPT_ONLINE },
    { "output", required_argument, NULL, 'o' },
    { "output-all", no_argument, NULL, OPT_OUTPUT_ALL },
    { "parse", optional_argument, NULL, OPT_PARSE },
    { "physical", no_argument, NULL, 'y' },
    { "raw", no_argument, NULL, 'r' },
    TOOL_LONG_OPTIONS,
};

static void help(void)
{
    fputs("Usage: cpuctl list [OPTION…]\n"
          "List the CPUs that are present, one a row.\n"
          "\n"
          "Options:\n"
          "  -a, --all             online and offline CPUs (the default but for --parse)\n"
          "      --online          online CPUs only (the default for --parse)\n"
          "      --offline         offline CPUs only\n"
          "  -o, --output LIST     the columns to show; +LIST appends to the default ones\n"
          "      --output-all      show all columns\n"
          "  -J, --json            print JSON\n"
          "  -r, --raw             print columns divided by one space, without alignment\n"
          "      --parse[=LIST]    print the format of 'lscpu -p'; LIST as for --output\n"
          "      --noheadings      print no headings\n"
          "  -y, --physical        show the numbers that firmware and kernel gave to cores,\n"
          "                        sockets …, instead of counting them from 0\n" TOOL_HELP_OPTIONS
          "\n"
          "Columns:\n",
          stdout);
    columns_help(cpu_columns, CPU_COLUMNS);
}

/** Returns 1 to go on, or less than that when the run is over: minus the exit code. */
static int parse_options(struct tool *tool, int argc, char **argv, struct list_options *o)
{
    int c, code;

    while ((c = getopt_long(argc, argv, "aJo:ry" TOOL_SHORT_OPTIONS, options, NULL)) >= 0)
        switch (c) {
        case 'a':
            o->wanted = ROWS_ALL;
            break;
        case OPT_ONLINE:
            o->wanted = ROWS_ONLINE;
            break;
        case OPT_OFFLINE:
            o->wanted = ROWS_OFFLINE;
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
        case 'y':
            o->physical = true;
            break;
        case OPT_OUTPUT_ALL:
            o->output_all = true;
            break;
        case OPT_PARSE:
            o->parse = true;
            if (optarg)
                o->columns = optarg;
            break;
        case 'o':
            o->columns = optarg;
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
    if (o->style.json + o->style.raw + o->parse > 1) {
        tool_error(tool, "--json, --raw and --parse exclude each other");
        return -EXIT_NONE;
    }
    return 1;
}

/** The columns that are shown, or before the machine was read: those that may be. */
static int choose_columns(const struct tool *tool, const struct list_options *o,
                          const struct cpu_rows *rows, struct choice *choice)
{
    static const enum cpu_column parsable[] = { COL_CPU, COL_CORE, COL_SOCKET, COL_NODE,
                                                COL_CACHE };

    choice->n = 0;
    if (o->output_all) {
        choice_all(choice, CPU_COLUMNS);
        return 0;
    }
    if (o->parse)
        for (size_t i = 0; i < sizeof(parsable) / sizeof(parsable[0]); i++)
            choice_add(choice, parsable[i]);
    else
        cpu_rows_default_columns(rows, choice);
    return o->columns ? choice_parse(tool, choice, o->columns, cpu_columns, CPU_COLUMNS) : 0;
}

static int print_table(const struct tool *tool, struct cpu_rows *rows, const struct choice *choice,
                       const struct cpuctl_set *cpus, const struct style *style)
{
    char buffer[CELL_SIZE];
    const char *headings[COLUMNS_MAX] = { NULL };
    _cleanup_(table_unref) struct libscols_table *table = NULL;

    for (size_t i = 0; i < choice->n; i++)
        if (choice->ids[i] == COL_CACHE)
            headings[i] = cpu_rows_cache_heading(rows, buffer);
    table = table_new("cpus", choice, cpu_columns, headings, style);
    if (!table)
        return -ENOMEM;
    scols_table_enable_colors(table, tool->colour_out);
    cpuctl_set_foreach (cpu, cpus) {
        struct libscols_line *line = scols_table_new_line(table, NULL);

        if (!line)
            return -ENOMEM;
        if (!cpuctl_set_has(cpuctl_state_get(rows->state, CPUCTL_ONLINE), (unsigned int)cpu))
            scols_line_set_color(line, "darkgray");
        for (size_t i = 0; i < choice->n; i++) {
            const char *text = cpu_rows_cell(rows, (unsigned int)cpu, choice->ids[i], buffer);

            if (table_put(line, i, text, style) < 0)
                return -ENOMEM;
        }
    }
    return scols_print_table(table);
}

static const struct cpuctl_set *wanted_cpus(const struct cpu_rows *rows,
                                            const struct list_options *o)
{
    enum rows_wanted wanted = o->wanted;

    if (wanted == ROWS_DEFAULT)
        wanted = o->parse ? ROWS_ONLINE : ROWS_ALL;
    return cpuctl_state_get(rows->state, wanted == ROWS_ONLINE    ? CPUCTL_ONLINE
                                         : wanted == ROWS_OFFLINE ? CPUCTL_OFFLINE
                                                                  : CPUCTL_PRESENT);
}

int cmd_list(struct tool *tool, int argc, char **argv)
{
    struct list_options o = { 0 };
    struct choice choice = { 0 };
    _cleanup_(cpu_rows_free) struct cpu_rows rows = { 0 };
    const struct cpuctl_set *cpus;
    int r = parse_options(tool, argc, argv, &o);

    if (r <= 0)
        return -r;
    rows.physical = o.physical;
    rows.parsable = o.parse;
    rows.divided = o.parse && !o.output_all;
    /* Wrong names are told before anything is read, and what has to be read depends on the names;
     * the default ones depend on the machine. */
    if (choose_columns(tool, &o, &rows, &choice) < 0 || tool_open(tool) < 0)
        return EXIT_NONE;
    rows.root = tool->root;
    if (cpu_rows_read(tool, &rows, &choice) < 0 || choose_columns(tool, &o, &rows, &choice) < 0)
        return EXIT_NONE;
    cpus = wanted_cpus(&rows, &o);
    if (o.parse)
        parsable_print(&rows, &choice, cpus, o.style.no_headings);
    else if (print_table(tool, &rows, &choice, cpus, &o.style) < 0)
        return tool_no_memory(tool);
    return EXIT_ALL;
}
