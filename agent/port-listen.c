/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transports that listen: a unix socket and an AF_VSOCK port. One client at a time, as qemu-ga
 * does it; the next one waits in the kernel's backlog.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "agent/config.h"
#include "agent/log.h"
#include "agent/port-internal.h"
#include "libcpuctl/cpuctl.h"
#include "libcpuctl/socket-file.h"

struct listener {
    int fd;
    sd_event_source *source;
    char *bound;             /* the unix socket's path, to be removed at the end … */
    struct socket_file file; /* … if this is still what is there */
};

static void listener_done(struct listener *listener, bool remove)
{
    sd_event_source_disable_unref(listener->source);
    if (listener->bound && remove)
        socket_file_remove(listener->bound, &listener->file);
    if (listener->fd >= 0)
        close(listener->fd);
    free(listener->bound);
    free(listener);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct port *port = userdata;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (client < 0) {
        /* The client may be gone already (accept(2)); anything else would come again at once. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            int r = -errno;

            log_write(LOG_ERR, "%s: accept: %s", port->config->path, strerror(errno));
            sd_event_source_set_enabled(source, SD_EVENT_OFF);
            port->failed(port->userdata, r);
        }
        return 0;
    }
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    port->fd = client;
    port_set_describe(port, "a client on %s", port->config->path);
    port->connected(port->userdata, client, PORT_SOCKET);
    return 0;
}

static int bind_unix(const char *path, struct listener *listener, struct cpuctl_error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat st;
    mode_t mask;
    int r;

    if (strlen(path) >= sizeof(address.sun_path))
        return cpuctl_error_set(error, -ERANGE, "path %s has %zu bytes, the limit is %zu (unix(7))",
                                path, strlen(path), sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    /* What an agent that was killed left behind; anything but a socket is not ours to remove. */
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return cpuctl_error_set(error, -errno, "socket: %s", strerror(errno));
    mask = umask(0077);
    r = bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    umask(mask);
    if (r < 0)
        return cpuctl_error_set(error, r, "bind to %s: %s", path, strerror(-r));
    r = socket_file_get(path, &listener->file);
    if (r < 0)
        return cpuctl_error_set(error, r, "%s: %s", path, strerror(-r));
    listener->bound = strdup(path);
    return listener->bound ? 0 : cpuctl_error_set(error, -ENOMEM, "out of memory");
}

static bool parse_u32(const char *text, const char *end, unsigned int *ret_value)
{
    unsigned long value;
    char *stop;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    value = strtoul(text, &stop, 10);
    if (errno || stop != end || value > UINT_MAX)
        return false;
    *ret_value = (unsigned int)value;
    return true;
}

static int bind_vsock(const char *path, struct listener *listener, struct cpuctl_error *error)
{
    struct sockaddr_vm address = { .svm_family = AF_VSOCK };
    const char *colon = strchr(path, ':');

    if (!colon || !parse_u32(path, colon, &address.svm_cid) ||
        !parse_u32(colon + 1, path + strlen(path), &address.svm_port))
        return cpuctl_error_set(
            error, -EINVAL,
            "path is \"%.64s\", expected CID:PORT, two numbers below 2^32 (vsock(7))", path);
    listener->fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return cpuctl_error_set(error, -errno, "AF_VSOCK socket: %s", strerror(errno));
    if (bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return cpuctl_error_set(error, -errno, "bind to vsock %s: %s", path, strerror(errno));
    return 0;
}

static int listen_start(struct port *port, struct cpuctl_error *error)
{
    const char *path = port->config->path;
    struct listener *listener = calloc(1, sizeof(*listener));
    int r;

    if (!listener)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    listener->fd = -1;
    port->transport = listener;
    r = port->config->method == METHOD_VSOCK_LISTEN ? bind_vsock(path, listener, error)
                                                    : bind_unix(path, listener, error);
    if (r < 0)
        return r;
    if (listen(listener->fd, 1) < 0)
        return cpuctl_error_set(error, -errno, "listen on %s: %s", path, strerror(errno));
    r = sd_event_add_io(port->loop, &listener->source, listener->fd, EPOLLIN, on_client, port);
    if (r < 0)
        return cpuctl_error_set(error, r, "listen on %s: %s", path, strerror(-r));
    port_set_describe(port, "listening on %s", path);
    return 0;
}

static void listen_next(struct port *port, bool lost)
{
    struct listener *listener = port->transport;

    (void)lost;
    port_set_describe(port, "listening on %s", port->config->path);
    sd_event_source_set_enabled(listener->source, SD_EVENT_ON);
}

static void listen_stop(struct port *port)
{
    if (port->transport)
        listener_done(port->transport, !port->leave_files);
    port->transport = NULL;
}

const struct port_ops port_listen_ops = {
    .start = listen_start,
    .next = listen_next,
    .stop = listen_stop,
};
