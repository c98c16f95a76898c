/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The context of one run of cpuctl: terminal, messages, root. */
#include "tools/tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RED   "\033[31m"
#define RESET "\033[0m"

int tool_option(struct tool *tool, int c, void (*help)(void))
{
    switch (c) {
    case 's':
        tool->sysroot = optarg;
        return TOOL_READ_ON;
    case 'h':
        help();
        return EXIT_ALL;
    default:
        return tool_usage(tool);
    }
}

void tool_init(struct tool *tool)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool dumb = !term || !*term || strcmp(term, "dumb") == 0;
    bool colour = !dumb && !(no_color && *no_color);

    tool->colour_out = colour && isatty(STDOUT_FILENO);
    tool->colour_err = colour && isatty(STDERR_FILENO);
    tool->progress = !dumb && isatty(STDERR_FILENO);
}

int tool_open(struct tool *tool)
{
    struct cpuctl_error error = { 0 };
    int r = cpuctl_root_open(tool->sysroot, &tool->root, &error);

    if (r < 0)
        tool_error(tool, "%s", error.text);
    return r;
}

int tool_read_state(const struct tool *tool, struct cpuctl_state **ret_state)
{
    struct cpuctl_error error = { 0 };
    int r = cpuctl_state_read(tool->root, ret_state, &error);

    if (r < 0)
        tool_error(tool, "%s", error.text);
    return r;
}

void tool_error(const struct tool *tool, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s%s:%s ", tool->colour_err ? RED : "", tool->title,
            tool->colour_err ? RESET : "");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int tool_no_memory(const struct tool *tool)
{
    tool_error(tool, "out of memory");
    return EXIT_NONE;
}

int tool_usage(const struct tool *tool)
{
    fprintf(stderr, "Try '%s --help' for more.\n", tool->title);
    return EXIT_NONE;
}

int tool_surplus(const struct tool *tool, const char *operand)
{
    tool_error(tool, "unexpected operand '%s'", operand);
    return tool_usage(tool);
}

int tool_parse_number(const char *text, unsigned long min, unsigned long max,
                      unsigned long *ret_number)
{
    unsigned long number;
    char *end;

    /* strtoul() takes signs and white space; a number of ours has none. */
    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    number = strtoul(text, &end, 10);
    if (*end)
        return -EINVAL;
    if (errno == ERANGE || number < min || number > max)
        return -ERANGE;
    *ret_number = number;
    return 0;
}

/* The stream keeps that it failed, but not why. */
static int send_errno;

int tool_send(void)
{
    errno = 0;
    if (fflush(stdout) == 0)
        return 0;
    if (!send_errno)
        send_errno = errno ? errno : EIO;
    return -send_errno;
}

int tool_flush(const struct tool *tool)
{
    int code = -tool_send();

    if (code == 0 && ferror(stdout))
        code = send_errno ? send_errno : EIO;
    /* Some file systems, NFS for one, tell of a full disk only when the file is closed. EBADF here
     * means that nothing was written to a standard output that was closed from the start. */
    if (fclose(stdout) != 0 && code == 0 && errno != EBADF)
        code = errno;
    if (code == 0 || code == EPIPE)
        return 0;
    tool_error(tool, "standard output: %s", strerror(code));
    return -code;
}
