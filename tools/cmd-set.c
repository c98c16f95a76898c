/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `cpuctl set N` and `cpuctl set --cpus LIST`. */
#include <stdio.h>

#include "tools/change.h"

static const struct option options[] = {
    { "cpus", required_argument, NULL, OPT_CPUS },
    CHANGE_LONG_OPTIONS,
};

static void help(void)
{
    fputs(
        "Usage: cpuctl set [OPTION…] N\n"
        "       cpuctl set [OPTION…] --cpus LIST\n"
        "Have N CPUs online, or exactly the CPUs of LIST.\n"
        "\n"
        "To reach a count, whole cores go first, the highest-numbered ones of the NUMA node and\n"
        "socket with the most CPUs left. CPU 0, CPUs that can't be taken offline and isolated or\n"
        "nohz_full ones are left alone.\n"
        "\n"
        "Options:\n"
        "      --cpus LIST       exactly these CPUs online, all others offline\n"
        "  -f, --force           choose isolated and nohz_full CPUs too\n" CHANGE_HELP_OPTIONS
            TOOL_HELP_OPTIONS CHANGE_HELP_EXIT,
        stdout);
}

/** Takes the goal from --cpus or the operand. Returns 0, or EXIT_NONE after a message. */
static int take_goal(const struct tool *tool, struct goal *goal, char **operands, int n_operands)
{
    if (goal->list) {
        if (n_operands > 0) {
            tool_error(tool, "--cpus and the number '%s' exclude each other", operands[0]);
            return tool_usage(tool);
        }
        goal->kind = GOAL_EXACTLY;
        return 0;
    }
    if (n_operands == 0) {
        tool_error(tool, "how many CPUs? A number, or --cpus LIST, is missing");
        return tool_usage(tool);
    }
    if (n_operands > 1)
        return tool_surplus(tool, operands[1]);
    goal->number = operands[0];
    return 0;
}

int cmd_set(struct tool *tool, int argc, char **argv)
{
    struct change_options o = { 0 };
    struct goal goal = { .kind = GOAL_COUNT };
    int c;

    while ((c = getopt_long(argc, argv, CHANGE_SHORT_OPTIONS, options, NULL)) >= 0) {
        int r = change_option(tool, &o, c);

        if (r < 0)
            return EXIT_NONE;
        if (r > 0)
            continue;
        if (c == OPT_CPUS) {
            goal.list = optarg;
            continue;
        }
        r = tool_option(tool, c, help);
        if (r != TOOL_READ_ON)
            return r;
    }
    if (take_goal(tool, &goal, argv + optind, argc - optind) != 0)
        return EXIT_NONE;
    return change_run(tool, &o, &goal);
}
