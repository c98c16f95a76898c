/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object that a connection is reading: from the scanner's events to a request. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "server-internal.h"

/*
 * A foreign request is handed on when it is complete, so that what a client leaves half sent never
 * reaches the receiver; only one that is longer than this is handed on while it comes.
 */
#define STREAM_FROM (64U * 1024U)

/* The members that a request may have (docs/interop/qmp-spec.txt, "Issuing Commands"). */
enum conn_member { MEMBER_EXECUTE, MEMBER_ARGUMENTS, MEMBER_ID, MEMBERS };

static const char *const member_names[MEMBERS] = {
    [MEMBER_EXECUTE] = "execute",
    [MEMBER_ARGUMENTS] = "arguments",
    [MEMBER_ID] = "id",
};

void conn_object_begin(struct qmp_conn *conn)
{
    qmp_buffer_clear(&conn->text);
    conn->text.limit = conn->server->frame_limit + QMP_FRAME_OUT_MIN;
    conn->state = CONN_COLLECT;
    conn->ended = false;
    conn->answered = false;
    conn->seen = 0;
    conn->name[0] = '\0';
    conn->command = NULL;
    free(TAKE_PTR(conn->id));
    conn->id_size = 0;
    conn->error.desc[0] = '\0';
    conn->not_json = false;
}

/* The object will get an error: the rest of it is skipped. The first error counts. */
__attribute__((format(printf, 3, 4))) static void
refuse(struct qmp_conn *conn, enum qmp_error_class error_class, const char *format, ...)
{
    va_list args;

    if (!conn->error.desc[0]) {
        va_start(args, format);
        qmp_error_setv(&conn->error, error_class, format, args);
        va_end(args);
    }
    conn_cancel(conn);
    conn->state = CONN_SKIP;
    qmp_buffer_clear(&conn->text);
}

/* The same for a command that is not there. */
static void refuse_unknown(struct qmp_conn *conn)
{
    struct qmp_error error = { 0 };

    server_not_found(conn->server, conn->name, &error);
    refuse(conn, error.error_class, "%s", error.desc);
}

/* The reply to an object that becomes no request. */
static void answer_error(struct qmp_conn *conn, const struct qmp_error *error, bool with_id)
{
    if (!conn->answered)
        conn_reply_error(conn, error, with_id);
    conn->answered = true;
}

/* ---- handing on to the foreign receiver ---- */

/* True when the request that @request was is still being worked on. */
static bool still(const struct qmp_conn *conn, const struct qmp_request *request)
{
    return request && conn->request == request;
}

bool conn_object_flush(struct qmp_conn *conn)
{
    const struct qmp_foreign_ops *foreign = conn->server->foreign;
    struct qmp_request *request = conn->request;

    if (conn->state != CONN_STREAM || !request || request->text_done)
        return true;
    if (conn->text.size > 0) {
        size_t taken = foreign->write(conn->server->foreign_user, request,
                                      qmp_buffer_data(&conn->text), conn->text.size);

        if (!still(conn, request))
            return true;
        qmp_buffer_consume(&conn->text, taken);
        if (conn->text.size > 0)
            return false;
    }
    if (conn->ended) {
        request->text_done = true;
        foreign->end(conn->server->foreign_user, request);
    }
    return true;
}

static struct qmp_request *new_request(struct qmp_conn *conn)
{
    struct qmp_request *request = calloc(1, sizeof(*request));

    if (!request) {
        refuse(conn, QMP_GENERIC_ERROR, "Out of memory");
        return NULL;
    }
    request->conn = conn;
    request->command = conn->command;
    memcpy(request->name, conn->name, sizeof(request->name));
    return request;
}

/* The foreign request may begin: its text so far, and what follows, goes to the receiver. */
static void begin_foreign(struct qmp_conn *conn)
{
    struct qmp_request *request;

    if (server_check(conn->server, conn->name, NULL, &conn->error) < 0) {
        refuse(conn, QMP_GENERIC_ERROR, "The command %s is refused", conn->name);
        return;
    }
    request = new_request(conn);
    if (!request)
        return;
    conn->request = request;
    conn->state = CONN_STREAM;
    conn->text.limit = STREAM_FROM + QMP_FRAME_OUT_MIN;
    conn->server->foreign->begin(conn->server->foreign_user, request);
}

/* ---- the scanner's events ---- */

static void on_member(struct qmp_conn *conn)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (!qmp_frame_name_is(&conn->frame, member_names[i]))
            continue;
        if (conn->seen & 1U << i) {
            refuse(conn, QMP_GENERIC_ERROR, "JSON parse error, duplicate key");
            conn->not_json = true;
        }
        conn->seen |= 1U << i;
        return;
    }
    refuse(conn, QMP_GENERIC_ERROR, "QMP input member '%s' is unexpected", conn->frame.name);
}

static void on_execute(struct qmp_conn *conn)
{
    int r;

    if (conn->frame.value_kind != QMP_KIND_STRING) {
        refuse(conn, QMP_GENERIC_ERROR, "QMP input member 'execute' must be a string");
        return;
    }
    r = qmp_frame_value_string(&conn->frame, conn->name, sizeof(conn->name));
    if (r <= 0) {
        /* longer than any command's name, or with a U+0000 inside, or "" */
        refuse_unknown(conn);
        return;
    }
    conn->command = qmp_server_find(conn->server, conn->name);
    if (!conn->command && !conn->server->foreign)
        refuse_unknown(conn);
    else if (!conn->command)
        conn->text.limit = STREAM_FROM + QMP_FRAME_OUT_MIN;
}

static void on_id(struct qmp_conn *conn)
{
    size_t size = conn->frame.value_size;
    char *id;

    if (size > QMP_FRAME_VALUE_MAX) {
        refuse(conn, QMP_GENERIC_ERROR, "QMP input member 'id' is longer than %d bytes",
               QMP_FRAME_VALUE_MAX);
        return;
    }
    id = malloc(size);
    if (!id) {
        refuse(conn, QMP_GENERIC_ERROR, "Out of memory");
        return;
    }
    memcpy(id, conn->frame.value, size);
    free(conn->id);
    conn->id = id;
    conn->id_size = size;
}

static void on_value(struct qmp_conn *conn)
{
    if (qmp_frame_name_is(&conn->frame, "id"))
        on_id(conn);
    else if (qmp_frame_name_is(&conn->frame, "execute") && !conn->name[0])
        on_execute(conn);
    else if (qmp_frame_name_is(&conn->frame, "arguments") &&
             conn->frame.value_kind != QMP_KIND_OBJECT)
        refuse(conn, QMP_GENERIC_ERROR, "QMP input member 'arguments' must be an object");
}

/* The object doesn't fit: an error at once, since its end may be far. */
static void on_full(struct qmp_conn *conn)
{
    if (conn->state == CONN_STREAM)
        return; /* conn_run() flushes before it scans on */
    if (conn->name[0] && !conn->command) {
        begin_foreign(conn);
        return;
    }
    if (conn->name[0])
        refuse(conn, QMP_GENERIC_ERROR, "The request is longer than the %zu bytes allowed for %s",
               conn->server->frame_limit, conn->name);
    else
        refuse(conn, QMP_GENERIC_ERROR,
               "QMP input lacks member 'execute' in its first %zu bytes, which is the limit",
               conn->server->frame_limit);
    answer_error(conn, &conn->error, true);
}

/* Runs a command of ours. */
static void run_command(struct qmp_conn *conn)
{
    struct json_object *arguments = NULL;
    struct qmp_request *request;

    if (conn->frame.values > QMP_REQUEST_VALUES_MAX) {
        refuse(conn, QMP_GENERIC_ERROR, "The request has %zu values, and %u are allowed for %s",
               conn->frame.values, QMP_REQUEST_VALUES_MAX, conn->name);
        return;
    }
    request = new_request(conn);
    if (!request)
        return;
    conn->not_json = qmp_json_parse_frame(&conn->frame, qmp_buffer_data(&conn->text),
                                          conn->text.size, &request->tree, &conn->error) < 0;
    if (conn->not_json || server_check(conn->server, conn->name, conn->command, &conn->error) < 0) {
        request_free(request);
        refuse(conn, QMP_GENERIC_ERROR, "The command %s is refused", conn->name);
        return;
    }
    qmp_buffer_clear(&conn->text);
    conn->request = request;
    json_object_object_get_ex(request->tree, "arguments", &arguments);
    conn->command->run(request, arguments);
}

static void on_end(struct qmp_conn *conn)
{
    conn->ended = true;
    if (conn->frame.kind != QMP_KIND_OBJECT)
        refuse(conn, QMP_GENERIC_ERROR, "QMP input must be a JSON object");
    else if (!(conn->seen & 1U << MEMBER_EXECUTE))
        refuse(conn, QMP_GENERIC_ERROR, "QMP input lacks member 'execute'");
    if (conn->state == CONN_STREAM)
        return; /* conn_run() flushes the rest */
    if (conn->state == CONN_COLLECT && !conn->command)
        begin_foreign(conn);
    else if (conn->state == CONN_COLLECT)
        run_command(conn);
    if (conn->error.desc[0])
        answer_error(conn, &conn->error, !conn->not_json);
    if (!conn->request && conn->ended)
        conn_object_begin(conn);
}

void conn_object_step(struct qmp_conn *conn)
{
    size_t used = 0;
    enum qmp_frame_event event =
        qmp_frame_feed(&conn->frame, qmp_buffer_data(&conn->input), conn->input.size, &used,
                       conn->state == CONN_SKIP ? NULL : &conn->text);

    qmp_buffer_consume(&conn->input, used);
    switch (event) {
    case QMP_FRAME_MORE:
        break;
    case QMP_FRAME_FULL:
        on_full(conn);
        break;
    case QMP_FRAME_MEMBER:
        on_member(conn);
        break;
    case QMP_FRAME_VALUE:
        on_value(conn);
        break;
    case QMP_FRAME_END:
        on_end(conn);
        break;
    case QMP_FRAME_ERROR:
        conn_cancel(conn);
        answer_error(conn, &conn->frame.error, false);
        conn_object_begin(conn);
        break;
    }
}
