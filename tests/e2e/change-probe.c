/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shows in a guest what the library's changes and monitor do, one line a fact, for test_change.py:
 *
 *   change-probe online|offline LIST    the results of cpuctl_plan_change()
 *   change-probe count N                the results of cpuctl_plan_count()
 *   change-probe hot LIST               which CPUs are known to be hot-added
 *   change-probe watch                  hotplug events, until it is ended
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cpuctl.h"

DEFINE_CLEANUP(struct cpuctl_root *, cpuctl_root_free);
DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);
DEFINE_CLEANUP(struct cpuctl_plan *, cpuctl_plan_free);
DEFINE_CLEANUP(struct cpuctl_change *, cpuctl_change_free);
DEFINE_CLEANUP(struct cpuctl_monitor *, cpuctl_monitor_free);

static int carry_out(struct cpuctl_root *root, const struct cpuctl_plan *plan,
                     struct cpuctl_error *error)
{
    static const char *const outcomes[] = { "done", "already", "refused", "skipped" };
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *change = NULL;
    const struct cpuctl_result *result;
    int r = cpuctl_change_new(root, plan, &change, error);

    if (r < 0)
        return r;
    while ((r = cpuctl_change_step(change, &result)) > 0) {
        printf("%u %s %s code=%d usec=%s\n", result->cpu, result->online ? "online" : "offline",
               outcomes[result->outcome], -result->code, result->duration_usec ? "some" : "0");
        if (result->reason)
            printf("reason: %s\n", result->reason);
        if (result->help)
            printf("help: %s\n", result->help);
        if (result->kernel_log)
            printf("log: %s\n", result->kernel_log);
    }
    return r;
}

static int watch(struct cpuctl_root *root, struct cpuctl_error *error)
{
    static const char *const types[] = { "added", "removed", "onlined", "offlined", "lost" };
    _cleanup_(cpuctl_monitor_freep) struct cpuctl_monitor *monitor = NULL;
    int r = cpuctl_monitor_new(root, &monitor, error);

    if (r < 0)
        return r;
    puts("ready");
    for (;;) {
        struct pollfd ready = { .fd = cpuctl_monitor_fd(monitor), .events = POLLIN };
        struct cpuctl_event event;

        fflush(stdout);
        if (poll(&ready, 1, -1) < 0 && errno != EINTR)
            return -errno;
        while ((r = cpuctl_monitor_next(monitor, &event)) > 0)
            printf("%s %u%s\n", types[event.type], event.cpu, event.hot ? " hot" : "");
        if (r < 0)
            return r;
    }
}

static int tell_hot(struct cpuctl_root *root, const struct cpuctl_set *set,
                    struct cpuctl_error *error)
{
    _cleanup_(cpuctl_monitor_freep) struct cpuctl_monitor *monitor = NULL;
    int r = cpuctl_monitor_new(root, &monitor, error);

    if (r < 0)
        return r;
    cpuctl_set_foreach (cpu, set)
        printf("%d %s\n", cpu, cpuctl_monitor_is_hot(monitor, (unsigned int)cpu) ? "hot" : "cold");
    return 0;
}

static int run(const char *command, const char *argument, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    int r = cpuctl_root_open(NULL, &root, error);

    if (r == 0 && strcmp(command, "watch") == 0)
        return watch(root, error);
    if (r == 0)
        r = cpuctl_set_parse_list(argument, 0, &set, error);
    if (r < 0)
        return r;
    if (strcmp(command, "hot") == 0)
        return tell_hot(root, set, error);
    if (strcmp(command, "count") == 0)
        r = cpuctl_plan_count(root, (unsigned int)atoi(argument), 0, &plan, error);
    else
        r = cpuctl_plan_change(root, set, strcmp(command, "online") == 0, 0, &plan, error);
    return r < 0 ? r : carry_out(root, plan, error);
}

int main(int argc, char **argv)
{
    struct cpuctl_error error = { 0 };
    int r = argc < 2 ? -EINVAL : run(argv[1], argc > 2 ? argv[2] : "", &error);

    if (r < 0)
        printf("error: %s\n", error.text[0] ? error.text : strerrordesc_np(-r));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
