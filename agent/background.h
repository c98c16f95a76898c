/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Going into the background, and the pid file. */
#ifndef AGENT_BACKGROUND_H
#define AGENT_BACKGROUND_H

struct cpuctl_error;

/**
 * Detaches from the terminal and the starting process, which exits with 0. Returns 0 in the new
 * process, or a negative errno in the old one.
 */
int background_enter(struct cpuctl_error *error);
/**
 * Writes the process number to @path and locks the file, so that a second agent with the same file
 * is refused. Returns a file descriptor to keep open, -EBUSY or another negative errno.
 */
int background_write_pid(const char *path, struct cpuctl_error *error);

#endif
