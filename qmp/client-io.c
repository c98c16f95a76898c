/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's bytes: waiting with a limit, sending, and finding objects in what comes. */
#include "client-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

uint64_t qmp_client_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct client_wait client_wait_begin(const char *what, uint64_t timeout_usec)
{
    uint64_t now = qmp_client_now();

    return (struct client_wait){
        .what = what,
        .timeout_usec = timeout_usec,
        .deadline_usec =
            timeout_usec < QMP_CLIENT_FOREVER - now ? now + timeout_usec : QMP_CLIENT_FOREVER,
    };
}

int client_break(struct qmp_client *client, int code, struct qmp_error *error, const char *format,
                 ...)
{
    va_list args;

    va_start(args, format);
    qmp_error_setv(&client->broken_error, QMP_GENERIC_ERROR, format, args);
    va_end(args);
    client->broken = code;
    return client_check(client, error);
}

int client_check(const struct qmp_client *client, struct qmp_error *error)
{
    if (client->broken && error)
        *error = client->broken_error;
    return client->broken;
}

/* poll(2) with microseconds. */
static int poll_plain(struct pollfd *fds, nfds_t n_fds, uint64_t timeout_usec)
{
    struct timespec timeout = { .tv_sec = (time_t)(timeout_usec / 1000000),
                                .tv_nsec = (long)(timeout_usec % 1000000 * 1000) };
    int r = ppoll(fds, n_fds, timeout_usec == QMP_CLIENT_FOREVER ? NULL : &timeout, NULL);

    return r < 0 ? -errno : r;
}

static int timed_out(const struct qmp_client *client, const struct client_wait *wait,
                     struct qmp_error *error)
{
    char half[64] = "";
    size_t size = client->text.size;

    if (size > 0)
        snprintf(half, sizeof(half), " (the first %zu bytes of something have come)", size);
    qmp_error_set(error, QMP_GENERIC_ERROR,
                  "%s: %s did not come within %" PRIu64 ".%03" PRIu64 " s%s", client->name,
                  wait->what, wait->timeout_usec / 1000000, wait->timeout_usec / 1000 % 1000, half);
    return -ETIMEDOUT;
}

/* Waits until @events can be done. */
static int wait_ready(struct qmp_client *client, short events, const struct client_wait *wait,
                      struct qmp_error *error)
{
    qmp_client_poll *poll_function = client->poll_function ? client->poll_function : poll_plain;

    for (;;) {
        struct pollfd fd = { .fd = client->fd, .events = events };
        uint64_t now = qmp_client_now();
        uint64_t left = QMP_CLIENT_FOREVER;
        int r;

        if (wait->deadline_usec != QMP_CLIENT_FOREVER)
            left = now < wait->deadline_usec ? wait->deadline_usec - now : 0;
        r = poll_function(&fd, 1, left);
        /* a peer that sends without end keeps no wait alive; without any wait, what is there is
         * taken */
        if (left == 0 && (r == 0 || (r > 0 && wait->timeout_usec > 0)))
            return timed_out(client, wait, error);
        if (r > 0)
            return 0;
        if (r == -EINTR && !client->poll_function)
            continue;
        if (r < 0) {
            qmp_error_set(error, QMP_GENERIC_ERROR, "%s: %s while waiting for %s", client->name,
                          r == -EINTR ? "interrupted" : strerror(-r), wait->what);
            return r;
        }
    }
}

static int closed(struct qmp_client *client, const struct client_wait *wait,
                  struct qmp_error *error)
{
    bool half = client->text.size > 0 || qmp_frame_is_inside(&client->frame);

    return client_break(client, -ECONNRESET, error,
                        "%s: the other side closed the connection%s while %s was awaited",
                        client->name, half ? " in the middle of what it sent," : "", wait->what);
}

int client_send(struct qmp_client *client, const char *data, size_t size,
                const struct client_wait *wait, struct qmp_error *error)
{
    while (size > 0) {
        ssize_t n = send(client->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        int r = n < 0 ? -errno : 0;

        if (n > 0) {
            data += n;
            size -= (size_t)n;
        } else if (r == -EAGAIN) {
            r = wait_ready(client, POLLOUT, wait, error);
            if (r < 0 && client->kind == QMP_CLIENT_MONITOR) /* it has half a command now */
                return client_break(client, r, error,
                                    "%s: the other side does not read what it is sent",
                                    client->name);
            if (r < 0)
                return r;
        } else if (r == -EPIPE || r == -ECONNRESET) {
            return closed(client, wait, error);
        } else if (r != -EINTR) {
            return client_break(client, r, error, "%s: sending: %s", client->name, strerror(-r));
        }
    }
    return 0;
}

int client_fill(struct qmp_client *client, const struct client_wait *wait, struct qmp_error *error)
{
    char data[16384];

    for (;;) {
        ssize_t n;
        int r = wait_ready(client, POLLIN, wait, error);

        if (r < 0)
            return r;
        n = recv(client->fd, data, sizeof(data), MSG_DONTWAIT);
        if (n > 0) {
            if (qmp_buffer_append(&client->in, data, (size_t)n) < 0)
                return client_break(client, -ENOMEM, error, "Out of memory");
            return 0;
        }
        if (n == 0 || errno == ECONNRESET)
            return closed(client, wait, error);
        if (errno != EAGAIN && errno != EINTR)
            return client_break(client, -errno, error, "%s: receiving: %s", client->name,
                                strerror(errno));
    }
}

static int too_much(struct qmp_client *client, const struct client_wait *wait,
                    struct qmp_error *error)
{
    return client_break(client, -EMSGSIZE, error,
                        "%s: what came while %s was awaited has more than %u bytes or %u members, "
                        "which is this client's limit",
                        client->name, wait->what, QMP_CLIENT_REPLY_MAX, QMP_CLIENT_MEMBERS_MAX);
}

/* How many values a text has at most: each but the first follows one of these. */
static size_t count_values(const struct qmp_buffer *text)
{
    const char *data = qmp_buffer_data(text);
    size_t count = 0;

    for (size_t i = 0; i < text->size; i++)
        count += data[i] == ',' || data[i] == '[' || data[i] == '{';
    return count;
}

static int take_object(struct qmp_client *client, const struct client_wait *wait,
                       struct json_object **ret_object, struct qmp_error *error)
{
    struct qmp_error cause = { 0 };
    int r;

    /* of a short text no count is needed; that of a long one also counts commas in strings */
    if (client->frame.members > QMP_CLIENT_MEMBERS_MAX ||
        (client->text.size > QMP_CLIENT_MEMBERS_MAX &&
         count_values(&client->text) > QMP_CLIENT_MEMBERS_MAX))
        return too_much(client, wait, error);
    if (client->frame.kind != QMP_KIND_OBJECT)
        return client_break(client, -EPROTO, error,
                            "%s: what came while %s was awaited is not a JSON object", client->name,
                            wait->what);
    r = qmp_json_parse_frame(&client->frame, qmp_buffer_data(&client->text), client->text.size,
                             ret_object, &cause);
    qmp_buffer_clear(&client->text);
    if (r < 0)
        return client_break(client, r == -EINVAL ? -EPROTO : r, error,
                            "%s: while %s was awaited: %s", client->name, wait->what, cause.desc);
    return 0;
}

int client_read_object(struct qmp_client *client, const struct client_wait *wait,
                       struct json_object **ret_object, struct qmp_error *error)
{
    for (;;) {
        enum qmp_frame_event event;
        size_t used = 0;
        int r;

        event = qmp_frame_feed(&client->frame, qmp_buffer_data(&client->in), client->in.size, &used,
                               &client->text);
        qmp_buffer_consume(&client->in, used);
        switch (event) {
        case QMP_FRAME_END:
            return take_object(client, wait, ret_object, error);
        case QMP_FRAME_ERROR:
            return client_break(client, -EPROTO, error,
                                "%s: what came while %s was awaited is not JSON: %s", client->name,
                                wait->what, client->frame.error.desc);
        case QMP_FRAME_FULL:
            return too_much(client, wait, error);
        case QMP_FRAME_MORE:
            r = client_fill(client, wait, error);
            if (r < 0)
                return r;
            break;
        case QMP_FRAME_MEMBER:
        case QMP_FRAME_VALUE:
            break;
        }
    }
}
