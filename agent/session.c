/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes between the port and the command server, edge-triggered.
 *
 * A virtio-serial port without a host client reports EPOLLHUP all the time and reads 0 bytes
 * (drivers/char/virtio_console.c, port_fops_poll() and port_fops_read()), so it is watched by edges
 * and 0 is not taken for an end; the driver wakes its pollers when a client comes. After an edge
 * everything is read and written that can be.
 */
#include "agent/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/log.h"
#include "qmp/conn.h"

/* How often one round reads, so that other events get their turn. */
#define READS_A_ROUND 16

/*
 * Some kernels lose the wake-up when a full virtio-serial queue has room again. A blocked reply is
 * tried again after 50 ms, 100 ms, … 6.4 s; then only an event brings it on.
 */
#define RETRY_FIRST_USEC (50U * 1000U)
#define RETRIES          8U

struct session {
    sd_event *loop;
    struct qmp_conn *conn;
    int fd;
    enum port_stream stream;
    sd_event_source *io;
    sd_event_source *pump;  /* goes on outside of the caller's stack */
    sd_event_source *retry; /* a blocked reply */
    unsigned int retries;   /* so far, without progress */
    size_t blocked_size;    /* what was left to send at the last try */
    bool host;              /* the peer was seen to be connected, see below */
    bool at_end;            /* socket: the peer sends no more */
    bool over;              /* ended() is to be called */
    bool lost;              /* … with this */
    session_ended ended;
    void *userdata;
};

/*
 * On a virtio-serial port the host's data may be there before the message that it is connected, and
 * meanwhile read() gives 0 and write() fails with EAGAIN as if there were none. So only what the
 * driver does for a connected host tells that there is one: EAGAIN from read(), or a write. When it
 * goes after that, what was left is dropped; before that, a reply waits for it.
 */
static void go_on(struct session *session)
{
    sd_event_source_set_enabled(session->pump, SD_EVENT_ONESHOT);
}

/* The owner will free the session: it is told from the loop, with nothing of ours on the stack. */
static void end(struct session *session, bool lost)
{
    session->over = true;
    session->lost = lost;
    sd_event_source_set_enabled(session->io, SD_EVENT_OFF);
    go_on(session);
}

static void host_went(struct session *session)
{
    log_host(LOG_INFO, "the host closed its end%s",
             qmp_conn_is_busy(session->conn) ? " in the middle of a request" : "");
    session->host = false;
    session->retry = sd_event_source_disable_unref(session->retry);
    /* Half a request or a reply of one client means nothing to the next. */
    qmp_conn_reset(session->conn);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct session *session = userdata;

    (void)source;
    (void)usec;
    go_on(session);
    return 0;
}

static void retry_later(struct session *session)
{
    uint64_t wait;

    if (qmp_conn_output_size(session->conn) != session->blocked_size)
        session->retries = 0;
    session->blocked_size = qmp_conn_output_size(session->conn);
    if (session->stream == PORT_SOCKET || session->retries >= RETRIES)
        return;
    wait = (uint64_t)RETRY_FIRST_USEC << session->retries++;
    session->retry = sd_event_source_disable_unref(session->retry);
    (void)sd_event_add_time_relative(session->loop, &session->retry, CLOCK_MONOTONIC, wait, 0,
                                     on_retry, session);
}

/* Returns false when the session is over. */
static bool write_out(struct session *session)
{
    int r;

    if (qmp_conn_output_size(session->conn) == 0)
        return true;
    r = qmp_conn_write(session->conn, session->fd);
    if (r == -EAGAIN) {
        retry_later(session);
        return true;
    }
    session->retries = 0;
    session->host = true;
    session->retry = sd_event_source_disable_unref(session->retry);
    if (r < 0) {
        log_host(LOG_INFO, "the reply can't be sent: %s", strerror(-r));
        end(session, true);
        return false;
    }
    return true;
}

/* Reads until nothing is left. Returns false when the session is over. */
static bool read_in(struct session *session)
{
    for (int i = 0; i < READS_A_ROUND; i++) {
        ssize_t n;

        if (!qmp_conn_wants_input(session->conn) || session->at_end)
            return true;
        n = qmp_conn_read(session->conn, session->fd);
        /* By vhangup(2), or since its device went: nothing comes of this descriptor any more. */
        if (n == 0 && session->stream == PORT_LINE)
            n = -EIO;
        if (n == -EAGAIN) {
            session->host = true;
            return true;
        }
        if (n < 0) {
            if (n != -ENODEV)
                log_host(LOG_WARNING, "reading from the port: %s", strerror((int)-n));
            end(session, true);
            return false;
        }
        if (n == 0 && session->stream == PORT_SOCKET) {
            session->at_end = true;
            return true;
        }
        if (n == 0) {
            if (session->host)
                host_went(session);
            return true;
        }
        if (!write_out(session))
            return false;
    }
    go_on(session);
    return true;
}

/* Whether the other side is gone right now; an edge may tell of an earlier state. */
static bool is_hung_up(const struct session *session)
{
    struct pollfd p = { .fd = session->fd };

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

static void pump(struct session *session)
{
    /*
     * Before anything is read: the next client's request may be here before the driver knows that
     * client, and its reply must outlast the news that the former one went.
     */
    if (session->stream != PORT_SOCKET && session->host && is_hung_up(session))
        host_went(session);
    if (!write_out(session) || !read_in(session) || !write_out(session))
        return;
    /* A peer that only ended its own side still gets its reply. */
    if (session->at_end && !qmp_conn_is_busy(session->conn) &&
        qmp_conn_output_size(session->conn) == 0)
        end(session, false);
}

static int on_pump(sd_event_source *source, void *userdata)
{
    struct session *session = userdata;

    (void)source;
    if (session->over)
        session->ended(session->userdata, session->lost);
    else
        pump(session);
    return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct session *session = userdata;

    (void)source;
    (void)fd;
    if (session->stream == PORT_SOCKET && (events & (EPOLLHUP | EPOLLERR)) &&
        qmp_conn_is_busy(session->conn) && is_hung_up(session)) {
        /* Nobody waits for the reply: what was begun stops before its next step. */
        host_went(session);
        end(session, false);
        return 0;
    }
    pump(session);
    return 0;
}

static void on_changed(struct qmp_conn *conn, void *user)
{
    (void)conn;
    go_on(user);
}

int session_new(sd_event *loop, struct qmp_server *server, int fd, enum port_stream stream,
                session_ended ended, void *userdata, struct session **ret_session)
{
    struct session *session = calloc(1, sizeof(*session));
    int r;

    if (!session)
        return -ENOMEM;
    *session = (struct session){
        .loop = loop,
        .fd = fd,
        .stream = stream,
        .host = stream == PORT_SOCKET,
        .ended = ended,
        .userdata = userdata,
    };
    r = qmp_conn_new(server, on_changed, session, &session->conn);
    if (r >= 0)
        r = sd_event_add_defer(loop, &session->pump, on_pump, session);
    if (r >= 0)
        r = sd_event_add_io(loop, &session->io, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                            on_io, session);
    if (r < 0) {
        session_free(session);
        return r;
    }
    *ret_session = session;
    return 0;
}

void session_free(struct session *session)
{
    if (!session)
        return;
    sd_event_source_disable_unref(session->io);
    sd_event_source_disable_unref(session->pump);
    sd_event_source_disable_unref(session->retry);
    qmp_conn_free(session->conn);
    free(session);
}

void session_flush(struct session *session)
{
    if (!session->over && qmp_conn_output_size(session->conn) > 0)
        (void)qmp_conn_write(session->conn, session->fd);
}
