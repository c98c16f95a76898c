/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of `cpuctl list`: what is known of each CPU, read only as far as the columns need it. */
#ifndef CPUCTL_CPU_ROWS_H
#define CPUCTL_CPU_ROWS_H

#include "tools/table.h"
#include "tools/tool.h"

DEFINE_CLEANUP(struct cpuctl_identity *, cpuctl_identity_free);

enum cpu_column {
    COL_CPU,
    COL_CORE,
    COL_CLUSTER,
    COL_DIE,
    COL_SOCKET,
    COL_NODE,
    COL_BOOK,
    COL_DRAWER,
    COL_CACHE,
    COL_ONLINE,
    COL_OFFLINABLE,
    COL_ISOLATED,
    COL_NOHZFULL,
    COL_STATE,
    COL_APICID,
    COL_MODELNAME,
    COL_BOGOMIPS,
    COL_POLARIZATION,
    COL_ADDRESS,
    COL_CONFIGURED,
    COL_MHZ,
    COL_SCALMHZ,
    COL_MAXMHZ,
    COL_MINMHZ,
    CPU_COLUMNS
};

/** The table of columns, indexed by enum cpu_column. */
extern const struct column cpu_columns[CPU_COLUMNS];

/** The IDs that one kind of cache ("L2") has, by CPU. */
struct cache_ids {
    const char *name;
    int *ids; /**< one a CPU number below cpu_rows.n_cpus; -1: the CPU has no such cache */
};

/** Everything that cells are made from. */
struct cpu_rows {
    struct cpuctl_root *root;
    struct cpuctl_state *state;
    struct cpuctl_topology *topology; /**< NULL: no column needs it */
    struct cpuctl_identity *identity; /**< NULL: no column needs it, or there is no cpuinfo */
    struct cpuctl_set *held;          /**< the operator's offline choice; NULL: not needed */
    unsigned int n_cpus;              /**< the highest CPU that can get a row, plus one */
    struct cache_ids *caches;
    size_t n_caches;
    bool physical; /**< the numbers of firmware and kernel instead of counted ones */
    bool parsable; /**< values are spelt as `lscpu -p` does */
    bool divided;  /**< the CACHE column is divided by commas instead of colons */
};

/** Room for a cell; the longest is CACHE with ten kinds of caches or a model name. */
#define CELL_SIZE 256U

/**
 * Reads the state and what @choice needs. @rows: filled with zeros but for root and the flags.
 * Returns 0, or a negative errno after a message.
 */
int cpu_rows_read(const struct tool *tool, struct cpu_rows *rows, const struct choice *choice);
void cpu_rows_free(struct cpu_rows *rows);
/**
 * The columns that `lscpu -e` shows on such a machine; before cpu_rows_read() all of which one or
 * the other machine has.
 */
void cpu_rows_default_columns(const struct cpu_rows *rows, struct choice *choice);
/**
 * The text of a cell, in @buffer of CELL_SIZE bytes or owned by @rows; NULL: not known.
 */
const char *cpu_rows_cell(struct cpu_rows *rows, unsigned int cpu, enum cpu_column column,
                          char *buffer);
/** The heading of the CACHE column ("L1d:L1i:L2"), in @buffer of CELL_SIZE bytes. */
const char *cpu_rows_cache_heading(const struct cpu_rows *rows, char *buffer);

#endif
