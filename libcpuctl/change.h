/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Beginning a change with a write of one's own; for the tests. */
#ifndef CPUCTL_INTERNAL_CHANGE_H
#define CPUCTL_INTERNAL_CHANGE_H

#include "cleanup.h"
#include "cpuctl.h"

DEFINE_CLEANUP(struct cpuctl_change *, cpuctl_change_free);

/** Writes "1" or "0" to cpuN/online. Returns 0 or a negative errno. */
typedef int (*change_write_fn)(struct cpuctl_root *root, unsigned int cpu, bool online,
                               void *userdata);

/**
 * cpuctl_change_new() for any root, with @write in place of the real one: for faults that can't be
 * provoked.
 */
int change_new_with_write(struct cpuctl_root *root, const struct cpuctl_plan *plan,
                          change_write_fn write, void *userdata, struct cpuctl_change **ret_change,
                          struct cpuctl_error *error);

#endif
