/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables with a choice of columns, and how they are printed: text, raw, JSON. */
#ifndef CPUCTL_TABLE_H
#define CPUCTL_TABLE_H

#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct tool;

/** What a column is called and how it is shown; a table of these drives --help, look-up and JSON.
 */
struct column {
    const char *name;
    const char *help;
    int flags; /**< SCOLS_FL_… */
    int json;  /**< SCOLS_JSON_… */
};

/** How many columns a choice may have; repeating one is allowed. */
#define COLUMNS_MAX 64U

/** The columns that are to be shown: indexes into the table of all. */
struct choice {
    unsigned int ids[COLUMNS_MAX];
    size_t n;
};

/** How to print a table. */
struct style {
    bool json;
    bool raw;
    bool no_headings;
};

/** Appends a column to @choice. Returns 0 or -E2BIG. */
int choice_add(struct choice *choice, unsigned int id);
/** Appends the column of that name if @choice has it not yet. Returns 0 or -E2BIG. */
int choice_add_once(struct choice *choice, unsigned int id);
/** Makes @choice all columns, in the order of their table. */
void choice_all(struct choice *choice, size_t n_columns);
bool choice_has(const struct choice *choice, unsigned int id);
/**
 * Takes the operand of --output: names divided by commas, in either case; a leading "+" appends
 * them to what @choice already has. Returns 0, or a negative errno after a message that names the
 * wrong column.
 */
int choice_parse(const struct tool *tool, struct choice *choice, const char *list,
                 const struct column *columns, size_t n_columns);
/** Prints the columns' names and help for --help. */
void columns_help(const struct column *columns, size_t n_columns);

/**
 * A new table with the chosen columns. @name: of the array in JSON. @headings: NULL, or a heading
 * per column, NULL for its name. Returns NULL when memory is short.
 */
struct libscols_table *table_new(const char *name, const struct choice *choice,
                                 const struct column *columns, const char *const *headings,
                                 const struct style *style);
static inline void table_unref(struct libscols_table **table)
{
    if (*table)
        scols_unref_table(*table);
}
/**
 * Puts @text (NULL: not known) in a cell: "-" in a table for people, null in JSON. Returns 0 or
 * -ENOMEM.
 */
int table_put(struct libscols_line *line, size_t cell, const char *text, const struct style *style);

#endif
