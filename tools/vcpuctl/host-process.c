/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VMM's process as the host's /proc shows it. */
#include "host-process.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"
#include "libcpuctl/cleanup.h"

int process_cpu_time(pid_t pid, double *ret_seconds)
{
    _cleanup_free_ char *text = NULL;
    unsigned long long user, system;
    char path[32];
    const char *rest;
    int r;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    r = file_read(path, 4096, &text, NULL, NULL);
    if (r < 0)
        return r;
    /* The name, in parentheses, may contain anything; fields 14 and 15 are counted from 3 here
     * (proc_pid_stat(5)). */
    rest = strrchr(text, ')');
    if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                        &system) != 2)
        return -EBADMSG;
    *ret_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    return 0;
}

static int has_open(pid_t pid, const struct stat *wanted)
{
    char path[64];
    DIR *folder;
    int found = -ESRCH;

    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    folder = opendir(path);
    if (!folder)
        return errno == ENOENT ? -ESRCH : -errno;
    for (struct dirent *entry = readdir(folder); entry && found < 0; entry = readdir(folder)) {
        struct stat st;

        if (fstatat(dirfd(folder), entry->d_name, &st, 0) == 0 && st.st_dev == wanted->st_dev &&
            st.st_ino == wanted->st_ino)
            found = 0;
    }
    closedir(folder);
    return found;
}

int process_open(pid_t pid, const char *path)
{
    _cleanup_close_ int fd = -1;
    struct stat wanted;
    int r;

    if (pid <= 0)
        return -ESRCH;
    if (stat(path, &wanted) < 0)
        return -errno;
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return -errno;
    /* Asked after the pidfd exists: if it has the file, the pidfd is of the process that has it. */
    r = has_open(pid, &wanted);
    return r < 0 ? r : take_fd(&fd);
}

int process_wait(int pidfd, int timeout_ms)
{
    struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
    int r = poll(&poll_fd, 1, timeout_ms);

    if (r < 0)
        return -errno;
    return r > 0 ? 0 : -ETIMEDOUT;
}

int process_signal(int pidfd, int number)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) == 0 || errno == ESRCH)
        return 0;
    return -errno;
}
