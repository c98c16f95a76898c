/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every change of a CPU leaves a record: in the log, with fields for journalctl, and in the ring.
 */
#ifndef AGENT_AUDIT_H
#define AGENT_AUDIT_H

#include "libcpuctl/cpuctl.h"

struct events;

/** Who wanted a change. */
#define REQUESTER_HOST    "host"    /**< a command over the port */
#define REQUESTER_HOTPLUG "hotplug" /**< the hot-add policy */

/**
 * Records the result of one change. The journal's fields are CPU, ACTION (online, offline),
 * DURATION (microseconds), REQUESTER and RESULT (done, refused). What was so already is not
 * recorded.
 */
void audit_change(struct events *events, const char *requester, const struct cpuctl_result *result);

/** The name of an outcome as it stands in RESULT and in replies. */
const char *audit_outcome_name(enum cpuctl_outcome outcome);

#endif
