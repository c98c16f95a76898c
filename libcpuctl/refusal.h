/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be found out about a refusal, and the sentences that come of it. */
#ifndef CPUCTL_INTERNAL_REFUSAL_H
#define CPUCTL_INTERNAL_REFUSAL_H

#include <stdbool.h>

struct cpuctl_root;

/**
 * Says why @cpu could not be brought @online or taken offline. @code: negative errno; @facts: of
 * enum reason_fact, those that are known already; others that matter for @code are looked up. The
 * caller frees both strings; @ret_help may become NULL. Returns 0 or -ENOMEM.
 */
int refusal_explain(struct cpuctl_root *root, unsigned int cpu, int code, bool online,
                    unsigned int facts, char **ret_reason, char **ret_help);

/**
 * Names the SCHED_DEADLINE tasks of the system, a few of them ("name (PID 123), … and 2 more").
 * Returns 1, 0 (there are none, or /proc can't be read: @ret_names is untouched) or -ENOMEM. The
 * caller frees the text.
 */
int deadline_tasks(struct cpuctl_root *root, char **ret_names);

#endif
