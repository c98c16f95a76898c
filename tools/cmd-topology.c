/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `cpuctl topology`: the summary, which is also what cpuctl without a command prints. */
#include <stdio.h>
#include <string.h>

#include "tools/summary.h"
#include "tools/tool.h"

static const struct option options[] = {
    { "bytes", no_argument, NULL, 'b' },
    { "hex", no_argument, NULL, 'x' },
    { "json", no_argument, NULL, 'J' },
    TOOL_LONG_OPTIONS,
};

static void help(void)
{
    fputs("Usage: cpuctl [topology] [OPTION…]\n"
          "Show a summary of the CPUs, value for value as lscpu does.\n"
          "\n"
          "Options:\n"
          "  -b, --bytes           show sizes in bytes\n"
          "  -x, --hex             show CPU sets as hexadecimal masks\n"
          "  -J, --json            print JSON, as 'lscpu -J' does\n" TOOL_HELP_OPTIONS,
          stdout);
}

int cmd_topology(struct tool *tool, int argc, char **argv)
{
    struct cpuctl_error error = { 0 };
    unsigned int flags = isatty(STDOUT_FILENO) ? SUMMARY_TERMINAL : 0;
    int c, r;

    while ((c = getopt_long(argc, argv, "bBxJ" TOOL_SHORT_OPTIONS, options, NULL)) >= 0)
        switch (c) {
        case 'b':
        case 'B': /* lscpu's letter */
            flags |= SUMMARY_BYTES;
            break;
        case 'x':
            flags |= SUMMARY_HEX;
            break;
        case 'J':
            flags |= SUMMARY_JSON;
            break;
        default:
            r = tool_option(tool, c, help);
            if (r != TOOL_READ_ON)
                return r;
        }
    if (optind < argc)
        return tool_surplus(tool, argv[optind]);
    if (tool_open(tool) < 0)
        return EXIT_NONE;
    r = summary_print(tool->root, stdout, flags, &error);
    if (r < 0) {
        tool_error(tool, "%s", *error.text ? error.text : strerror(-r));
        return EXIT_NONE;
    }
    return EXIT_ALL;
}
