/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans and results as text, and the progress line. */
#include "tools/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/report-json.h"

/** From how many CPUs on a batch is long enough for a progress line. */
#define LONG_BATCH 4U

#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define RESET  "\033[0m"

static const char *state_name(bool online)
{
    return online ? "online" : "offline";
}

static const char *colour(const struct tool *tool, const char *sequence)
{
    return tool->colour_out ? sequence : "";
}

/** One line of a dry run. */
static void print_entry(const struct tool *tool, const struct cpuctl_state *state,
                        const struct cpuctl_plan_entry *entry)
{
    bool present = cpuctl_set_has(cpuctl_state_get(state, CPUCTL_PRESENT), entry->cpu);
    bool online = cpuctl_set_has(cpuctl_state_get(state, CPUCTL_ONLINE), entry->cpu);

    if (entry->skipped)
        printf("CPU %u would be left %s: %s\n", entry->cpu, state_name(online), entry->reason);
    else if (!present)
        printf("CPU %u is not present: it could not be brought %s; hot-add it first\n", entry->cpu,
               state_name(entry->online));
    else if (online == entry->online)
        printf("CPU %u is %s already\n", entry->cpu, state_name(online));
    else if (!entry->online && cpuctl_can_offline(tool->root, entry->cpu) == 0)
        printf("CPU %u can't be taken offline: the kernel does not allow it\n", entry->cpu);
    else
        printf("CPU %u would be %s: %s\n", entry->cpu,
               entry->online ? "brought online" : "taken offline", entry->reason);
}

int report_plan(const struct tool *tool, const struct change_options *options,
                const struct cpuctl_state *state, const struct cpuctl_plan *plan)
{
    if (options->json)
        return report_json_plan(plan);
    for (size_t i = 0; i < cpuctl_plan_size(plan); i++)
        print_entry(tool, state, cpuctl_plan_get(plan, i));
    if (cpuctl_plan_size(plan) == 0)
        printf("Nothing would be changed\n");
    return 0;
}

static bool is_shown(const struct tool *tool, size_t total)
{
    return tool->progress && total >= LONG_BATCH;
}

void report_progress(const struct tool *tool, const struct cpuctl_plan_entry *next, size_t done,
                     size_t total)
{
    if (!is_shown(tool, total))
        return;
    tool_send(); /* results stand above the progress line */
    fprintf(stderr, "%s CPU %u (%zu of %zu)…", next->online ? "onlining" : "offlining", next->cpu,
            done + 1, total);
}

void report_progress_end(const struct tool *tool, size_t total)
{
    if (is_shown(tool, total))
        fputs("\r\033[K", stderr);
}

/** The kernel log's lines, indented. */
static void print_kernel_log(const char *log)
{
    while (*log) {
        size_t length = strcspn(log, "\n");

        fprintf(stderr, "    kernel: %.*s\n", (int)length, log);
        log += length + (log[length] == '\n');
    }
}

void report_result(const struct tool *tool, const struct cpuctl_result *result)
{
    const char *state = state_name(result->online);

    switch (result->outcome) {
    case CPUCTL_DONE:
        printf("CPU %u is %s%s%s (took %" PRIu64 " ms)\n", result->cpu, colour(tool, GREEN), state,
               colour(tool, RESET), (result->duration_usec + 500) / 1000);
        break;
    case CPUCTL_ALREADY:
        printf("CPU %u is %s already\n", result->cpu, state);
        break;
    case CPUCTL_SKIPPED:
        printf("CPU %u %sleft as it is%s: %s\n", result->cpu, colour(tool, YELLOW),
               colour(tool, RESET), result->reason);
        break;
    case CPUCTL_REFUSED:
        tool_error(tool, "CPU %u was not %s: %s%s%s", result->cpu,
                   result->online ? "brought online" : "taken offline", result->reason,
                   result->help ? "; " : "", result->help ? result->help : "");
        if (result->kernel_log)
            print_kernel_log(result->kernel_log);
        break;
    }
    tool_send(); /* a batch may take minutes: whoever reads a pipe sees each CPU as it is done */
}
