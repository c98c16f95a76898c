/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One change of one CPU, with policy and audit: the way every change in the agent goes. */
#ifndef AGENT_APPLY_H
#define AGENT_APPLY_H

#include <stdbool.h>

#include "libcpuctl/cpuctl.h"

struct agent;

/** What became of it. Ends with applied_done(). */
struct applied {
    struct cpuctl_result result;  /**< its texts live as long as this */
    struct cpuctl_change *change; /**< owns them, or NULL */
    struct cpuctl_error error;    /**< owns the policy's reason */
};

/**
 * Sees to it that @cpu is online or offline, and records the outcome. @requester: REQUESTER_HOST,
 * to which the policy's limits apply, or REQUESTER_HOTPLUG. A refusal is an outcome, not a failure.
 * Returns 0, or a negative errno (the state can't be read, out of memory) with @ret's error filled.
 */
int apply_cpu(struct agent *agent, unsigned int cpu, bool online, const char *requester,
              struct applied *ret);
void applied_done(struct applied *applied);

#endif
