/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `cpuctl watch`: a line per CPU hotplug event. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/interrupt.h"
#include "tools/tool.h"

static const struct option options[] = {
    { "json", no_argument, NULL, 'J' },
    TOOL_LONG_OPTIONS,
};

static const char *const event_names[] = {
    [CPUCTL_EVENT_ADDED] = "added",    [CPUCTL_EVENT_REMOVED] = "removed",
    [CPUCTL_EVENT_ONLINED] = "online", [CPUCTL_EVENT_OFFLINED] = "offline",
    [CPUCTL_EVENT_LOST] = "lost",
};

static void help(void)
{
    fputs("Usage: cpuctl watch [OPTION…]\n"
          "Print a line for each CPU that is plugged (added), unplugged (removed), brought online\n"
          "or taken offline, until interrupted. 'hot' marks CPUs that were plugged after boot;\n"
          "'lost' means that events were lost and tells which CPUs are online now.\n"
          "\n"
          "Options:\n"
          "  -J, --json            print a JSON object a line\n" TOOL_HELP_OPTIONS,
          stdout);
}

/** The CPUs that are online now, for an event of kind "lost"; "" when they can't be read. */
static char *read_online(const struct tool *tool)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;

    if (cpuctl_state_read(tool->root, &state, NULL) < 0)
        return strdup("");
    return cpuctl_set_format_list(cpuctl_state_get(state, CPUCTL_ONLINE));
}

/** Prints one event and sends it on its way. Returns 0 or a negative errno. */
static int print_event(const struct tool *tool, const struct cpuctl_event *event, bool json)
{
    time_t seconds = (time_t)(event->time_usec / 1000000);
    unsigned int usec = (unsigned int)(event->time_usec % 1000000);
    bool lost = event->type == CPUCTL_EVENT_LOST;
    _cleanup_free_ char *online = lost ? read_online(tool) : NULL;
    const char *name = event_names[event->type];
    char date[32];
    struct tm tm;

    if (lost && !online)
        return -ENOMEM;
    if (json) {
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
        printf("{\"time\": \"%s.%06uZ\", \"event\": \"%s\", ", date, usec, name);
        if (lost)
            printf("\"online\": \"%s\"}\n", online);
        else
            printf("\"cpu\": %u, \"hot\": %s}\n", event->cpu, event->hot ? "true" : "false");
    } else {
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
        if (lost)
            printf("%s.%03u events lost, online now: %s\n", date, usec / 1000, online);
        else
            printf("%s.%03u CPU %u %s%s\n", date, usec / 1000, event->cpu, name,
                   event->hot ? " (hot)" : "");
    }
    return tool_send();
}

/** Prints all events that are there. Returns 0 or a negative errno. */
static int print_events(const struct tool *tool, struct cpuctl_monitor *monitor, bool json)
{
    struct cpuctl_event event;
    int r;

    while ((r = cpuctl_monitor_next(monitor, &event)) > 0) {
        r = print_event(tool, &event, json);
        if (r < 0)
            return r;
    }
    return r;
}

/** Returns -EINTR (told to stop), -EPIPE (nobody reads any more) or another negative errno. */
static int watch(const struct tool *tool, struct cpuctl_monitor *monitor, bool json)
{
    for (;;) {
        /* No events asked for: poll() still tells when a pipe has lost its reader. */
        struct pollfd fds[] = {
            { .fd = cpuctl_monitor_fd(monitor), .events = POLLIN },
            { .fd = STDOUT_FILENO, .events = 0 },
        };
        int r = interrupt_poll(fds, 2, UINT64_MAX);

        if (r >= 0 && (fds[1].revents & (POLLERR | POLLHUP)))
            return -EPIPE;
        if (r >= 0)
            r = print_events(tool, monitor, json);
        if (r < 0)
            return r;
    }
}

int cmd_watch(struct tool *tool, int argc, char **argv)
{
    _cleanup_(cpuctl_monitor_freep) struct cpuctl_monitor *monitor = NULL;
    struct cpuctl_error error = { 0 };
    bool json = false;
    int c, r;

    while ((c = getopt_long(argc, argv, "J" TOOL_SHORT_OPTIONS, options, NULL)) >= 0)
        switch (c) {
        case 'J':
            json = true;
            break;
        default:
            r = tool_option(tool, c, help);
            if (r != TOOL_READ_ON)
                return r;
        }
    if (optind < argc)
        return tool_surplus(tool, argv[optind]);
    if (tool_open(tool) < 0 || interrupt_catch() < 0)
        return EXIT_NONE;
    r = cpuctl_monitor_new(tool->root, &monitor, &error);
    if (r < 0) {
        tool_error(tool, "%s", *error.text ? error.text : strerror(-r));
        return EXIT_NONE;
    }
    r = watch(tool, monitor, json);
    if (r == -EINTR || r == -EPIPE)
        return EXIT_ALL;
    tool_error(tool, "%s", strerror(-r));
    return EXIT_NONE;
}
