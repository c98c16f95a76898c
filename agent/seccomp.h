/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The system calls that the agent leaves itself. */
#ifndef AGENT_SECCOMP_H
#define AGENT_SECCOMP_H

struct cpuctl_error;

/**
 * Closes all system calls but those of the agent's work, for the rest of the process. What starts
 * programs or changes the kernel kills the process; every other call that is not on the list fails
 * with ENOSYS. Returns 0, or a negative errno (-EINVAL: the kernel has no seccomp filter).
 */
int seccomp_close(struct cpuctl_error *error);

#endif
