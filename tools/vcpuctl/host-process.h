/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VMM's process as the host's /proc shows it. */
#ifndef VCPUCTL_HOST_PROCESS_H
#define VCPUCTL_HOST_PROCESS_H

#include <sys/types.h>

/** CPU time used by all threads of @pid, seconds. Returns 0 or a negative errno. */
int process_cpu_time(pid_t pid, double *ret_seconds);

/**
 * A pidfd of @pid if that process has @path open: a number that was used again can't be mistaken
 * for the VMM. Returns the descriptor, -ESRCH (it isn't that process), or another negative errno.
 */
int process_open(pid_t pid, const char *path);
/** Waits for its end. Returns 0, -ETIMEDOUT or another negative errno. */
int process_wait(int pidfd, int timeout_ms);
/** Sends it a signal. Returns 0 or a negative errno; that it has ended is no error. */
int process_signal(int pidfd, int number);

#endif
