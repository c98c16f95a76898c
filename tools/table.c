/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Choice of columns by name, and tables by libsmartcols. */
#include "tools/table.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "tools/tool.h"

int choice_add(struct choice *choice, unsigned int id)
{
    if (choice->n == COLUMNS_MAX)
        return -E2BIG;
    choice->ids[choice->n++] = id;
    return 0;
}

bool choice_has(const struct choice *choice, unsigned int id)
{
    for (size_t i = 0; i < choice->n; i++)
        if (choice->ids[i] == id)
            return true;
    return false;
}

int choice_add_once(struct choice *choice, unsigned int id)
{
    return choice_has(choice, id) ? 0 : choice_add(choice, id);
}

void choice_all(struct choice *choice, size_t n_columns)
{
    choice->n = 0;
    for (unsigned int id = 0; id < n_columns; id++)
        choice_add(choice, id);
}

/** The column whose name is the @length characters at @name, or -1. */
static int find_column(const char *name, size_t length, const struct column *columns,
                       size_t n_columns)
{
    for (size_t id = 0; id < n_columns; id++)
        if (strlen(columns[id].name) == length && strncasecmp(columns[id].name, name, length) == 0)
            return (int)id;
    return -1;
}

int choice_parse(const struct tool *tool, struct choice *choice, const char *list,
                 const struct column *columns, size_t n_columns)
{
    struct choice parsed = { 0 };

    if (*list == '+') {
        parsed = *choice;
        list++;
    }
    for (;;) {
        size_t length = strcspn(list, ",");
        int id = find_column(list, length, columns, n_columns);

        if (id < 0) {
            tool_error(tool, length ? "unknown column '%.*s'" : "empty column name%.*s",
                       (int)length, list);
            tool_usage(tool);
            return -EINVAL;
        }
        if (choice_add(&parsed, (unsigned int)id) < 0) {
            tool_error(tool, "more than %u columns", COLUMNS_MAX);
            return -E2BIG;
        }
        if (!list[length])
            break;
        list += length + 1;
    }
    *choice = parsed;
    return 0;
}

void columns_help(const struct column *columns, size_t n_columns)
{
    for (size_t id = 0; id < n_columns; id++)
        printf("  %14s  %s\n", columns[id].name, columns[id].help);
}

struct libscols_table *table_new(const char *name, const struct choice *choice,
                                 const struct column *columns, const char *const *headings,
                                 const struct style *style)
{
    _cleanup_(table_unref) struct libscols_table *table = scols_new_table();

    if (!table || scols_table_set_name(table, name) < 0)
        return NULL;
    scols_table_enable_json(table, style->json);
    scols_table_enable_raw(table, style->raw);
    scols_table_enable_noheadings(table, style->no_headings);
    for (size_t i = 0; i < choice->n; i++) {
        const struct column *column = &columns[choice->ids[i]];
        const char *heading = headings && headings[i] ? headings[i] : column->name;
        struct libscols_column *cl = scols_table_new_column(table, heading, 0, column->flags);

        if (!cl)
            return NULL;
        scols_column_set_json_type(cl, column->json);
        if (column->flags & SCOLS_FL_WRAP) {
            scols_column_set_wrapfunc(cl, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
            scols_column_set_safechars(cl, "\n");
        }
    }
    return TAKE_PTR(table);
}

int table_put(struct libscols_line *line, size_t cell, const char *text, const struct style *style)
{
    if (!text && !style->json)
        text = "-";
    return text ? scols_line_set_data(line, cell, text) : 0;
}
