/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which core, node and socket each present CPU is in, also the offline ones, as far as can be
 * known.
 */
#ifndef CPUCTL_INTERNAL_LAYOUT_H
#define CPUCTL_INTERNAL_LAYOUT_H

#include "choice.h"
#include "cpuctl.h"

/**
 * Fills a table for choice_offline() with the CPUs that are present in @state, by rising number;
 * the ranks are CHOICE_FREE. The caller frees it. Returns 0, -EBADMSG, -ENOMEM ….
 */
int layout_read(struct cpuctl_root *root, const struct cpuctl_state *state,
                struct choice_cpu **ret_cpus, size_t *ret_n_cpus, struct cpuctl_error *error);

#endif
