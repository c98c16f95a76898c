/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request as its handler sees it: what it is, and completing it. */
#include "server.h"

#include <stdlib.h>

#include "json.h"
#include "server-internal.h"

void request_free(struct qmp_request *request)
{
    if (!request)
        return;
    json_object_put(request->tree);
    free(request);
}

const char *qmp_request_name(const struct qmp_request *request)
{
    return request->name;
}

struct qmp_server *qmp_request_server(const struct qmp_request *request)
{
    return request->conn->server;
}

void *qmp_request_conn_user(const struct qmp_request *request)
{
    return request->conn->user;
}

void qmp_request_later(struct qmp_request *request,
                       void (*cancel)(struct qmp_request *request, void *data), void *data)
{
    request->cancel = cancel;
    request->data = data;
}

static void return_value(struct qmp_request *request, struct json_object *value, bool delimited)
{
    if (request->command && request->command->flags & QMP_NO_SUCCESS_RESPONSE)
        json_object_put(value);
    else
        conn_reply_return(request->conn, value, delimited);
    conn_request_done(request->conn);
}

void qmp_request_return(struct qmp_request *request, struct json_object *value)
{
    return_value(request, value, false);
}

void qmp_request_return_delimited(struct qmp_request *request, struct json_object *value)
{
    return_value(request, value, true);
}

void qmp_request_return_text(struct qmp_request *request, const struct qmp_buffer *text)
{
    conn_reply_text(request->conn, text);
    conn_request_done(request->conn);
}

void qmp_request_error(struct qmp_request *request, const struct qmp_error *error)
{
    conn_reply_error(request->conn, error, true);
    conn_request_done(request->conn);
}

void qmp_request_fail(struct qmp_request *request, const char *format, ...)
{
    struct qmp_error error = { 0 };
    va_list args;

    va_start(args, format);
    qmp_error_setv(&error, QMP_GENERIC_ERROR, format, args);
    va_end(args);
    qmp_request_error(request, &error);
}

void qmp_request_no_reply(struct qmp_request *request)
{
    conn_request_done(request->conn);
}

struct qmp_buffer *qmp_request_stream(struct qmp_request *request)
{
    struct qmp_conn *conn = request->conn;

    /* a request is started when less than QMP_CONN_OUTPUT_MAX is waiting: as much again is free */
    conn->output.limit = 2 * QMP_CONN_OUTPUT_MAX;
    request->streams = true;
    return &conn->output;
}

void qmp_request_written(struct qmp_request *request)
{
    conn_notify(request->conn);
}

void qmp_request_stream_end(struct qmp_request *request)
{
    struct qmp_conn *conn = request->conn;

    conn->output.limit = 0;
    if (qmp_buffer_append(&conn->output, "\n", 1) < 0)
        conn->failed = true;
    conn_request_done(conn);
}

void qmp_request_resume(struct qmp_request *request)
{
    struct qmp_conn *conn = request->conn;

    conn->notify = true; /* input may be wanted again */
    conn_run(conn);
}

/* The argument "id" of guest-sync and guest-sync-delimited; NULL: an error was sent. */
static struct json_object *sync_id(struct qmp_request *request, struct json_object *arguments)
{
    static const char *const members[] = { "id", NULL };
    struct qmp_error error = { 0 };
    struct json_object *value;
    int64_t id;

    if (qmp_get_int64(arguments, NULL, "id", QMP_REQUIRED, &id, &error) < 0 ||
        qmp_check_members(arguments, NULL, members, &error) < 0) {
        qmp_request_error(request, &error);
        return NULL;
    }
    value = json_object_new_int64(id);
    if (!value)
        qmp_request_fail(request, "Out of memory");
    return value;
}

void qmp_cmd_guest_sync(struct qmp_request *request, struct json_object *arguments)
{
    struct json_object *value = sync_id(request, arguments);

    if (value)
        qmp_request_return(request, value);
}

void qmp_cmd_guest_sync_delimited(struct qmp_request *request, struct json_object *arguments)
{
    struct json_object *value = sync_id(request, arguments);

    if (value)
        qmp_request_return_delimited(request, value);
}
