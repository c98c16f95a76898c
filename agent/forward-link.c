/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chaining: the socket to the agent behind us. */
#include "agent/forward-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json.h>

#include "libcpuctl/cleanup.h"

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct forward *forward = userdata;

    (void)fd;
    (void)events;
    /* The pump looks at everything, and then switches on again what it needs. */
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    forward_schedule(forward);
    return 0;
}

int link_open(struct forward *forward)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd = -1;
    int r;

    if (strlen(forward->path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    strcpy(address.sun_path, forward->path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* on a unix socket this doesn't wait; EAGAIN: others are queued already */
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    r = sd_event_add_io(forward->loop, &forward->link.io, fd, EPOLLIN, on_io, forward);
    if (r < 0)
        return r;
    forward->link.fd = take_fd(&fd);
    return link_sync(forward);
}

void link_close(struct forward *forward)
{
    struct forward_link *link = &forward->link;

    link->io = sd_event_source_disable_unref(link->io);
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    qmp_buffer_clear(&link->out);
    link->in_start = 0;
    link->in_size = 0;
    link->out_of_step = false;
    link->paused = false;
    link->state = LINK_DOWN;
    json_object_put(TAKE_PTR(forward->commands));
}

int link_sync(struct forward *forward)
{
    forward->link.state = LINK_SYNC;
    forward->link.out_of_step = false;
    forward_progress(forward);
    return qmp_sync_begin(&forward->sync, ++forward->sync_id, &forward->link.out);
}

int link_send(struct forward *forward)
{
    struct forward_link *link = &forward->link;

    while (link->out.size > 0) {
        ssize_t n = send(link->fd, qmp_buffer_data(&link->out), link->out.size, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        qmp_buffer_consume(&link->out, (size_t)n);
        if (link->state == LINK_BUSY)
            forward_progress(forward);
    }
    return 0;
}

int link_receive(struct forward *forward)
{
    struct forward_link *link = &forward->link;
    ssize_t n;

    if (link->in_size > 0)
        return 1;
    do
        n = recv(link->fd, link->in, sizeof(link->in), 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (n == 0)
        return -ECONNRESET;
    link->in_start = 0;
    link->in_size = (size_t)n;
    /* Only what the host gets counts: nobody can hold us by sending anything else for ever. */
    if (forward->started && forward->command.streams)
        forward_progress(forward);
    return 1;
}

void link_consume(struct forward *forward, size_t size)
{
    forward->link.in_start += size;
    forward->link.in_size -= size;
}

void link_watch(struct forward *forward)
{
    struct forward_link *link = &forward->link;
    bool on = !link->paused || link->out.size > 0;

    if (link->fd < 0)
        return;
    /* While paused all is off: a peer that has hung up would be reported again and again. */
    (void)sd_event_source_set_io_events(link->io, (link->paused ? 0U : EPOLLIN) |
                                                      (link->out.size > 0 ? EPOLLOUT : 0U));
    (void)sd_event_source_set_enabled(link->io, on ? SD_EVENT_ON : SD_EVENT_OFF);
}
