/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `cpuctl online LIST` and `cpuctl offline LIST`. */
#include <stdio.h>

#include "tools/change.h"

static const struct option options[] = {
    { "hotplugged", no_argument, NULL, OPT_HOTPLUGGED },
    { "persist", no_argument, NULL, OPT_PERSIST },
    CHANGE_LONG_OPTIONS,
};

static void help_online(void)
{
    fputs(
        "Usage: cpuctl online [OPTION…] LIST\n"
        "Bring the CPUs of LIST online; CPUs that are online already are fine.\n"
        "\n"
        "Options:\n"
        "      --hotplugged      leave CPUs alone that an operator keeps offline (for udev rules)\n"
        "      --persist         end an earlier 'offline --persist' also for CPUs that can't be\n"
        "                        brought online now; for the others it ends anyway\n"
        "  -f, --force           accepted; CPUs that are named are never left "
        "out\n" CHANGE_HELP_OPTIONS TOOL_HELP_OPTIONS CHANGE_HELP_EXIT,
        stdout);
}

static void help_offline(void)
{
    fputs("Usage: cpuctl offline [OPTION…] LIST\n"
          "Take the CPUs of LIST offline; CPUs that are offline already are fine.\n"
          "\n"
          "Options:\n"
          "      --persist         also keep them offline: cpuctl-agent leaves them alone when\n"
          "                        they are plugged anew or it starts, until 'cpuctl online'\n"
          "  -f, --force           accepted; CPUs that are named are never left "
          "out\n" CHANGE_HELP_OPTIONS TOOL_HELP_OPTIONS CHANGE_HELP_EXIT,
          stdout);
}

static int run(struct tool *tool, int argc, char **argv, enum goal_kind kind, void (*help)(void))
{
    struct change_options o = { 0 };
    struct goal goal = { .kind = kind };
    int c;

    while ((c = getopt_long(argc, argv, CHANGE_SHORT_OPTIONS, options, NULL)) >= 0) {
        int r = change_option(tool, &o, c);

        if (r < 0)
            return EXIT_NONE;
        if (r > 0)
            continue;
        r = tool_option(tool, c, help);
        if (r != TOOL_READ_ON)
            return r;
    }
    if (o.hotplugged && (kind != GOAL_ONLINE || o.persist || o.json)) {
        tool_error(tool, "--hotplugged goes with 'online' only, without --persist and --json");
        return EXIT_NONE;
    }
    if (optind == argc) {
        tool_error(tool, "which CPUs? A list such as 1-3,8 is missing");
        return tool_usage(tool);
    }
    if (optind + 1 < argc)
        return tool_surplus(tool, argv[optind + 1]);
    goal.list = argv[optind];
    return change_run(tool, &o, &goal);
}

int cmd_online(struct tool *tool, int argc, char **argv)
{
    return run(tool, argc, argv, GOAL_ONLINE, help_online);
}

int cmd_offline(struct tool *tool, int argc, char **argv)
{
    return run(tool, argc, argv, GOAL_OFFLINE, help_offline);
}
