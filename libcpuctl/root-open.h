/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening paths confined to a directory; the root context's lower half. */
#ifndef CPUCTL_INTERNAL_ROOT_OPEN_H
#define CPUCTL_INTERNAL_ROOT_OPEN_H

#include <stdint.h>
#include <sys/types.h>

/**
 * openat2(2) with @resolve. Returns a file descriptor or a negative errno; -ENOSYS or -EPERM when
 * the kernel (before 5.6) or a seccomp filter has no such call.
 */
int open_resolved(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve);

/**
 * What openat2(2) does with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS, without it: opens @path
 * component by component with @root_fd as its "/". Returns a file descriptor or a negative errno.
 */
int open_walking(int root_fd, const char *path, int flags, mode_t mode);

#endif
