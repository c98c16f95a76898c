/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for CPUs that are about to be hot-added, by the hotplug monitor. */
#include "tools/wait.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/interrupt.h"

static uint64_t now_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/** How many CPUs of @set have their directory: the kernel's mask has them a moment before. */
static unsigned int count_there(const struct tool *tool, const struct cpuctl_set *set)
{
    unsigned int count = 0;

    cpuctl_set_foreach (cpu, set) {
        count += cpuctl_can_offline(tool->root, (unsigned int)cpu) != -ENODEV;
        /* the file "online" comes a moment after the directory: to be looked for again */
        cpuctl_root_forget_cpu(tool->root, (unsigned int)cpu);
    }
    return count;
}

/** Returns 1 when everything is present, 0 when not yet, or a negative errno after a message. */
static int is_present(const struct tool *tool, const struct wait_for *wanted)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    struct cpuctl_error error = { 0 };
    const struct cpuctl_set *present;
    int r = cpuctl_state_read(tool->root, &state, &error);

    if (r == -EAGAIN) /* in the middle of a hotplug: the next event asks again */
        return 0;
    if (r < 0) {
        tool_error(tool, "%s", error.text);
        return r;
    }
    present = cpuctl_state_get(state, CPUCTL_PRESENT);
    if (wanted->cpus)
        return cpuctl_set_is_subset(wanted->cpus, present) &&
               count_there(tool, wanted->cpus) == cpuctl_set_count(wanted->cpus);
    return count_there(tool, present) >= wanted->count;
}

/** Takes all events that are there. Returns 0 or a negative errno. */
static int drain(struct cpuctl_monitor *monitor)
{
    struct cpuctl_event event;
    int r;

    do
        r = cpuctl_monitor_next(monitor, &event);
    while (r > 0);
    return r;
}

int wait_for_present(const struct tool *tool, const struct wait_for *wanted, unsigned int seconds)
{
    _cleanup_(cpuctl_monitor_freep) struct cpuctl_monitor *monitor = NULL;
    struct cpuctl_error error = { 0 };
    uint64_t deadline = now_usec() + (uint64_t)seconds * 1000000;
    bool shown = false;
    int r = cpuctl_monitor_new(tool->root, &monitor, &error);

    if (r < 0) {
        tool_error(tool, "can't wait for CPUs: %s", error.text);
        return r;
    }
    /* The monitor listens before the first look, so that nothing slips in between. */
    while ((r = is_present(tool, wanted)) == 0) {
        struct pollfd fd = { .fd = cpuctl_monitor_fd(monitor), .events = POLLIN };
        uint64_t now = now_usec();

        if (now >= deadline)
            break;
        if (tool->progress && !shown) {
            fprintf(stderr, "waiting for CPUs to be plugged…");
            shown = true;
        }
        r = interrupt_poll(&fd, 1, deadline - now);
        if (r > 0)
            r = drain(monitor);
        if (r < 0)
            break;
    }
    if (shown)
        fprintf(stderr, "\r\033[K");
    if (r < 0 && r != -EINTR)
        tool_error(tool, "waiting for CPUs: %s", strerror(-r));
    return r;
}
