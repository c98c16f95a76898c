/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client of a command server: bytes in and out, back-pressure, replies. */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "server-internal.h"

int qmp_conn_new(struct qmp_server *server, qmp_conn_changed changed, void *user,
                 struct qmp_conn **ret_conn)
{
    struct qmp_conn *conn = calloc(1, sizeof(*conn));

    if (!conn)
        return -ENOMEM;
    conn->server = server;
    conn->changed = changed;
    conn->user = user;
    conn->input.limit = QMP_CONN_INPUT_MAX;
    conn->send_limit = QMP_CONN_OUTPUT_MAX;
    qmp_frame_init(&conn->frame, 0);
    conn_object_begin(conn);
    *ret_conn = conn;
    return 0;
}

void conn_cancel(struct qmp_conn *conn)
{
    struct qmp_request *request = TAKE_PTR(conn->request);

    if (!request)
        return;
    if (!request->command)
        conn->server->foreign->cancel(conn->server->foreign_user, request);
    else if (request->cancel)
        request->cancel(request, request->data);
    request_free(request);
    conn->output.limit = 0;
}

void qmp_conn_free(struct qmp_conn *conn)
{
    if (!conn)
        return;
    conn_cancel(conn);
    conn_object_begin(conn);
    qmp_buffer_release(&conn->input);
    qmp_buffer_release(&conn->text);
    qmp_buffer_release(&conn->output);
    free(conn);
}

void qmp_conn_reset(struct qmp_conn *conn)
{
    conn_cancel(conn);
    conn_object_begin(conn);
    qmp_buffer_clear(&conn->input);
    qmp_buffer_clear(&conn->output);
    qmp_frame_init(&conn->frame, 0);
    conn->failed = false;
}

void qmp_conn_set_server(struct qmp_conn *conn, struct qmp_server *server)
{
    conn->server = server;
}

void qmp_conn_set_send_limit(struct qmp_conn *conn, size_t limit)
{
    conn->send_limit = limit;
}

bool qmp_conn_is_busy(const struct qmp_conn *conn)
{
    return conn->request != NULL;
}

/* ---- input ---- */

/* True when the next byte of input can be looked at. */
static bool can_go_on(const struct qmp_conn *conn)
{
    if (conn->failed || conn->output.size >= QMP_CONN_OUTPUT_MAX)
        return false;
    return !conn->request || (conn->state == CONN_STREAM && !conn->request->text_done);
}

bool qmp_conn_wants_input(const struct qmp_conn *conn)
{
    /* What failed outside of the owner's calls is told by qmp_conn_read(). */
    return conn->failed || (conn->input.size == 0 && can_go_on(conn));
}

void conn_notify(struct qmp_conn *conn)
{
    if (conn->running || conn->calls > 0) {
        conn->notify = true;
        return;
    }
    conn->notify = false;
    if (conn->changed)
        conn->changed(conn, conn->user);
}

void conn_run(struct qmp_conn *conn)
{
    if (conn->running)
        return;
    conn->running = true;
    while (can_go_on(conn)) {
        if (!conn_object_flush(conn))
            break;
        if (!can_go_on(conn))
            continue;
        if (conn->input.size == 0)
            break;
        conn_object_step(conn);
    }
    conn->running = false;
    if (conn->notify && conn->calls == 0)
        conn_notify(conn);
}

static void enter(struct qmp_conn *conn)
{
    conn->calls++;
}

/* The end of a call by the owner, who looks by itself at what has changed. */
static void leave(struct qmp_conn *conn)
{
    conn->calls--;
    if (conn->calls == 0)
        conn->notify = false;
}

ssize_t qmp_conn_feed(struct qmp_conn *conn, const char *data, size_t size)
{
    size_t taken = 0;
    int r = 0;

    enter(conn);
    while (taken < size && r == 0) {
        size_t room = qmp_buffer_room(&conn->input);
        size_t step = size - taken < room ? size - taken : room;

        if (step == 0)
            break;
        r = qmp_buffer_append(&conn->input, data + taken, step);
        if (r < 0)
            break;
        taken += step;
        conn_run(conn);
    }
    leave(conn);
    if (r < 0 || conn->failed)
        return -ENOMEM;
    return (ssize_t)taken;
}

ssize_t qmp_conn_read(struct qmp_conn *conn, int fd)
{
    char data[QMP_CONN_INPUT_MAX];
    ssize_t n, taken;

    if (conn->failed)
        return -ENOMEM;
    if (!qmp_conn_wants_input(conn))
        return -EAGAIN;
    do
        n = read(fd, data, sizeof(data));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    /* the input buffer is empty and as large as data: all of it is taken */
    taken = qmp_conn_feed(conn, data, (size_t)n);
    return taken < 0 ? taken : n;
}

/* ---- output ---- */

size_t qmp_conn_output_size(const struct qmp_conn *conn)
{
    return conn->output.size;
}

const char *qmp_conn_output(const struct qmp_conn *conn)
{
    return qmp_buffer_data(&conn->output);
}

void qmp_conn_output_sent(struct qmp_conn *conn, size_t size)
{
    enter(conn);
    qmp_buffer_consume(&conn->output, size);
    if (conn->request && conn->request->streams && conn->output.size < QMP_CONN_OUTPUT_MAX)
        conn->server->foreign->drained(conn->server->foreign_user, conn->request);
    conn_run(conn);
    leave(conn);
}

int qmp_conn_write(struct qmp_conn *conn, int fd)
{
    while (conn->output.size > 0) {
        ssize_t n = write(fd, qmp_buffer_data(&conn->output), conn->output.size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EAGAIN;
        qmp_conn_output_sent(conn, (size_t)n);
    }
    return 0;
}

/* ---- replies ---- */

/* Appends a piece of a reply; what is left out because memory is short is noted. */
static void add(struct qmp_conn *conn, const char *text, size_t size)
{
    if (!conn->failed && qmp_buffer_append(&conn->output, text, size) < 0)
        conn->failed = true;
}

static void add_text(struct qmp_conn *conn, const char *text)
{
    add(conn, text, strlen(text));
}

static void add_id(struct qmp_conn *conn)
{
    add_text(conn, "\"id\": ");
    add(conn, conn->id, conn->id_size);
}

void conn_reply_error(struct qmp_conn *conn, const struct qmp_error *error, bool with_id)
{
    add_text(conn, "{");
    if (with_id && conn->id) {
        add_id(conn);
        add_text(conn, ", ");
    }
    add_text(conn, "\"error\": ");
    if (!conn->failed && qmp_json_write_error(error, &conn->output) < 0)
        conn->failed = true;
    add_text(conn, "}\n");
    conn_notify(conn);
}

static void begin_return(struct qmp_conn *conn)
{
    add_text(conn, "{\"return\": ");
}

static void end_return(struct qmp_conn *conn)
{
    if (conn->id) {
        add_text(conn, ", ");
        add_id(conn);
    }
    add_text(conn, "}\n");
}

void conn_reply_return(struct qmp_conn *conn, struct json_object *value, bool delimited)
{
    static const char reset = QMP_FRAME_RESET_BYTE;

    if (delimited)
        add(conn, &reset, 1);
    begin_return(conn);
    if (!value)
        add_text(conn, "{}");
    else if (!conn->failed && qmp_json_write(value, &conn->output) < 0)
        conn->failed = true;
    end_return(conn);
    json_object_put(value);
}

void conn_reply_text(struct qmp_conn *conn, const struct qmp_buffer *text)
{
    begin_return(conn);
    add(conn, qmp_buffer_data(text), text->size);
    end_return(conn);
}

void conn_request_done(struct qmp_conn *conn)
{
    request_free(TAKE_PTR(conn->request));
    if (conn->ended) {
        conn_object_begin(conn);
    } else {
        conn->state = CONN_SKIP;
        conn->answered = true;
        qmp_buffer_clear(&conn->text);
    }
    conn->notify = true;
    conn_run(conn);
}

int qmp_conn_send(struct qmp_conn *conn, struct json_object *value)
{
    size_t before = conn->output.size;
    int r;

    if (conn->request && conn->request->streams)
        return -EBUSY;
    if (before >= conn->send_limit)
        return -ENOBUFS;
    r = qmp_json_write(value, &conn->output);
    if (r == 0)
        r = qmp_buffer_append(&conn->output, "\n", 1);
    if (r < 0) {
        conn->output.size = before;
        return r;
    }
    conn_notify(conn);
    return 0;
}
