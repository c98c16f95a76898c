/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first thing that a program does about its standard descriptors. */
#ifndef CPUCTL_STANDARD_FDS_H
#define CPUCTL_STANDARD_FDS_H

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

/**
 * Occupies descriptors 0 to 2 where the caller closed them, so that no file opened later becomes
 * "standard output". They are opened the wrong way round: use of them fails as if they were closed.
 * Returns false if that can not be done.
 */
static inline bool guard_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

#endif
