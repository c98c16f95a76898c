/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the subcommands of cpuctl share: the context of one run, messages, and exit codes. */
#ifndef CPUCTL_TOOL_H
#define CPUCTL_TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);
DEFINE_CLEANUP(struct cpuctl_state *, cpuctl_state_free);
DEFINE_CLEANUP(struct cpuctl_topology *, cpuctl_topology_free);
DEFINE_CLEANUP(struct cpuctl_plan *, cpuctl_plan_free);
DEFINE_CLEANUP(struct cpuctl_change *, cpuctl_change_free);
DEFINE_CLEANUP(struct cpuctl_monitor *, cpuctl_monitor_free);

/** Exit codes, those of chcpu(8). */
enum {
    EXIT_ALL = 0,  /**< everything that was asked for is so */
    EXIT_NONE = 1, /**< nothing was done, or the call was wrong */
    EXIT_SOME = 64 /**< a part was done */
};

/** One run of the program. */
struct tool {
    const char *title;        /**< what messages begin with: "cpuctl", "cpuctl list" … */
    const char *sysroot;      /**< --sysroot, or NULL: the live machine */
    struct cpuctl_root *root; /**< opened by tool_open() */
    bool colour_out;          /**< standard output is a terminal that wants colour */
    bool colour_err;          /**< the same for standard error */
    bool progress;            /**< standard error is a terminal that can redraw a line */
};

/** A subcommand; the tables of main() and of --help are made of these. */
struct command {
    const char *name;
    const char *summary; /**< one line for `cpuctl --help` */
    /** Runs it; argv[0] is its title. Returns the exit code. */
    int (*run)(struct tool *tool, int argc, char **argv);
};

int cmd_topology(struct tool *tool, int argc, char **argv);
int cmd_list(struct tool *tool, int argc, char **argv);
int cmd_caches(struct tool *tool, int argc, char **argv);
int cmd_online(struct tool *tool, int argc, char **argv);
int cmd_offline(struct tool *tool, int argc, char **argv);
int cmd_set(struct tool *tool, int argc, char **argv);
int cmd_watch(struct tool *tool, int argc, char **argv);
int cmd_record(struct tool *tool, int argc, char **argv);

/** Options that every subcommand takes, for its table of long options and its short ones. */
#define TOOL_SHORT_OPTIONS "s:h"
#define TOOL_LONG_OPTIONS                                                                          \
    { "sysroot", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' },               \
    {                                                                                              \
        0                                                                                          \
    }
#define TOOL_HELP_OPTIONS                                                                          \
    "  -s, --sysroot DIR     read the recorded machine in DIR instead of this one\n"               \
    "  -h, --help            show this help\n"

/** What tool_option() returns when the options are to be read on; no exit code. */
#define TOOL_READ_ON (-1)

/** Does what every subcommand's other options ask for: @c is what getopt_long() returned. Returns
 * TOOL_READ_ON, or the exit code after --help or a wrong option. */
int tool_option(struct tool *tool, int c, void (*help)(void));

/** Finds out what the output can do: NO_COLOR, TERM and whether it is a terminal. */
void tool_init(struct tool *tool);
/** Opens the root that the run works on. Returns 0, or a negative errno after a message. */
int tool_open(struct tool *tool);
/** Reads the masks. Returns 0, or a negative errno after a message. */
int tool_read_state(const struct tool *tool, struct cpuctl_state **ret_state);

/** Prints a message to standard error, after the title. */
__attribute__((format(printf, 2, 3))) void tool_error(const struct tool *tool, const char *format,
                                                      ...);
/** Says that memory is short; returns EXIT_NONE. */
int tool_no_memory(const struct tool *tool);
/** Points at --help after a wrong call; returns EXIT_NONE. */
int tool_usage(const struct tool *tool);
/** Complains of an operand that is too much; returns EXIT_NONE. */
int tool_surplus(const struct tool *tool, const char *operand);
/**
 * Parses a whole decimal number. Returns 0, -EINVAL (no number), or -ERANGE (not in @min … @max).
 */
int tool_parse_number(const char *text, unsigned long min, unsigned long max,
                      unsigned long *ret_number);
/**
 * Sends what standard output holds on its way, for readers that want each line as it comes. What
 * fails here tool_flush() tells in the end. Returns 0 or a negative errno.
 */
int tool_send(void);
/**
 * Writes out what standard output still holds: a full disk or a closed descriptor shows only here.
 * Returns 0, or a negative errno after a message; a reader that went away (EPIPE) is no error.
 */
int tool_flush(const struct tool *tool);

#endif
