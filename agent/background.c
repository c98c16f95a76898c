/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Going into the background, and the pid file. */
#include "agent/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

int background_enter(struct cpuctl_error *error)
{
    /* Standard error becomes /dev/null: without a log file or a journal nothing is logged. */
    if (daemon(0, 0) < 0)
        return cpuctl_error_set(error, -errno, "going into the background: %s", strerror(errno));
    return 0;
}

int background_write_pid(const char *path, struct cpuctl_error *error)
{
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    char text[24];
    int length;

    if (fd < 0)
        return cpuctl_error_set(error, -errno, "pidfile %s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? cpuctl_error_set(error, -EBUSY, "pidfile %s: another agent runs with it", path)
                   : cpuctl_error_set(error, -errno, "pidfile %s: %s", path, strerror(errno));
    length = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || write(fd, text, (size_t)length) != length)
        return cpuctl_error_set(error, -EIO, "pidfile %s: %s", path, strerror(errno));
    return take_fd(&fd);
}
