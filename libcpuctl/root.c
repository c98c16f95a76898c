/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root context: the one door to the file system. */
#include "root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>

#include "cpuset.h"
#include "error.h"
#include "root-open.h"

#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

/* Where we begin to read files of unknown size, and what sysfs gives at most in one read(2)
 * (kernfs_file_read_iter() in fs/kernfs/file.c: a page). */
#define CHUNK 4096

/* openat2(2) says -EAGAIN when a rename or mount happened during a ".." step; how often to retry
 * before walking by ourselves. */
#define RACE_RETRIES 8

int root_error(const struct cpuctl_root *root, struct cpuctl_error *error, int code,
               const char *path, const char *what)
{
    char buffer[128];

    return error_set(error, code, "%s/%s: %s: %s", root->path, path, what,
                     strerror_r(-code, buffer, sizeof(buffer)));
}

int cpuctl_root_open(const char *path, struct cpuctl_root **ret_root, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = calloc(1, sizeof(*root));
    const char *directory = path ? path : "/";
    char buffer[128];
    size_t length;

    if (!root)
        return error_set(error, -ENOMEM, "out of memory for a root context");
    root->fd = -1;
    root->kmsg_fd = -1;
    root->live = directory[0] == '/' && directory[strspn(directory, "/")] == '\0';
    root->writable = root->live;

    root->path = strdup(directory);
    if (!root->path)
        return error_set(error, -ENOMEM, "out of memory for a root context");
    for (length = strlen(directory); length > 0 && directory[length - 1] == '/'; length--)
        root->path[length - 1] = '\0';

    root->fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root->fd < 0) {
        int code = -errno;

        return error_set(error, code, "root directory \"%s\" can not be opened: %s", directory,
                         strerror_r(-code, buffer, sizeof(buffer)));
    }
    *ret_root = TAKE_PTR(root);
    return 0;
}

void cpuctl_root_free(struct cpuctl_root *root)
{
    if (!root)
        return;
    if (root->fd >= 0)
        close(root->fd);
    if (root->kmsg_fd >= 0)
        close(root->kmsg_fd);
    free(root->can_offline);
    free(root->path);
    free(root);
}

bool cpuctl_root_is_live(const struct cpuctl_root *root)
{
    return root->live;
}

void root_allow_writes(struct cpuctl_root *root)
{
    root->writable = true;
}

int root_open(struct cpuctl_root *root, const char *path, int flags, mode_t mode)
{
    bool changes = (flags & O_PATH) == 0 &&
                   ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0);
    int fd, refusal = 0;

    if (changes && !root->writable)
        return -EROFS;
    flags |= O_CLOEXEC;
    if ((flags & O_PATH) == 0)
        flags |= O_NOCTTY;
    if (path[0] == '\0')
        path = ".";

    for (unsigned int i = 0; !root->no_openat2 && i < RACE_RETRIES; i++) {
        fd = open_resolved(root->fd, path, flags, mode, IN_ROOT);
        if (fd == -ENOSYS) {
            root->no_openat2 = true;
            break;
        }
        /* A seccomp filter that does not know the call (Docker before 20.10) says EPERM, but the
         * file may have reasons of its own: see whether walking meets them too. */
        if (fd == -EPERM) {
            refusal = fd;
            break;
        }
        if (fd != -EAGAIN)
            return fd;
    }
    fd = open_walking(root->fd, path, flags, mode);
    if (refusal != 0 && fd != refusal)
        root->no_openat2 = true;
    return fd;
}

int root_exists(struct cpuctl_root *root, const char *path)
{
    int fd = root_open(root, path, O_PATH, 0);

    if (fd == -ENOENT || fd == -ENOTDIR)
        return 0;
    if (fd < 0)
        return fd;
    close(fd);
    return 1;
}

static ssize_t read_once(int fd, char *buffer, size_t size)
{
    ssize_t n;

    do
        n = read(fd, buffer, size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Every read(2) of a sysfs file is full pages until the last: the usual file costs one. */
static ssize_t read_to_end(int fd, char *buffer, size_t size)
{
    size_t length = 0;

    for (;;) {
        ssize_t n = read_once(fd, buffer + length, size - length);

        if (n < 0)
            return n;
        length += (size_t)n;
        if (length >= size)
            return -EFBIG;
        if (n == 0 || n % CHUNK != 0)
            return (ssize_t)length;
    }
}

ssize_t root_read_fd(int fd, char *buffer, size_t size)
{
    ssize_t length = read_to_end(fd, buffer, size);

    if (length > 0 && buffer[length - 1] == '\n')
        length--;
    buffer[length < 0 ? 0 : length] = '\0';
    return length;
}

ssize_t root_read_value(struct cpuctl_root *root, const char *path, char *buffer, size_t size)
{
    _cleanup_close_ int fd = root_open(root, path, O_RDONLY | O_NONBLOCK, 0);

    return fd < 0 ? fd : root_read_fd(fd, buffer, size);
}

int root_read_int(struct cpuctl_root *root, const char *path, int64_t *ret_value)
{
    char text[ROOT_VALUE_MAX], *end;
    ssize_t n = root_read_value(root, path, text, sizeof(text));
    long long value;

    if (n == -EFBIG)
        return -EBADMSG;
    if (n < 0)
        return (int)n;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || end[strspn(end, " \t\n")] != '\0')
        return -EBADMSG;
    *ret_value = value;
    return 0;
}

/* Reads all of @fd, at most @limit bytes, into a new buffer. */
static ssize_t read_all(int fd, size_t limit, char **ret_text)
{
    _cleanup_free_ char *text = NULL;
    size_t length = 0, size = 0;

    for (;;) {
        ssize_t n;

        /* One byte more than the limit tells a file that is too long; one for the NUL. */
        if (size - length < 2 || !text) {
            size_t wanted = size == 0 ? CHUNK : size * 2;
            char *larger;

            if (wanted > limit + 2)
                wanted = limit + 2;
            larger = realloc(text, wanted);
            if (!larger)
                return -ENOMEM;
            text = larger;
            size = wanted;
        }
        n = read_once(fd, text + length, size - length - 1);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        length += (size_t)n;
        if (length > limit)
            return -EFBIG;
    }
    text[length] = '\0';
    *ret_text = TAKE_PTR(text);
    return (ssize_t)length;
}

ssize_t cpuctl_root_read(struct cpuctl_root *root, const char *path, size_t limit, char **ret_text,
                         struct cpuctl_error *error)
{
    _cleanup_close_ int fd = -1;
    ssize_t n;

    if (limit > SSIZE_MAX / 2)
        limit = SSIZE_MAX / 2;
    fd = root_open(root, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return root_error(root, error, fd, path, "can not be opened");
    n = read_all(fd, limit, ret_text);
    if (n == -EFBIG)
        return error_set(error, -EFBIG, "%s/%s: has more than %zu bytes, the limit for this file",
                         root->path, path, limit);
    if (n < 0)
        return root_error(root, error, (int)n, path, "can not be read");
    return n;
}

int root_read_mask(struct cpuctl_root *root, const char *path, bool list,
                   struct cpuctl_set **ret_set, struct cpuctl_error *error)
{
    struct cpuctl_error reason = { 0 };
    _cleanup_free_ char *text = NULL;
    ssize_t n = cpuctl_root_read(root, path, ROOT_MASK_MAX, &text, error);
    int r;

    if (n < 0)
        return (int)n;
    r = strlen(text) == (size_t)n ? cpuset_parse_file(text, list, ret_set, &reason)
                                  : error_set(&reason, -EINVAL, "it has a NUL byte");
    if (r == -ENOMEM)
        return error_set(error, r, "out of memory for a CPU set");
    if (r < 0) {
        error_set_at(error, -EBADMSG, reason.position, "%s/%s: %s", root->path, path, reason.text);
        return -EBADMSG;
    }
    return 0;
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

int root_list(struct cpuctl_root *root, const char *path, cpuctl_name_fn each, void *userdata)
{
    _cleanup_(close_directory) DIR *directory = NULL;
    _cleanup_close_ int fd = root_open(root, path, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0)
        return fd;
    directory = fdopendir(fd);
    if (!directory)
        return -errno;
    take_fd(&fd);

    for (unsigned int n = 0;; n++) {
        const struct dirent *found;
        int r;

        errno = 0;
        found = readdir(directory);
        if (!found)
            return -errno;
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        if (n > CPUCTL_CPUS_MAX)
            return -E2BIG;
        r = each(found->d_name, userdata);
        if (r < 0)
            return r;
    }
}

int cpuctl_root_list(struct cpuctl_root *root, const char *path, cpuctl_name_fn each,
                     void *userdata, struct cpuctl_error *error)
{
    int r = root_list(root, path, each, userdata);

    return r < 0 ? root_error(root, error, r, path, "can not be listed") : 0;
}

int root_write(struct cpuctl_root *root, const char *path, const char *text)
{
    _cleanup_close_ int fd = root_open(root, path, O_WRONLY | O_NONBLOCK, 0);
    size_t length = strlen(text);
    ssize_t n;

    if (fd < 0)
        return fd;
    /* No retry on EINTR here: the kernel may have begun the change, and says how it ended. */
    n = write(fd, text, length);
    if (n < 0)
        return -errno;
    return (size_t)n == length ? 0 : -EIO;
}
