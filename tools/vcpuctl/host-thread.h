/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of this host, as /proc and the scheduler show them: those that carry vCPUs. */
#ifndef VCPUCTL_HOST_THREAD_H
#define VCPUCTL_HOST_THREAD_H

#include <stdint.h>
#include <sys/types.h>

struct cpuctl_error;
struct cpuctl_set;

struct host_thread {
    int cpu;          /**< on which it ran last */
    uint64_t time_ms; /**< CPU time, user's and system's */
    char state;       /**< R, S, D … as proc(5) has it */
};

/** Reads the thread's line in /proc. Returns 0, -ESRCH (there is no such thread) or another errno.
 */
int host_thread_read(pid_t thread, struct host_thread *ret_thread, struct cpuctl_error *error);
/** The process that @thread is of. Returns its ID, -ESRCH or another negative errno. */
pid_t host_thread_process(pid_t thread, struct cpuctl_error *error);
/** Where @thread may run. Returns 0, -ESRCH, -ENOMEM …. */
int host_thread_affinity(pid_t thread, struct cpuctl_set **ret_set, struct cpuctl_error *error);
/** Lets @thread run on @set only. Returns 0, -ESRCH, -EPERM, or -EINVAL: no CPU of it is online. */
int host_thread_pin(pid_t thread, const struct cpuctl_set *set, struct cpuctl_error *error);
/**
 * Pins all threads of @process but those of @except, an array of @n_except IDs. Returns 0 or the
 * first negative errno.
 */
int host_process_pin(pid_t process, const pid_t *except, unsigned int n_except,
                     const struct cpuctl_set *set, struct cpuctl_error *error);

#endif
