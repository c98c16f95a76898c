/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files make up a recorded machine, and walking them. */
#ifndef CPUCTL_RECORD_H
#define CPUCTL_RECORD_H

#include "tools/tool.h"

/** Takes a file: @path relative to the root. Returns 0 or a negative errno, which ends the walk. */
typedef int (*record_fn)(const char *path, void *userdata);

/**
 * Calls @each for every file below @root that a recorded machine has, in a fixed order. Returns 0,
 * what @each returned, -ENOMEM, or a negative errno with @error filled.
 */
int record_walk(struct cpuctl_root *root, record_fn each, void *userdata,
                struct cpuctl_error *error);

#endif
