/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hot-added CPUs: the monitor in the loop, the sweep at start, the operator's choice. */
#ifndef AGENT_HOTPLUG_H
#define AGENT_HOTPLUG_H

#include <stdbool.h>

struct agent;
struct cpuctl_error;

/**
 * Begins to watch the CPUs, and then looks for hot-added ones that are offline. Does nothing on a
 * recorded tree. Returns 0 or a negative errno.
 */
int hotplug_start(struct agent *agent, struct cpuctl_error *error);

/** Reads the events that have come, so that the CPUs of before are known. */
void hotplug_catch_up(struct agent *agent);

/** The host had @cpu brought online or taken offline, or wants a set without it: so it is not
 * for us to undo that. */
void hotplug_host_wants(struct agent *agent, unsigned int cpu, bool online);

#endif
