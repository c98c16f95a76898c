/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state reader's inside, for its unit test. */
#ifndef CPUCTL_INTERNAL_STATE_H
#define CPUCTL_INTERNAL_STATE_H

#include "cleanup.h"
#include "cpuctl.h"

/** How often the masks are read before we say that they keep changing. */
#define STATE_TRIES 8

DEFINE_CLEANUP(struct cpuctl_state *, cpuctl_state_free);

/**
 * cpuctl_state_read(). @meanwhile (may be NULL) is called when the masks were read, before the
 * second look at the present and the online one: a test lets a CPU come or go there.
 */
int state_read(struct cpuctl_root *root, void (*meanwhile)(void *userdata), void *userdata,
               struct cpuctl_state **ret_state, struct cpuctl_error *error);

/** Reads the online CPUs alone, with the same stand-ins for missing files. */
int state_read_online(struct cpuctl_root *root, struct cpuctl_set **ret_set,
                      struct cpuctl_error *error);

#endif
