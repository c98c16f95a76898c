/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A transient systemd scope for a VMM, so that it doesn't end with the operator's session. */
#ifndef VCPUCTL_SCOPE_H
#define VCPUCTL_SCOPE_H

#include <sys/types.h>

struct cpuctl_error;

/**
 * Moves @pid into a scope of its own, "vcpuctl-ID-NAME.scope" in machine.slice; where systemd
 * doesn't run, there is nothing to do. Returns 0 or a negative errno with a sentence.
 */
int scope_make(const char *name, int id, pid_t pid, struct cpuctl_error *error);

#endif
