/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client of the control socket: bytes between it and the command server. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "control-internal.h"
#include "qmp/conn.h"

/* How often one round reads, so that other events get their turn. */
#define READS_A_ROUND 16

struct control_client {
    struct control *control;
    int fd;
    struct qmp_conn *conn;
    sd_event_source *io;   /* edge-triggered: after an edge everything is done that can be */
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

/* Returns false when the client is gone. */
static bool write_out(struct control_client *client)
{
    int r = qmp_conn_write(client->conn, client->fd);

    if (r >= 0 || r == -EAGAIN)
        return true;
    end(client);
    return false;
}

/* Reads what there is. Returns false when the client is gone. */
static bool read_in(struct control_client *client)
{
    for (int i = 0; i < READS_A_ROUND; i++) {
        ssize_t n;

        if (client->over || client->at_end || !qmp_conn_wants_input(client->conn))
            return !client->over;
        n = qmp_conn_read(client->conn, client->fd);
        if (n == -EAGAIN)
            return true;
        if (n < 0) {
            end(client);
            return false;
        }
        client->at_end = n == 0;
        if (!write_out(client))
            return false;
    }
    go_on(client);
    return true;
}

static int pump(struct control_client *client)
{
    if (!write_out(client) || !read_in(client) || !write_out(client))
        return 0;
    /* A peer that only ended its own side still gets its replies. */
    if (client->at_end && !qmp_conn_is_busy(client->conn) &&
        qmp_conn_output_size(client->conn) == 0)
        end(client);
    return 0;
}

static int on_pump(sd_event_source *source, void *userdata)
{
    struct control_client *client = userdata;

    (void)source;
    if (client->over)
        control_client_ended(client->control, client);
    else
        pump(client);
    return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct control_client *client = userdata;

    (void)source;
    (void)fd;
    /* Both ways are closed: nobody is there to read a reply, also one that is still to come. */
    if (events & (EPOLLHUP | EPOLLERR)) {
        end(client);
        return 0;
    }
    return pump(client);
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
        r = sd_event_add_io(control->event, &client->io, fd,
                            EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, on_io, client);
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
    if (client->negotiated && !client->over && qmp_conn_send(client->conn, event) < 0)
        end(client);
}
