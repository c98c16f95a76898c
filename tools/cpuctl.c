/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuctl: main(), the table of subcommands, and the options that stand before one. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "libcpuctl/standard-fds.h"
#include "tools/tool.h"

static const struct command commands[] = {
    { .name = "topology", .summary = "show a summary of the CPUs", .run = cmd_topology },
    { .name = "list", .summary = "list the CPUs, one a row", .run = cmd_list },
    { .name = "caches", .summary = "list the caches", .run = cmd_caches },
    { .name = "online", .summary = "bring CPUs online", .run = cmd_online },
    { .name = "offline", .summary = "take CPUs offline", .run = cmd_offline },
    { .name = "set", .summary = "have this many, or exactly these, CPUs online", .run = cmd_set },
    { .name = "watch", .summary = "print CPU hotplug events as they happen", .run = cmd_watch },
    { .name = "record", .summary = "record this machine in a tar file", .run = cmd_record },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(void)
{
    printf("Usage: cpuctl [OPTION…] [COMMAND] [ARGUMENT…]\n"
           "Show the CPUs of this machine, and bring them online or take them offline.\n"
           "\n"
           "Commands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        printf("  %-12s %s%s\n", commands[i].name, commands[i].summary,
               i == 0 ? " (the default)" : "");
    printf("\n"
           "Options:\n" TOOL_HELP_OPTIONS "  -V, --version         show the version\n"
           "\n"
           "CPUs are given as the kernel does it: 0-3,8 or 0-31:1/4 (one of every four); N is the\n"
           "highest possible CPU, all means all.\n"
           "\n"
           "'cpuctl COMMAND --help' tells more of a command; see also cpuctl(1).\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/** What the options before the command ask for. */
enum action { ACTION_RUN, ACTION_HELP, ACTION_VERSION, ACTION_FAIL };

/**
 * Takes the program's own options. It stops at the first other word: a command, or an option of
 * the default command. Leaves that word's index in @ret_next.
 */
static enum action parse_options(struct tool *tool, int argc, char **argv, int *ret_next)
{
    int i;

    for (i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
            return ACTION_HELP;
        if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0)
            return ACTION_VERSION;
        if (strncmp(word, "--sysroot=", 10) == 0) {
            tool->sysroot = word + 10;
        } else if (strcmp(word, "-s") == 0 || strcmp(word, "--sysroot") == 0) {
            if (++i == argc) {
                tool_error(tool, "option '%s' needs a directory", word);
                return ACTION_FAIL;
            }
            tool->sysroot = argv[i];
        } else if (strncmp(word, "-s", 2) == 0) {
            tool->sysroot = word + 2;
        } else {
            break;
        }
    }
    *ret_next = i;
    return ACTION_RUN;
}

static int run_command(struct tool *tool, int argc, char **argv)
{
    const struct command *command = &commands[0];
    char title[32];
    int r;

    if (argc > 1 && argv[1][0] != '-') {
        command = find_command(argv[1]);
        if (!command) {
            tool_error(tool, "'%s' is not a command of cpuctl", argv[1]);
            return tool_usage(tool);
        }
        argc--;
        argv++;
    }
    snprintf(title, sizeof(title), "cpuctl %s", command->name);
    argv[0] = title; /* getopt_long() begins its messages with it */
    tool->title = title;
    r = command->run(tool, argc, argv);
    tool->title = "cpuctl";
    return r;
}

int main(int argc, char **argv)
{
    struct tool tool = { .title = "cpuctl" };
    int next = 1, r = EXIT_ALL;

    if (!guard_standard_descriptors())
        return EXIT_NONE;

    /* A reader that goes away is seen as EPIPE where it matters, not as a killed program. */
    signal(SIGPIPE, SIG_IGN);
    tool_init(&tool);
    switch (parse_options(&tool, argc, argv, &next)) {
    case ACTION_HELP:
        help();
        break;
    case ACTION_VERSION:
        printf("cpuctl %s\n", PACKAGE_VERSION);
        break;
    case ACTION_FAIL:
        r = tool_usage(&tool);
        break;
    case ACTION_RUN:
        /* The word before the first one that is left becomes the command's argv[0]. */
        r = run_command(&tool, argc - next + 1, argv + next - 1);
        break;
    }
    cpuctl_root_free(tool.root);
    if (tool_flush(&tool) < 0 && r == EXIT_ALL)
        r = EXIT_NONE;
    return r;
}
