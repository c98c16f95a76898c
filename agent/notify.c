/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams to the service manager. */
#include "agent/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "libcpuctl/cleanup.h"

/* When a message found no room. */
#define RETRY_USEC (250U * 1000U)

/* In the order in which they are sent. */
enum message { MESSAGE_ALIVE, MESSAGE_READY, MESSAGE_STATUS, MESSAGE_STOPPING, MESSAGES };

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_size;
    sd_event *loop;
    sd_event_source *alive; /* NULL: no watchdog */
    sd_event_source *retry;
    uint64_t alive_usec; /* between two keep-alives */
    bool held;
    bool owed[MESSAGES];
    char status[300];
};

DEFINE_CLEANUP(struct notify *, notify_free);

/* Returns true when the message is off our hands: sent, or nobody wants it. */
static bool send_text(struct notify *notify, const char *text)
{
    ssize_t n;

    do
        n = sendto(notify->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
                   (const struct sockaddr *)&notify->address, notify->address_size);
    while (n < 0 && errno == EINTR);
    return n >= 0 || (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM);
}

static void send_owed(struct notify *notify)
{
    const char *const texts[MESSAGES] = {
        [MESSAGE_ALIVE] = "WATCHDOG=1",
        [MESSAGE_READY] = "READY=1",
        [MESSAGE_STATUS] = notify->status,
        [MESSAGE_STOPPING] = "STOPPING=1",
    };

    for (int i = 0; i < MESSAGES && notify->fd >= 0; i++) {
        if (!notify->owed[i] || (notify->held && i != MESSAGE_ALIVE))
            continue;
        notify->owed[i] = !send_text(notify, texts[i]);
        if (notify->owed[i]) {
            (void)sd_event_source_set_time_relative(notify->retry, RETRY_USEC);
            (void)sd_event_source_set_enabled(notify->retry, SD_EVENT_ONESHOT);
            return;
        }
    }
}

static void owe(struct notify *notify, enum message message)
{
    notify->owed[message] = true;
    send_owed(notify);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    send_owed(userdata);
    return 0;
}

static int on_alive(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct notify *notify = userdata;
    int r = sd_event_source_set_time_relative(source, notify->alive_usec);

    (void)usec;
    owe(notify, MESSAGE_ALIVE);
    return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* A path, or with "@" in front a name in the abstract namespace (unix(7)). */
static int open_socket(struct notify *notify)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path ? strlen(path) : 0;

    if (length < 2 || length >= sizeof(notify->address.sun_path) || !strchr("/@", path[0]))
        return 0;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, path, length);
    notify->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (path[0] == '@')
        notify->address.sun_path[0] = '\0';
    else
        notify->address_size++;
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return notify->fd < 0 ? -errno : 0;
}

static int start_watchdog(struct notify *notify)
{
    uint64_t limit = 0;
    int r = sd_watchdog_enabled(0, &limit);

    if (r <= 0 || notify->fd < 0)
        return r;
    /* Half of the limit, as sd_watchdog_enabled(3) recommends; at the latest after three quarters.
     */
    notify->alive_usec = limit / 2;
    return sd_event_add_time_relative(notify->loop, &notify->alive, CLOCK_MONOTONIC,
                                      notify->alive_usec, limit / 4, on_alive, notify);
}

int notify_new(sd_event *loop, struct notify **ret_notify)
{
    _cleanup_(notify_freep) struct notify *notify = calloc(1, sizeof(*notify));
    int r;

    if (!notify)
        return -ENOMEM;
    notify->fd = -1;
    notify->loop = sd_event_ref(loop);
    r = sd_event_add_time_relative(loop, &notify->retry, CLOCK_MONOTONIC, RETRY_USEC, 0, on_retry,
                                   notify);
    if (r >= 0)
        r = sd_event_source_set_enabled(notify->retry, SD_EVENT_OFF);
    if (r >= 0)
        r = open_socket(notify);
    if (r >= 0)
        r = start_watchdog(notify);
    if (r < 0)
        return r;
    *ret_notify = TAKE_PTR(notify);
    return 0;
}

void notify_free(struct notify *notify)
{
    if (!notify)
        return;
    sd_event_source_disable_unref(notify->alive);
    sd_event_source_disable_unref(notify->retry);
    sd_event_unref(notify->loop);
    if (notify->fd >= 0)
        close(notify->fd);
    free(notify);
}

void notify_ready(struct notify *notify)
{
    owe(notify, MESSAGE_READY);
}

void notify_status(struct notify *notify, const char *text)
{
    snprintf(notify->status, sizeof(notify->status), "STATUS=%s", text);
    owe(notify, MESSAGE_STATUS);
}

void notify_stopping(struct notify *notify)
{
    owe(notify, MESSAGE_STOPPING);
}

void notify_hold(struct notify *notify, bool held)
{
    notify->held = held;
    send_owed(notify);
}
