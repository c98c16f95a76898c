/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening paths confined to a directory: by openat2(2), and component by component without it. */
#include "root-open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cleanup.h"

#define LINKS_MAX 40 /* MAXSYMLINKS in the kernel's include/linux/namei.h */
#define DEPTH_MAX 64 /* deeper than any path of proc or sys */

int open_resolved(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned int)flags,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = resolve,
    };
    long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

/*
 * The directories from the root (not among them) to where the walk stands. ".." goes back to the
 * descriptor that the walk came from, never through the file system's own "..", so that a directory
 * that is moved meanwhile does not lead out.
 */
struct walk {
    int root_fd;
    int fds[DEPTH_MAX];
    unsigned int depth;
    unsigned int links;
    char rest[PATH_MAX]; /* what is still to be walked */
};

static int walk_fd(const struct walk *walk)
{
    return walk->depth > 0 ? walk->fds[walk->depth - 1] : walk->root_fd;
}

static void walk_back(struct walk *walk, unsigned int depth)
{
    while (walk->depth > depth)
        close(walk->fds[--walk->depth]);
}

static void walk_end(struct walk *walk)
{
    walk_back(walk, 0);
}

/* Cuts the first component off the rest; an empty one when nothing is left. */
static int next_component(struct walk *walk, char component[static NAME_MAX + 1], bool *ret_is_last)
{
    const char *start = walk->rest + strspn(walk->rest, "/");
    size_t length = strcspn(start, "/");
    const char *after = start + length;

    if (length > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(component, start, length);
    component[length] = '\0';
    *ret_is_last = after[strspn(after, "/")] == '\0';
    memmove(walk->rest, after, strlen(after) + 1);
    return 0;
}

/* Puts the target of the symbolic link @fd before the rest. */
static int follow(struct walk *walk, int fd)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(fd, "", target, sizeof(target));
    size_t rest = strlen(walk->rest);

    if (length < 0)
        return -errno;
    if (++walk->links > LINKS_MAX)
        return -ELOOP;
    if (length == 0)
        return -ENOENT;
    if ((size_t)length + 1 + rest + 1 > sizeof(walk->rest))
        return -ENAMETOOLONG;
    memmove(walk->rest + length + 1, walk->rest, rest + 1);
    memcpy(walk->rest, target, (size_t)length);
    walk->rest[length] = '/';
    /* "link" and "link/" differ only where the target is no directory: drop our own slash. */
    if (rest == 0)
        walk->rest[length] = '\0';
    if (target[0] == '/')
        walk_back(walk, 0);
    return 0;
}

static bool is_name(const char *component)
{
    return component[0] != '\0' && strcmp(component, ".") != 0 && strcmp(component, "..") != 0;
}

/* Makes one step into the directory @component, or puts the target of the link of that name before
 * the rest. */
static int step(struct walk *walk, const char *component)
{
    _cleanup_close_ int fd = -1;
    struct stat st;

    if (!is_name(component)) {
        if (strcmp(component, "..") == 0 && walk->depth > 0)
            walk_back(walk, walk->depth - 1);
        return 0;
    }
    if (walk->depth >= DEPTH_MAX)
        return -ENAMETOOLONG;
    fd = openat(walk_fd(walk), component, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (S_ISLNK(st.st_mode))
        return follow(walk, fd);
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    walk->fds[walk->depth++] = take_fd(&fd);
    return 0;
}

/* The walk stands in the parent directory and @component is the last one: opens it. A link's target
 * is put before the rest instead, and *ret_followed set. */
static int open_last(struct walk *walk, const char *component, int flags, mode_t mode,
                     bool *ret_followed)
{
    struct stat st;
    int r, fd;

    if (!is_name(component)) {
        r = step(walk, component);
        if (r < 0)
            return r;
        component = ".";
    } else if ((flags & (O_NOFOLLOW | O_EXCL)) == 0 &&
               fstatat(walk_fd(walk), component, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISLNK(st.st_mode)) {
        *ret_followed = true;
        return step(walk, component);
    }
    /* O_NOFOLLOW: it may have become a link since we looked, and then is refused. */
    fd = openat(walk_fd(walk), component, flags | O_NOFOLLOW, mode);
    return fd < 0 ? -errno : fd;
}

int open_walking(int root_fd, const char *path, int flags, mode_t mode)
{
    _cleanup_(walk_end) struct walk walk = { .root_fd = root_fd };
    size_t length = strlen(path);

    if (length >= sizeof(walk.rest))
        return -ENAMETOOLONG;
    memcpy(walk.rest, path, length + 1);

    for (;;) {
        char component[NAME_MAX + 1];
        bool is_last, followed = false;
        int r;

        r = next_component(&walk, component, &is_last);
        if (r < 0)
            return r;
        if (!is_last) {
            r = step(&walk, component);
            if (r < 0)
                return r;
            continue;
        }
        r = open_last(&walk, component, walk.rest[0] == '/' ? flags | O_DIRECTORY : flags, mode,
                      &followed);
        if (r < 0 || !followed)
            return r;
    }
}
