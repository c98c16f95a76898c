/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Telling what is planned and what became of it, as text while it happens or as JSON at the end. */
#ifndef CPUCTL_REPORT_H
#define CPUCTL_REPORT_H

#include "tools/change.h"

/** Prints the plan of a dry run. Returns 0 or -ENOMEM. */
int report_plan(const struct tool *tool, const struct change_options *options,
                const struct cpuctl_state *state, const struct cpuctl_plan *plan);
/** Draws the progress line before the next CPU of a long batch; @done of @total are through. */
void report_progress(const struct tool *tool, const struct cpuctl_plan_entry *next, size_t done,
                     size_t total);
/** Wipes it. */
void report_progress_end(const struct tool *tool, size_t total);
/** Prints one result as text: what was done to standard output, refusals to standard error. */
void report_result(const struct tool *tool, const struct cpuctl_result *result);

/** How a batch ended. */
struct batch_end {
    const struct cpuctl_set *online; /**< the CPUs that are online now, or NULL: not known */
    struct cpuctl_set *not_tried;    /**< CPUs that an interruption left out; empty: none */
    bool reached;                    /**< the goal is reached */
    int exit_code;
};

/** Prints everything as one JSON object. Returns 0 or -ENOMEM. */
int report_json(const struct cpuctl_change *change, const struct batch_end *end);

#endif
