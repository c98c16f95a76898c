/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unix sockets that cpuvmm listens on. */
#include "listen.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cpuctl.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/socket-file.h"

/* An open file that is given up where another one can not be had. -1: none yet. */
static int spare = -1;

static int refuse(struct cpuctl_error *error, const char *option, const char *path, int code,
                  const char *why)
{
    char buffer[128];

    return cpuctl_error_set(error, code, "%s: can not listen at %s: %s", option, path,
                            why ? why : strerror_r(-code, buffer, sizeof(buffer)));
}

static int new_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd < 0 ? -errno : fd;
}

/* Removes what a VMM that was killed left behind: a socket that nobody answers at. */
static int clear_path(const char *option, const struct sockaddr_un *address,
                      struct cpuctl_error *error)
{
    const char *path = address->sun_path;
    _cleanup_close_ int fd = -1;
    struct stat status;

    if (lstat(path, &status) < 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return refuse(error, option, path, -EADDRINUSE,
                      "there is a file that is not a socket; it is left alone");
    fd = new_socket();
    if (fd < 0)
        return refuse(error, option, path, fd, NULL);
    /* EAGAIN: somebody listens, and too many wait for him. */
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
        return refuse(error, option, path, -EADDRINUSE,
                      "a program listens there already; each socket needs a path of its own");
    if (errno != ECONNREFUSED)
        return refuse(error, option, path, -errno, NULL);
    (void)unlink(path);
    return 0;
}

int listen_unix(const char *option, const char *path, int backlog, struct socket_file *ret_file,
                struct cpuctl_error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(path);
    struct socket_file file = { 0 };
    _cleanup_close_ int fd = -1;
    mode_t mask;
    int r;

    if (length == 0 || length >= sizeof(address.sun_path))
        return cpuctl_error_set(
            error, -EINVAL, "%s: the socket's path has %zu bytes, allowed are 1 to %zu (unix(7))",
            option, length, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, length);
    r = clear_path(option, &address, error);
    if (r < 0)
        return r;
    fd = new_socket();
    if (fd < 0)
        return refuse(error, option, path, fd, NULL);
    /* Whoever may connect controls the VM, or what runs in it. */
    mask = umask(0077);
    r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    umask(mask);
    if (r >= 0)
        r = socket_file_get(path, &file);
    if (r < 0)
        return refuse(error, option, path, r, NULL);
    if (listen(fd, backlog) < 0) {
        r = -errno;
        socket_file_remove(path, &file);
        return refuse(error, option, path, r, NULL);
    }
    if (spare < 0)
        spare = eventfd(0, EFD_CLOEXEC);
    *ret_file = file;
    return take_fd(&fd);
}

static int take(int fd)
{
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    return peer < 0 ? -errno : peer;
}

int listen_accept(int fd)
{
    int r = take(fd);

    if ((r == -EMFILE || r == -ENFILE) && spare >= 0) {
        int peer;

        close(spare);
        peer = take(fd);
        cleanup_close(&peer);
        spare = eventfd(0, EFD_CLOEXEC);
    }
    return r;
}
