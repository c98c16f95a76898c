/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The format of `lscpu -p`: a comment header and fields divided by commas. */
#include "tools/parsable.h"

#include <ctype.h>
#include <stdio.h>

/** Which names lscpu 2.38 leaves in capitals; of the others only the first letter is one. */
static bool stays_in_capitals(unsigned int column)
{
    return column == COL_CPU || column == COL_CACHE || column == COL_DRAWER ||
           column == COL_BOGOMIPS || column == COL_SCALMHZ || column == COL_APICID;
}

/**
 * Prints what stands before field @i. The caches, divided, are set off by an empty field: the
 * format is older than they are. Returns false when there is no such field: divided caches of a
 * machine that tells none.
 */
static bool begin_field(const struct cpu_rows *rows, const struct choice *choice, size_t i)
{
    bool caches = choice->ids[i] == COL_CACHE && rows->divided;

    if (caches && rows->n_caches == 0)
        return false;
    if (i > 0)
        fputs(caches ? ",," : ",", stdout);
    return true;
}

static void print_header(const struct cpu_rows *rows, const struct choice *choice)
{
    char buffer[CELL_SIZE];

    fputs("# The following is the parsable format, which can be fed to other\n"
          "# programs. Each different item in every column has an unique ID\n"
          "# starting usually from zero.\n"
          "# ",
          stdout);
    for (size_t i = 0; i < choice->n; i++) {
        unsigned int id = choice->ids[i];
        const char *name = cpu_columns[id].name;

        if (!begin_field(rows, choice, i))
            continue;
        if (id == COL_CACHE)
            name = cpu_rows_cache_heading(rows, buffer);
        putchar(*name);
        for (name++; *name; name++)
            putchar(stays_in_capitals(id) ? *name : tolower((unsigned char)*name));
    }
    putchar('\n');
}

void parsable_print(struct cpu_rows *rows, const struct choice *choice,
                    const struct cpuctl_set *cpus, bool no_headings)
{
    char buffer[CELL_SIZE];

    if (!no_headings)
        print_header(rows, choice);
    cpuctl_set_foreach (cpu, cpus) {
        for (size_t i = 0; i < choice->n; i++) {
            const char *text;

            if (!begin_field(rows, choice, i))
                continue;
            text = cpu_rows_cell(rows, (unsigned int)cpu, choice->ids[i], buffer);
            fputs(text ? text : "", stdout);
        }
        putchar('\n');
    }
}
