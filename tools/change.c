/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Carrying out what `cpuctl online`, `offline` and `set` ask for: from the goal to the exit code.
 */
#include "tools/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "libcpuctl/one-line.h"
#include "tools/interrupt.h"
#include "tools/report.h"
#include "tools/wait.h"

/** The longest --wait: a day. */
#define WAIT_MAX 86400U

int change_option(struct tool *tool, struct change_options *options, int c)
{
    unsigned long number;

    switch (c) {
    case 'n':
        options->dry_run = true;
        return 1;
    case 'f':
        options->force = true;
        return 1;
    case 'J':
        options->json = true;
        return 1;
    case OPT_PERSIST:
        options->persist = true;
        return 1;
    case OPT_HOTPLUGGED:
        options->hotplugged = true;
        return 1;
    case 'w':
        if (tool_parse_number(optarg, 0, WAIT_MAX, &number) < 0) {
            tool_error(tool, "--wait: '%s' is not a number of seconds from 0 to %u (a day)", optarg,
                       WAIT_MAX);
            return -EINVAL;
        }
        options->wait = (unsigned int)number;
        return 1;
    default:
        return 0;
    }
}

/** Understands the set or the count that was typed, within what the machine can have. */
static int parse_goal(const struct tool *tool, struct goal *goal)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    const struct cpuctl_set *possible;
    struct cpuctl_error error = { 0 };
    unsigned long number;
    unsigned int n_possible;
    int r = tool_read_state(tool, &state);

    if (r < 0)
        return r;
    possible = cpuctl_state_get(state, CPUCTL_POSSIBLE);
    n_possible = cpuctl_set_count(possible);
    if (goal->kind == GOAL_COUNT) {
        r = tool_parse_number(goal->number, 1, n_possible, &number);
        if (r < 0) {
            tool_error(tool,
                       "'%s' is not a number of CPUs from 1 to %u, which is how many this machine "
                       "can have (/sys/devices/system/cpu/possible)",
                       goal->number, n_possible);
            return r;
        }
        goal->count = (unsigned int)number;
        return 0;
    }
    r = check_one_line(goal->list, &error);
    if (r < 0) {
        tool_error(tool, "%s", error.text);
        return r;
    }
    if (strcasecmp(goal->list, "all") == 0) { /* whoever types it means those that are there */
        goal->set = cpuctl_set_dup(cpuctl_state_get(state, CPUCTL_PRESENT));
        return goal->set ? 0 : -ENOMEM;
    }
    r = cpuctl_set_parse_list(goal->list,
                              (unsigned int)(cpuctl_set_prev(possible, CPUCTL_CPUS_MAX - 1) + 1),
                              &goal->set, &error);
    if (r < 0) {
        tool_error(tool, "'%s': %s", goal->list, error.text);
        return r;
    }
    if (cpuctl_set_is_empty(goal->set)) {
        tool_error(tool, "'%s' names no CPU", goal->list);
        return -EINVAL;
    }
    return 0;
}

/**
 * With --hotplugged, which a udev rule uses: takes out of the goal what the operator keeps offline.
 * Returns 1 to go on, 0 when nothing is left to do, or a negative errno after a message.
 */
static int respect_choice(const struct tool *tool, const struct change_options *options,
                          const struct goal *goal)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *held = NULL;
    struct cpuctl_error error = { 0 };
    int r;

    if (!options->hotplugged)
        return 1;
    r = cpuctl_offline_choice_read(tool->root, NULL, &held, &error);
    if (r < 0) {
        tool_error(tool, "%s", error.text);
        return r;
    }
    if (!options->json)
        cpuctl_set_foreach (cpu, held)
            if (cpuctl_set_has(goal->set, (unsigned int)cpu))
                printf("CPU %d is kept offline by an operator's choice\n", cpu);
    cpuctl_set_andnot(goal->set, held);
    return !cpuctl_set_is_empty(goal->set);
}

/** Waits for hot-added CPUs if that was asked for. Returns 0, or a negative errno. */
static int wait_for_goal(const struct tool *tool, const struct change_options *options,
                         const struct goal *goal)
{
    struct wait_for wanted = { .cpus = goal->set, .count = goal->count };
    int r;

    if (options->wait == 0)
        return 0;
    r = wait_for_present(tool, &wanted, options->wait);
    if (r == 0) /* a number is reached or refused as a whole */
        tool_error(tool, "not all CPUs were plugged within %u second%s%s", options->wait,
                   options->wait == 1 ? "" : "s",
                   goal->kind == GOAL_COUNT ? "" : "; going on with those that are");
    if (r == -EINTR)
        tool_error(tool, "interrupted while waiting for CPUs; nothing was changed");
    return r < 0 ? r : 0;
}

static int make_plan(const struct tool *tool, const struct change_options *options,
                     const struct goal *goal, struct cpuctl_plan **ret_plan)
{
    unsigned int flags = options->force ? CPUCTL_PLAN_FORCE : 0;
    struct cpuctl_error error = { 0 };
    int r;

    if (goal->kind == GOAL_COUNT)
        r = cpuctl_plan_count(tool->root, goal->count, flags, ret_plan, &error);
    else if (goal->kind == GOAL_EXACTLY)
        r = cpuctl_plan_exactly(tool->root, goal->set, flags, ret_plan, &error);
    else
        r = cpuctl_plan_change(tool->root, goal->set, goal->kind == GOAL_ONLINE, flags, ret_plan,
                               &error);
    if (r < 0)
        tool_error(tool, "%s", *error.text ? error.text : strerror(-r));
    if (r == -ERANGE && options->wait == 0)
        tool_error(tool, "--wait waits for CPUs that are about to be hot-added");
    return r;
}

/** Does one CPU after the other; an interruption is heeded in between. Returns 0 or -ENOMEM. */
static int carry_out(const struct tool *tool, const struct change_options *options,
                     const struct cpuctl_plan *plan, struct cpuctl_change *change)
{
    size_t total = cpuctl_change_total(change);
    int r = 1;

    while (r > 0 && !interrupt_pending()) {
        const struct cpuctl_result *result = NULL;
        const struct cpuctl_plan_entry *next = cpuctl_plan_get(plan, cpuctl_change_size(change));

        if (next && !next->skipped)
            report_progress(tool, next, cpuctl_change_size(change), total);
        r = cpuctl_change_step(change, &result);
        report_progress_end(tool, total);
        if (r > 0 && !options->json)
            report_result(tool, result);
    }
    return r < 0 ? r : 0;
}

/** Sorts the results: which CPUs join the operator's offline choice, which leave it. */
static int sort_choice(const struct change_options *options, const struct goal *goal,
                       const struct cpuctl_change *change, struct cpuctl_set *add,
                       struct cpuctl_set *remove)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < cpuctl_change_size(change); i++) {
        const struct cpuctl_result *result = cpuctl_change_get(change, i);
        bool so = result->outcome == CPUCTL_DONE || result->outcome == CPUCTL_ALREADY;

        if (so && result->online)
            r = cpuctl_set_add(remove, result->cpu);
        else if (so && options->persist && goal->kind == GOAL_OFFLINE)
            r = cpuctl_set_add(add, result->cpu);
    }
    if (r >= 0 && options->persist && goal->kind == GOAL_ONLINE)
        r = cpuctl_set_or(remove, goal->set);
    return r;
}

/**
 * Keeps the operator's offline choice true: with --persist the CPUs that are offline now join it;
 * whatever the operator brings online leaves it.
 */
static int update_choice(const struct tool *tool, const struct change_options *options,
                         const struct goal *goal, const struct cpuctl_change *change)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *add = cpuctl_set_new();
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *remove = cpuctl_set_new();
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *held = NULL;
    struct cpuctl_error error = { 0 };
    int r;

    if (!add || !remove || sort_choice(options, goal, change, add, remove) < 0)
        return -ENOMEM;
    /* Looked at first: who may not write the file need not, when there is nothing to write. */
    r = cpuctl_offline_choice_read(tool->root, NULL, &held, &error);
    if (r >= 0 && cpuctl_set_is_subset(add, held) && !cpuctl_set_intersects(remove, held))
        return 0;
    if (r >= 0)
        r = cpuctl_offline_choice_change(tool->root, NULL, add, remove, &error);
    if (r < 0)
        tool_error(tool, "the choice of CPUs that stay offline was not recorded: %s", error.text);
    else if (!options->json)
        printf("The choice of CPUs that stay offline was updated (/%s)\n",
               CPUCTL_OFFLINE_CHOICE_PATH);
    return r < 0 ? r : 0;
}

/** Whether the machine is as asked for; @now: its state after the change. */
static bool is_reached(const struct goal *goal, const struct cpuctl_state *now)
{
    const struct cpuctl_set *online = cpuctl_state_get(now, CPUCTL_ONLINE);

    switch (goal->kind) {
    case GOAL_ONLINE:
        return cpuctl_set_is_subset(goal->set, online);
    case GOAL_OFFLINE: /* a CPU that is not there can't be taken offline: that was refused */
        return !cpuctl_set_intersects(goal->set, online) &&
               cpuctl_set_is_subset(goal->set, cpuctl_state_get(now, CPUCTL_PRESENT));
    case GOAL_EXACTLY:
        return cpuctl_set_equal(goal->set, online);
    case GOAL_COUNT:
        return cpuctl_set_count(online) == goal->count;
    }
    return false;
}

/** The CPUs of the plan that the change did not come to. */
static int find_not_tried(const struct cpuctl_plan *plan, const struct cpuctl_change *change,
                          struct cpuctl_set *not_tried)
{
    int r = 0;

    for (size_t i = cpuctl_change_size(change); i < cpuctl_plan_size(plan) && r >= 0; i++) {
        const struct cpuctl_plan_entry *entry = cpuctl_plan_get(plan, i);

        if (!entry->skipped)
            r = cpuctl_set_add(not_tried, entry->cpu);
    }
    return r;
}

/** EXIT_ALL when the goal is reached; else whether any CPU is as it was asked to be. */
static int exit_code(const struct cpuctl_change *change, bool reached)
{
    if (reached)
        return EXIT_ALL;
    for (size_t i = 0; i < cpuctl_change_size(change); i++) {
        const struct cpuctl_result *result = cpuctl_change_get(change, i);

        if (result->outcome == CPUCTL_DONE || result->outcome == CPUCTL_ALREADY)
            return EXIT_SOME;
    }
    return EXIT_NONE;
}

/** Tells how it ended. Returns the exit code. */
static int finish(const struct tool *tool, const struct change_options *options,
                  const struct goal *goal, const struct cpuctl_plan *plan,
                  const struct cpuctl_change *change)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *now = NULL;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *not_tried = cpuctl_set_new();
    _cleanup_free_ char *list = NULL;
    struct batch_end end = { .not_tried = not_tried };

    if (!not_tried || find_not_tried(plan, change, not_tried) < 0)
        return tool_no_memory(tool);
    if (tool_read_state(tool, &now) >= 0) {
        end.online = cpuctl_state_get(now, CPUCTL_ONLINE);
        end.reached = is_reached(goal, now);
    }
    end.exit_code = exit_code(change, end.reached);
    if (!cpuctl_set_is_empty(not_tried)) {
        list = cpuctl_set_format_list(not_tried);
        if (!list)
            return tool_no_memory(tool);
        tool_error(tool, "interrupted: nothing was done about CPUs %s", list);
    }
    if (!end.reached && end.online && !options->json && goal->kind == GOAL_COUNT)
        tool_error(tool, "%u CPUs are online instead of %u", cpuctl_set_count(end.online),
                   goal->count);
    if (options->json && report_json(change, &end) < 0)
        return tool_no_memory(tool);
    return end.exit_code;
}

static int run_plan(const struct tool *tool, const struct change_options *options,
                    const struct goal *goal, const struct cpuctl_plan *plan)
{
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *change = NULL;
    struct cpuctl_error error = { 0 };
    int r = cpuctl_change_new(tool->root, plan, &change, &error), code;

    if (r < 0) {
        tool_error(tool, "%s", *error.text ? error.text : strerror(-r));
        return EXIT_NONE;
    }
    if (carry_out(tool, options, plan, change) < 0)
        return tool_no_memory(tool);
    r = options->hotplugged ? 0 : update_choice(tool, options, goal, change);
    code = finish(tool, options, goal, plan, change);
    return r < 0 && code == EXIT_ALL ? EXIT_SOME : code;
}

/** Plans, and prints the plan or carries it out. Returns the exit code, or a negative errno. */
static int run_goal(const struct tool *tool, const struct change_options *options,
                    const struct goal *goal)
{
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    int r = make_plan(tool, options, goal, &plan);

    if (r < 0)
        return r;
    if (!options->dry_run)
        return run_plan(tool, options, goal, plan);
    r = tool_read_state(tool, &state);
    return r < 0 ? r : report_plan(tool, options, state, plan);
}

int change_run(struct tool *tool, const struct change_options *options, struct goal *goal)
{
    int r;

    if (tool_open(tool) < 0)
        return EXIT_NONE;
    if (!cpuctl_root_is_live(tool->root) && (!options->dry_run || options->wait)) {
        tool_error(tool,
                   "%s is a recorded machine, which does not change: only --dry-run works with "
                   "--sysroot",
                   tool->sysroot);
        return EXIT_NONE;
    }
    r = interrupt_catch();
    if (r >= 0)
        r = parse_goal(tool, goal);
    if (r >= 0)
        r = wait_for_goal(tool, options, goal);
    if (r >= 0)
        r = respect_choice(tool, options, goal);
    if (r > 0)
        r = run_goal(tool, options, goal);
    cpuctl_set_free(goal->set);
    goal->set = NULL;
    if (r == -ENOMEM)
        return tool_no_memory(tool);
    return r < 0 ? EXIT_NONE : r;
}
