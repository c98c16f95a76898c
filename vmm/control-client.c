/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client of the control socket: bytes between it and the command server. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "control-internal.h"
#include "qmp/conn.h"

struct control_client {
    struct control *control;
    int fd;
    struct qmp_conn *conn;
    sd_event_source *io;   /* watched for what can be done: see watch() */
    sd_event_source *pump; /* goes on outside of the caller's stack */
    bool negotiated;
    bool at_end; /* it sends no more */
    bool over;   /* it is to be freed */
};

static void go_on(struct control_client *client)
{
    sd_event_source_set_enabled(client->pump, SD_EVENT_ONESHOT);
}

/* It is freed from the loop, with nothing of it on the stack. */
static void end(struct control_client *client)
{
    client->over = true;
    sd_event_source_set_enabled(client->io, SD_EVENT_OFF);
    go_on(client);
}

static void write_out(struct control_client *client)
{
    int r = qmp_conn_write(client->conn, client->fd);

    if (r < 0 && r != -EAGAIN)
        end(client);
}

/* Once; when there is more the loop comes back, after others had their turn. */
static void read_in(struct control_client *client)
{
    ssize_t n = qmp_conn_read(client->conn, client->fd);

    if (n == 0)
        client->at_end = true;
    else if (n < 0 && n != -EAGAIN)
        end(client);
}

static bool wants_input(const struct control_client *client)
{
    return !client->at_end && qmp_conn_wants_input(client->conn);
}

/* Looks at nothing that is not to be acted on: each look that is wakes the main thread. */
static void watch(struct control_client *client)
{
    uint32_t events = (wants_input(client) ? EPOLLIN : 0U) |
                      (qmp_conn_output_size(client->conn) > 0 ? EPOLLOUT : 0U);

    if (!client->over && sd_event_source_set_io_events(client->io, events) < 0)
        end(client);
}

static void pump(struct control_client *client, bool readable)
{
    if (readable && wants_input(client))
        read_in(client);
    if (!client->over)
        write_out(client);
    /* A peer that only ended its own side still gets its replies. */
    if (!client->over && client->at_end && !qmp_conn_is_busy(client->conn) &&
        qmp_conn_output_size(client->conn) == 0)
        end(client);
    watch(client);
}

static int on_pump(sd_event_source *source, void *userdata)
{
    struct control_client *client = userdata;

    (void)source;
    if (client->over)
        control_client_ended(client->control, client);
    else
        pump(client, false);
    return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct control_client *client = userdata;

    (void)source;
    (void)fd;
    /* Both ways are closed: nobody is there to read a reply, also one that is still to come. */
    if (events & (EPOLLHUP | EPOLLERR))
        end(client);
    else
        pump(client, (events & EPOLLIN) != 0);
    return 0;
}

static void on_changed(struct qmp_conn *conn, void *user)
{
    (void)conn;
    go_on(user);
}

static int greet(struct control_client *client)
{
    struct json_object *greeting = control_greeting();
    int r = greeting ? qmp_conn_send(client->conn, greeting) : -ENOMEM;

    json_object_put(greeting);
    return r;
}

int client_new(struct control *control, int fd, struct control_client **ret_client)
{
    struct control_client *client = calloc(1, sizeof(*client));
    int r;

    if (!client) {
        close(fd);
        return -ENOMEM;
    }
    client->control = control;
    client->fd = fd;
    r = qmp_conn_new(control->negotiation, on_changed, client, &client->conn);
    if (r >= 0)
        r = sd_event_add_defer(control->event, &client->pump, on_pump, client);
    if (r >= 0)
        r = sd_event_add_io(control->event, &client->io, fd, EPOLLIN | EPOLLOUT, on_io, client);
    if (r >= 0) {
        qmp_conn_set_send_limit(client->conn, CONTROL_OUTPUT_MAX);
        r = greet(client);
    }
    if (r < 0) {
        client_free(client);
        return r;
    }
    *ret_client = client;
    return 0;
}

void client_free(struct control_client *client)
{
    if (!client)
        return;
    if (!client->over && client->conn)
        (void)qmp_conn_write(client->conn, client->fd);
    sd_event_source_disable_unref(client->io);
    sd_event_source_disable_unref(client->pump);
    qmp_conn_free(client->conn);
    close(client->fd);
    free(client);
}

void client_negotiated(struct control_client *client)
{
    client->negotiated = true;
    qmp_conn_set_server(client->conn, client->control->server);
}

void client_send_event(struct control_client *client, struct json_object *event)
{
    bool first;

    if (!client->negotiated || client->over)
        return;
    first = qmp_conn_output_size(client->conn) == 0;
    if (qmp_conn_send(client->conn, event) < 0) {
        end(client);
        return;
    }
    /* At once, for otherwise the loop would have to come round for it; but not what was held up,
     * as room for more replies would let the next request run in here. */
    if (first)
        write_out(client);
    if (client->over)
        return;
    watch(client);
    /* Then there is nothing to come back for. */
    if (first && !client->at_end && qmp_conn_output_size(client->conn) == 0)
        sd_event_source_set_enabled(client->pump, SD_EVENT_OFF);
}
