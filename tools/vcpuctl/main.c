/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpuctl: main() and the options that stand before a command. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "libcpuctl/standard-fds.h"
#include "output.h"
#include "store.h"

enum action { ACTION_RUN, ACTION_HELP, ACTION_VERSION, ACTION_FAIL };

static void help(void)
{
    printf(
        "\nvcpuctl [OPTION]... COMMAND [ARGUMENT]...\n\n"
        "  options:\n"
        "    -h | --help             this help\n"
        "    -q | --quiet            print data and errors only\n"
        "    -v | --version          the version\n"
        "         --json             print JSON\n"
        "         --qmp SOCKET       work on the VM behind this QMP socket, which something else\n"
        "                            started; the commands' domain is then any word\n"
        "         --agent SOCKET     the socket of that VM's guest agent\n"
        "  commands:\n\n");
    command_list_all();
}

/* The options before the command; leaves the command's index in @ret_next. */
static enum action parse_options(struct tool *tool, int argc, char **argv, int *ret_next)
{
    static const struct {
        const char *name;
        size_t offset;
    } paths[] = { { "--qmp", offsetof(struct tool, qmp) },
                  { "--agent", offsetof(struct tool, agent) } };
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        const char *word = argv[i];
        bool taken = false;

        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
            return ACTION_HELP;
        if (strcmp(word, "-v") == 0 || strcmp(word, "--version") == 0)
            return ACTION_VERSION;
        if (strcmp(word, "--json") == 0)
            taken = tool->json = true;
        else if (strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0)
            taken = tool->quiet = true;
        for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
            size_t length = strlen(paths[p].name);
            const char **place = (const char **)((char *)tool + paths[p].offset);

            if (strncmp(word, paths[p].name, length) != 0)
                continue;
            if (word[length] == '=') {
                *place = word + length + 1;
            } else if (word[length] == '\0') {
                if (++i == argc) {
                    output_error("option '%s' requires an argument", word);
                    return ACTION_FAIL;
                }
                *place = argv[i];
            } else {
                continue;
            }
            taken = true;
        }
        if (!taken) {
            output_error("unsupported option '%s'. See --help.", word);
            return ACTION_FAIL;
        }
    }
    *ret_next = i;
    return ACTION_RUN;
}

static int run_command(struct tool *tool, int argc, char **argv)
{
    const struct command *command;
    struct arguments arguments;
    struct cpuctl_error error = { 0 };
    int r;

    if (argc == 0) {
        output_error("a command is missing; vcpuctl help lists them");
        return EXIT_FAILED;
    }
    command = command_find(argv[0]);
    if (!command)
        return output_error("unknown command: '%s'", argv[0]);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0) {
            command_help(command);
            return EXIT_DONE;
        }
    if (arguments_parse(command, argc - 1, argv + 1, &arguments, &error) < 0 ||
        store_open(NULL, NULL, &tool->store, &error) < 0)
        return output_failure(&error, NULL);
    if (arguments_check_values(&arguments, &error) < 0)
        r = output_failure(&error, NULL);
    else
        r = command->run(tool, &arguments);
    /* virsh divides what one command printed from the next by an empty line. */
    if (!tool->quiet && !tool->json)
        putchar('\n');
    store_free(tool->store);
    return r;
}

int main(int argc, char **argv)
{
    struct tool tool = { 0 };
    int next = 1, r = EXIT_DONE;

    if (!guard_standard_descriptors())
        return EXIT_FAILED;
    signal(SIGPIPE, SIG_IGN);
    switch (parse_options(&tool, argc, argv, &next)) {
    case ACTION_HELP:
        help();
        break;
    case ACTION_VERSION:
        printf("vcpuctl %s\n", PACKAGE_VERSION);
        break;
    case ACTION_FAIL:
        r = EXIT_FAILED;
        break;
    case ACTION_RUN:
        r = run_command(&tool, argc - next, argv + next);
        break;
    }
    if (output_flush() != EXIT_DONE && r == EXIT_DONE)
        r = EXIT_FAILED;
    return r;
}
