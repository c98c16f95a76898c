/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of the store: written whole or not at all, read with a limit, locked with a deadline. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "store-internal.h"

/* How often a lock that somebody holds is tried again. */
#define LOCK_INTERVAL_MS 20U

char *path_join(const char *folder, const char *name, const char *suffix)
{
    char *path;

    return asprintf(&path, "%s/%s%s", folder, name, suffix) < 0 ? NULL : path;
}

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        text += n;
        size -= (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* A rename lasts only when the folder is on the disk. */
static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    _cleanup_close_ int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (!folder)
        return -ENOMEM;
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int file_write(const char *path, const char *text, size_t size, mode_t mode,
               struct cpuctl_error *error)
{
    _cleanup_free_ char *temporary = NULL;
    int fd, r;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        temporary = NULL;
        return no_memory(error);
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return cpuctl_error_set(error, -errno, "cannot write %s: %s", path, strerror(errno));
    r = write_all(fd, text, size);
    if (r == 0 && fchmod(fd, mode) < 0)
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(temporary);
    else
        r = sync_folder(path);
    return r < 0 ? cpuctl_error_set(error, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

int file_read(const char *path, size_t limit, char **ret_text, size_t *ret_size,
              struct cpuctl_error *error)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    _cleanup_free_ char *text = NULL;
    size_t size = 0, room = 0;
    struct stat st;

    if (fd < 0)
        return cpuctl_error_set(error, -errno, "Failed to open file '%s': %s", path,
                                strerror(errno));
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return cpuctl_error_set(error, -EISDIR, "Failed to read file '%s': %s", path,
                                strerror(EISDIR));
    for (;;) {
        char *grown;
        ssize_t n;

        if (size + 1 >= room) {
            room = room ? 2 * room : 4096;
            grown = realloc(text, room);
            if (!grown)
                return no_memory(error);
            text = grown;
        }
        n = read(fd, text + size, room - size - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) { /* a pipe whose writer takes its time */
            poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
            continue;
        }
        if (n < 0)
            return cpuctl_error_set(error, -errno, "Failed to read file '%s': %s", path,
                                    strerror(errno));
        if (n == 0)
            break;
        size += (size_t)n;
        if (size > limit)
            return cpuctl_error_set(error, -EFBIG,
                                    "Failed to read file '%s': it is longer than %zu bytes", path,
                                    limit);
    }
    text[size] = '\0';
    *ret_text = TAKE_PTR(text);
    if (ret_size)
        *ret_size = size;
    return 0;
}

int folder_make(const char *path, struct cpuctl_error *error)
{
    _cleanup_free_ char *copy = strdup(path);

    if (!copy)
        return no_memory(error);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            return cpuctl_error_set(error, -errno, "cannot make %s: %s", copy, strerror(errno));
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return cpuctl_error_set(error, -errno, "cannot make %s: %s", path, strerror(errno));
    return 0;
}

/* "pid 123 (vcpuctl setvcpus vm 3)" */
static void write_holder(int fd)
{
    char command[256] = "", line[320];
    _cleanup_close_ int cmdline = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = cmdline < 0 ? 0 : read(cmdline, command, sizeof(command) - 1);
    int length;

    for (ssize_t i = 0; i + 1 < n; i++)
        if ((unsigned char)command[i] < ' ')
            command[i] = ' ';
    length = snprintf(line, sizeof(line), "pid %ld (%s)", (long)getpid(), command);
    if (ftruncate(fd, 0) == 0 && pwrite(fd, line, (size_t)length, 0) < 0)
        return; /* only for other operators' messages */
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int lock_timed_out(int fd, struct cpuctl_error *error)
{
    char holder[320] = "";
    ssize_t n = pread(fd, holder, sizeof(holder) - 1, 0);

    holder[n > 0 ? n : 0] = '\0';
    return cpuctl_error_set(error, -ETIMEDOUT,
                            "Timed out during operation: cannot acquire state change lock (held "
                            "by %s)",
                            *holder ? holder : "another process");
}

/* Waits for the lock of @fd until @end. */
static int wait_lock(int fd, const char *path, uint64_t end, struct cpuctl_error *error)
{
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        struct timespec pause = { .tv_nsec = LOCK_INTERVAL_MS * 1000000L };

        if (errno != EWOULDBLOCK && errno != EINTR)
            return cpuctl_error_set(error, -errno, "cannot lock %s: %s", path, strerror(errno));
        if (now_ms() >= end)
            return lock_timed_out(fd, error);
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* Whether @path still leads to the file that is open: who had its lock may have removed it. */
static bool leads_to(const char *path, int fd)
{
    struct stat is, was;

    return stat(path, &is) == 0 && fstat(fd, &was) == 0 && is.st_dev == was.st_dev &&
           is.st_ino == was.st_ino;
}

int file_lock(const char *path, unsigned int timeout_ms, struct cpuctl_error *error)
{
    uint64_t end = now_ms() + timeout_ms;

    for (;;) {
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
            return cpuctl_error_set(error, -errno, "cannot open %s: %s", path, strerror(errno));
        r = wait_lock(fd, path, end, error);
        if (r < 0)
            return r;
        if (leads_to(path, fd)) {
            write_holder(fd);
            return take_fd(&fd);
        }
        if (now_ms() >= end)
            return lock_timed_out(fd, error);
    }
}

void folder_remove(const char *path, const char *last)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    if (!folder)
        return;
    while ((entry = readdir(folder)))
        if (strcmp(entry->d_name, last) != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    unlinkat(dirfd(folder), last, 0);
    closedir(folder);
    rmdir(path);
}
