/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `cpuctl online`, `offline` and `set` have in common: options, the batch, its report. */
#ifndef CPUCTL_CHANGE_H
#define CPUCTL_CHANGE_H

#include "tools/tool.h"

/** The state that a command asks for. */
enum goal_kind {
    GOAL_ONLINE,  /**< the CPUs of a set online */
    GOAL_OFFLINE, /**< the CPUs of a set offline */
    GOAL_EXACTLY, /**< the CPUs of a set online, all others offline */
    GOAL_COUNT    /**< so many CPUs online */
};

struct goal {
    enum goal_kind kind;
    const char *list;       /**< the set as it was typed; NULL with GOAL_COUNT */
    const char *number;     /**< the count as it was typed; NULL with the others */
    unsigned int count;     /**< filled by change_run() */
    struct cpuctl_set *set; /**< filled by change_run(), freed by it */
};

struct change_options {
    bool dry_run;
    bool force;
    bool json;
    bool persist;
    bool hotplugged;   /**< leave alone what the operator keeps offline */
    unsigned int wait; /**< seconds, 0: don't */
};

/** Long options that the three commands share, and their letters. */
enum { OPT_DRY_RUN = 256, OPT_PERSIST, OPT_HOTPLUGGED, OPT_CPUS };
#define CHANGE_SHORT_OPTIONS "nfw:J" TOOL_SHORT_OPTIONS
#define CHANGE_LONG_OPTIONS                                                                        \
    { "dry-run", no_argument, NULL, 'n' }, { "force", no_argument, NULL, 'f' },                    \
        { "wait", required_argument, NULL, 'w' }, { "json", no_argument, NULL, 'J' },              \
        TOOL_LONG_OPTIONS
#define CHANGE_HELP_OPTIONS                                                                        \
    "  -w, --wait SECONDS    wait so long for CPUs that are about to be hot-added\n"               \
    "  -n, --dry-run         print the plan and change nothing\n"                                  \
    "  -J, --json            print the results as JSON\n"
#define CHANGE_HELP_EXIT                                                                           \
    "\n"                                                                                           \
    "Exit status: 0 all is as asked for, 64 a part of it is, 1 nothing is or wrong usage.\n"

/**
 * Takes one of the shared options. Returns 1 when it was one, 0 when it was not, or a negative
 * errno after a message.
 */
int change_option(struct tool *tool, struct change_options *options, int c);

/** Brings the machine to @goal and reports. Returns the exit code. */
int change_run(struct tool *tool, const struct change_options *options, struct goal *goal);

#endif
