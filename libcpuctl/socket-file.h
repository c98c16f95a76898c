/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of a unix socket that a program listens on. */
#ifndef CPUCTL_SOCKET_FILE_H
#define CPUCTL_SOCKET_FILE_H

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/** Which file it is. It keeps its number while its socket is open, also when it is removed. */
struct socket_file {
    dev_t device;
    ino_t inode;
};

/** The file that bind(2) has just made at @path. Returns 0 or what lstat(2) returned. */
static inline int socket_file_get(const char *path, struct socket_file *ret_file)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return -errno;
    *ret_file = (struct socket_file){ .device = st.st_dev, .inode = st.st_ino };
    return 0;
}

/**
 * Removes @file, if it is still what is at @path: another program may have put its socket there.
 * To be called before the socket is closed, as a path where nobody answers may be another's at
 * once.
 */
static inline void socket_file_remove(const char *path, const struct socket_file *file)
{
    struct stat st;

    if (lstat(path, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode)
        (void)unlink(path);
}

#endif
