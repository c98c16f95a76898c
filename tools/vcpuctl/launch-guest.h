/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first moments of a VMM: its monitor is asked for the threads, which are pinned. */
#ifndef VCPUCTL_LAUNCH_GUEST_H
#define VCPUCTL_LAUNCH_GUEST_H

#include <stdbool.h>

struct cpuctl_error;
struct domain;

/**
 * Connects to the control socket of a VMM that waits to be told to run, pins the vCPUs' threads as
 * domain->live says, and lets the guest run. Returns 0, -ENOENT or -ECONNREFUSED
 * (the socket isn't there yet), or another negative errno.
 */
int launch_guest(const struct domain *domain, struct cpuctl_error *error);

#endif
