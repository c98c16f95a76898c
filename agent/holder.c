/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks for a device's holder in the file descriptors of all processes (proc(5), /proc/PID/fd). */
#include "agent/holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "libcpuctl/cleanup.h"

static void closedirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* Whether the process whose directory below /proc is open as @process has @device open. */
static bool holds(int process, dev_t device)
{
    _cleanup_(closedirp) DIR *dir = NULL;
    int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;

    if (fd < 0)
        return false;
    dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return false;
    }
    while ((entry = readdir(dir))) {
        char target[8];
        struct stat st;

        /* Not every file: stat() of one on a dead network file system would not return. */
        if (readlinkat(fd, entry->d_name, target, sizeof(target)) < 5 ||
            memcmp(target, "/dev/", 5) != 0)
            continue;
        if (fstatat(fd, entry->d_name, &st, 0) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device)
            return true;
    }
    return false;
}

static void name_of(int process, const char *number, char *out, size_t size)
{
    _cleanup_close_ int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
    char comm[32], name[64];
    ssize_t n = fd < 0 ? 0 : read(fd, comm, sizeof(comm));

    if (n > 0 && comm[n - 1] == '\n')
        n--;
    log_escape(name, sizeof(name), comm, n > 0 ? (size_t)n : 0);
    snprintf(out, size, "%s (process %.16s)", name, number);
}

void holder_describe(const char *path, char *out, size_t size)
{
    _cleanup_(closedirp) DIR *proc = opendir("/proc");
    struct dirent *entry;
    struct stat st;

    snprintf(out, size, "an unknown process");
    if (!proc || stat(path, &st) < 0)
        return;
    while ((entry = readdir(proc))) {
        _cleanup_close_ int process = -1;

        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
            strtol(entry->d_name, NULL, 10) == getpid())
            continue;
        process = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (process >= 0 && holds(process, st.st_rdev)) {
            name_of(process, entry->d_name, out, size);
            return;
        }
    }
}
