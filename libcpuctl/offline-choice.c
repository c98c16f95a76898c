/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's offline choice: reading its file, and replacing it as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "cpuset.h"
#include "error.h"
#include "root.h"

#define NEW_SUFFIX ".new"

int cpuctl_offline_choice_read(struct cpuctl_root *root, const char *path,
                               struct cpuctl_set **ret_set, struct cpuctl_error *error)
{
    const char *file = path ? path : CPUCTL_OFFLINE_CHOICE_PATH;
    int r = root_read_mask(root, file, true, ret_set, error);

    if (r != -ENOENT && r != -ENOTDIR)
        return r;
    *ret_set = cpuctl_set_new();
    return *ret_set ? 0 : error_set(error, -ENOMEM, "out of memory for a CPU set");
}

/* Where the file is: its directory's path, and its name in it. */
struct place {
    char directory[ROOT_PATH_MAX];
    const char *name;
};

static int find_place(const char *path, struct place *ret_place)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;

    if (length >= sizeof(ret_place->directory) || strlen(path) > ROOT_PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(ret_place->directory, path, length);
    ret_place->directory[length] = '\0';
    if (!slash)
        strcpy(ret_place->directory, ".");
    ret_place->name = slash ? slash + 1 : path;
    return *ret_place->name ? 0 : -EISDIR;
}

/* Opens the directory; makes it, and the ones above it, when they are missing. */
static int open_directory(struct cpuctl_root *root, const char *directory)
{
    char parent[ROOT_PATH_MAX];
    char *slash;
    _cleanup_close_ int above = -1;
    int fd = root_open(root, directory, O_RDONLY | O_DIRECTORY, 0);

    if (fd != -ENOENT)
        return fd;
    memcpy(parent, directory, strlen(directory) + 1);
    slash = strrchr(parent, '/');
    if (slash)
        *slash = '\0';
    above = slash ? open_directory(root, parent) : root_open(root, ".", O_RDONLY | O_DIRECTORY, 0);
    if (above < 0)
        return above;
    if (mkdirat(above, slash ? slash + 1 : parent, 0755) < 0 && errno != EEXIST)
        return -errno;
    return root_open(root, directory, O_RDONLY | O_DIRECTORY, 0);
}

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        size -= (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* Puts @set in the place of the file, so that a crash leaves the old or the new one. */
static int replace(int directory, const char *name, const struct cpuctl_set *set)
{
    _cleanup_free_ char *list = cpuctl_set_format_list(set);
    char beside[ROOT_PATH_MAX + sizeof(NEW_SUFFIX)];
    _cleanup_close_ int fd = -1;
    size_t length;
    int r;

    if (!list)
        return -ENOMEM;
    length = strlen(list);
    snprintf(beside, sizeof(beside), "%s" NEW_SUFFIX, name);
    /* Left over from a crash: whoever holds the directory's lock is alone here. */
    if (unlinkat(directory, beside, 0) < 0 && errno != ENOENT)
        return -errno;
    fd = openat(directory, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    /* The terminating NUL becomes the newline. */
    list[length] = '\n';
    r = write_all(fd, list, length + 1);
    if (r >= 0 && renameat(directory, beside, directory, name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(directory, beside, 0);
        return r;
    }
    return fsync(directory) < 0 ? -errno : 0;
}

int cpuctl_offline_choice_change(struct cpuctl_root *root, const char *path,
                                 const struct cpuctl_set *add, const struct cpuctl_set *remove,
                                 struct cpuctl_error *error)
{
    const char *file = path ? path : CPUCTL_OFFLINE_CHOICE_PATH;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *before = NULL;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *after = NULL;
    _cleanup_close_ int directory = -1;
    struct place place;
    int r;

    if (!root->writable)
        return root_error(root, error, -EROFS, file, "a recorded tree can not be changed");
    r = find_place(file, &place);
    if (r < 0)
        return root_error(root, error, r, file, "can not be written");
    directory = open_directory(root, place.directory);
    if (directory < 0)
        return root_error(root, error, directory, place.directory, "can not be opened");
    /* Held until the directory is closed. */
    while (flock(directory, LOCK_EX) < 0)
        if (errno != EINTR)
            return root_error(root, error, -errno, place.directory, "can not be locked");

    r = cpuctl_offline_choice_read(root, file, &before, error);
    if (r < 0)
        return r;
    after = cpuctl_set_dup(before);
    if (!after || (add && cpuctl_set_or(after, add) < 0))
        return error_set(error, -ENOMEM, "out of memory for a CPU set");
    if (remove)
        cpuctl_set_andnot(after, remove);
    if (cpuctl_set_equal(before, after))
        return 0;
    r = replace(directory, place.name, after);
    return r < 0 ? root_error(root, error, r, file, "can not be written") : 1;
}
