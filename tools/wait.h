/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for CPUs that are about to be hot-added. */
#ifndef CPUCTL_WAIT_H
#define CPUCTL_WAIT_H

#include "tools/tool.h"

/** What has to be there. */
struct wait_for {
    const struct cpuctl_set *cpus; /**< these CPUs, or NULL */
    unsigned int count;            /**< at least so many CPUs; 0: any number */
};

/**
 * Waits until the CPUs are present, woken by hotplug events, @seconds at the longest. Returns 1
 * (they are), 0 (time is up), -EINTR (interrupted) or a negative errno after a message.
 */
int wait_for_present(const struct tool *tool, const struct wait_for *wanted, unsigned int seconds);

#endif
