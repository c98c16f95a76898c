/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading thousands of files below one directory of a root: by paths relative to it, and without a
 * system call of its own to close each.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "root-open.h"
#include "root.h"

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define FLAGS   (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

int root_dir_open(struct cpuctl_root *root, const char *path, struct root_dir *ret_dir)
{
    int fd = root_open(root, path, O_PATH | O_DIRECTORY, 0);

    if (fd < 0)
        return fd;
    *ret_dir = (struct root_dir){ .root = root, .path = path, .fd = fd };
    return 0;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Closes @first … @last, all of which are ours. */
static void close_run(int first, int last)
{
#ifdef SYS_close_range
    if (last > first && syscall(SYS_close_range, first, last, 0) == 0)
        return;
#endif
    for (int fd = first; fd <= last; fd++)
        close(fd);
}

/*
 * Only runs of descriptors that are all in our list are closed at once: what another thread opened
 * in between ends a run, and nobody can be given a number of ours before it is closed.
 */
static void close_pending(struct root_dir *dir)
{
    unsigned int first = 0;

    if (dir->n_pending == 0)
        return;
    qsort(dir->pending, dir->n_pending, sizeof(dir->pending[0]), compare);
    for (unsigned int i = 1; i <= dir->n_pending; i++)
        if (i == dir->n_pending || dir->pending[i] != dir->pending[i - 1] + 1) {
            close_run(dir->pending[first], dir->pending[i - 1]);
            first = i;
        }
    dir->n_pending = 0;
}

void root_dir_close(struct root_dir *dir)
{
    if (!dir->root)
        return;
    close_pending(dir);
    close(dir->fd);
    dir->root = NULL;
}

static int open_beneath(struct root_dir *dir, const char *name)
{
    int fd = open_resolved(dir->fd, name, FLAGS, 0, BENEATH);

    if (fd == -EMFILE && dir->n_pending > 0) {
        close_pending(dir);
        fd = open_resolved(dir->fd, name, FLAGS, 0, BENEATH);
    }
    return fd;
}

ssize_t root_dir_read(struct root_dir *dir, const char *name, char *buffer, size_t size)
{
    char path[ROOT_PATH_MAX];
    int fd;

    if (!dir->root->no_openat2) {
        fd = open_beneath(dir, name);
        if (fd == -ENOENT || fd == -ENOTDIR)
            return fd;
        if (fd >= 0) {
            ssize_t n = root_read_fd(fd, buffer, size);

            dir->pending[dir->n_pending++] = fd;
            if (dir->n_pending == ROOT_DIR_PENDING)
                close_pending(dir);
            return n;
        }
    }
    /* A link on the way, no openat2(2), or a real error: the long way finds out. */
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir->path, name) >= sizeof(path))
        return -ENAMETOOLONG;
    return root_read_value(dir->root, path, buffer, size);
}
