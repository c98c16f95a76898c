/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of this host. */
#include "host-thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

/* Linux's own bound, NR_CPUS, on x86-64 with MAXSMP. */
#define CPUS_MAX 8192

static int fail(struct cpuctl_error *error, int r, const char *what, pid_t thread)
{
    if (r == -ENOENT)
        r = -ESRCH;
    return cpuctl_error_set(error, r, "cannot %s of thread %d: %s", what, (int)thread,
                            strerror(-r));
}

static int read_file(const char *path, char *text, size_t size)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = read(fd, text, size - 1);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return 0;
}

pid_t host_thread_process(pid_t thread, struct cpuctl_error *error)
{
    char path[64], text[4096];
    const char *p;
    int r, process;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
    r = read_file(path, text, sizeof(text));
    if (r < 0)
        return fail(error, r, "find the process", thread);
    p = strstr(text, "\nTgid:");
    if (!p || sscanf(p, " Tgid: %d", &process) != 1)
        return fail(error, -EIO, "find the process", thread);
    return process;
}

int host_thread_read(pid_t thread, struct host_thread *ret_thread, struct cpuctl_error *error)
{
    char path[64], text[1024];
    unsigned long user, system;
    pid_t process = host_thread_process(thread, error);
    const char *p;
    char state;
    int cpu, r;

    if (process < 0)
        return process;
    /* /proc/THREAD/stat has the times of the whole process */
    snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)process, (int)thread);
    r = read_file(path, text, sizeof(text));
    if (r < 0)
        return fail(error, r, "read the state", thread);
    /* proc(5): the name, field 2, may hold anything but ends with the last parenthesis; then 3
     * state, 14 utime, 15 stime, 39 processor */
    p = strrchr(text, ')');
    if (!p ||
        sscanf(p + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu %*s %*s %*s %*s %*s %*s %*s "
               "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d",
               &state, &user, &system, &cpu) != 4)
        return fail(error, -EIO, "read the state", thread);
    ret_thread->cpu = cpu;
    ret_thread->state = state;
    ret_thread->time_ms = (uint64_t)(user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
    return 0;
}

int host_thread_affinity(pid_t thread, struct cpuctl_set **ret_set, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
    size_t size = CPU_ALLOC_SIZE(CPUS_MAX);
    _cleanup_free_ cpu_set_t *mask = calloc(1, size);
    int r = 0;

    if (!set || !mask)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    if (sched_getaffinity(thread, size, mask) < 0)
        return fail(error, -errno, "get the affinity", thread);
    for (unsigned int cpu = 0; r == 0 && cpu < CPUS_MAX; cpu++)
        if (CPU_ISSET_S(cpu, size, mask))
            r = cpuctl_set_add(set, cpu);
    if (r < 0)
        return cpuctl_error_set(error, r, "out of memory");
    *ret_set = TAKE_PTR(set);
    return 0;
}

int host_thread_pin(pid_t thread, const struct cpuctl_set *set, struct cpuctl_error *error)
{
    size_t size = CPU_ALLOC_SIZE(CPUS_MAX);
    _cleanup_free_ cpu_set_t *mask = calloc(1, size);

    if (!mask)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    cpuctl_set_foreach (cpu, set) {
        if (cpu < CPUS_MAX)
            CPU_SET_S((size_t)cpu, size, mask);
    }
    if (sched_setaffinity(thread, size, mask) < 0)
        return fail(error, -errno, "set the affinity", thread);
    return 0;
}

static void closedirp(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

int host_process_pin(pid_t process, const pid_t *except, unsigned int n_except,
                     const struct cpuctl_set *set, struct cpuctl_error *error)
{
    _cleanup_(closedirp) DIR *folder = NULL;
    const struct dirent *entry;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
    folder = opendir(path);
    if (!folder)
        return fail(error, -errno, "list the threads", process);
    while ((entry = readdir(folder))) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        bool left_out = thread <= 0;
        int r;

        for (unsigned int i = 0; i < n_except; i++)
            left_out = left_out || except[i] == thread;
        r = left_out ? 0 : host_thread_pin(thread, set, error);
        if (r < 0 && r != -ESRCH) /* one that ended meanwhile */
            return r;
    }
    return 0;
}
