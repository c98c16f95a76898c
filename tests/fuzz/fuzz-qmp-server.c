/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command server with a receiver for foreign commands. Properties: each reply is one line of
 * JSON; what the receiver is given is one whole object each, or is cancelled, and names no command
 * of ours; memory is bounded. The first byte chooses how the receiver and the handlers behave.
 */
#include <string.h>

#include "fuzz.h"
#include "qmp/conn.h"
#include "qmp/json.h"

#define FRAME_LIMIT 4096U

/* ---- the receiver ---- */

struct receiver {
    unsigned int options;
    struct qmp_request *request;
    struct qmp_buffer text;
};

static void check_text(const struct receiver *receiver)
{
    struct json_object *object = NULL;
    struct qmp_error error = { 0 };
    const char *name = NULL;

    if (qmp_json_parse(qmp_buffer_data(&receiver->text), receiver->text.size, &object, &error) <
        0) {
        hold(strcmp(error.desc, "JSON parse error, duplicate key") == 0); /* below the top */
        return;
    }
    hold(qmp_get_string(object, NULL, "execute", QMP_REQUIRED, &name, &error) == 1);
    hold(strcmp(name, qmp_request_name(receiver->request)) == 0);
    hold(!qmp_server_find(qmp_request_server(receiver->request), name));
    json_object_put(object);
}

static void on_begin(void *user, struct qmp_request *request)
{
    struct receiver *receiver = user;

    hold(!receiver->request);
    if (receiver->options & 1) {
        qmp_request_fail(request, "not now");
        return;
    }
    receiver->request = request;
    qmp_buffer_clear(&receiver->text);
}

static size_t on_write(void *user, struct qmp_request *request, const char *data, size_t size)
{
    struct receiver *receiver = user;
    size_t most = receiver->options & 2 ? 7 : size;

    hold(receiver->request == request);
    if (receiver->options & 4 && receiver->text.size > 100) {
        receiver->request = NULL;
        qmp_request_fail(request, "enough");
        return 0;
    }
    if (size > most)
        size = most;
    hold(qmp_buffer_append(&receiver->text, data, size) == 0);
    return size;
}

static void on_end(void *user, struct qmp_request *request)
{
    static const char reply[] = "{\"return\": \"foreign\"}";
    struct receiver *receiver = user;

    hold(receiver->request == request);
    check_text(receiver);
    receiver->request = NULL;
    hold(qmp_buffer_append(qmp_request_stream(request), reply, strlen(reply)) == 0);
    qmp_request_stream_end(request);
}

static void on_cancel(void *user, struct qmp_request *request)
{
    struct receiver *receiver = user;

    hold(receiver->request == request);
    receiver->request = NULL;
}

static void on_drained(void *user, struct qmp_request *request)
{
    (void)user;
    (void)request;
}

static const struct qmp_foreign_ops foreign = {
    .begin = on_begin,
    .write = on_write,
    .end = on_end,
    .cancel = on_cancel,
    .drained = on_drained,
};

/* ---- commands of ours ---- */

static void run_get(struct qmp_request *request, struct json_object *arguments)
{
    struct qmp_error error = { 0 };
    struct json_object *array = NULL;
    const char *text = NULL;
    int64_t number = 0;

    if (qmp_get_int64(arguments, NULL, "number", QMP_OPTIONAL, &number, &error) < 0 ||
        qmp_get_string(arguments, NULL, "text", QMP_OPTIONAL, &text, &error) < 0 ||
        qmp_get_array(arguments, NULL, "array", QMP_OPTIONAL, &array, &error) < 0) {
        qmp_request_error(request, &error);
        return;
    }
    for (size_t i = 0; array && i < json_object_array_length(array); i++) {
        struct qmp_where where = { .member = "array", .in_array = true, .index = i };
        struct json_object *element;
        bool flag;

        if (qmp_get_element_object(array, &where, &element, &error) < 0 ||
            qmp_get_bool(element, &where, "flag", QMP_REQUIRED, &flag, &error) < 0) {
            qmp_request_error(request, &error);
            return;
        }
    }
    qmp_request_return(request, json_object_get(arguments));
}

static void cancel_later(struct qmp_request *request, void *data)
{
    struct qmp_request **later = data;

    hold(*later == request);
    *later = NULL;
}

static void run_later(struct qmp_request *request, struct json_object *arguments)
{
    struct qmp_request **later = qmp_request_conn_user(request);

    (void)arguments;
    hold(!*later);
    *later = request;
    qmp_request_later(request, cancel_later, later);
}

static const struct qmp_command commands[] = {
    { .name = "guest-sync", .run = qmp_cmd_guest_sync },
    { .name = "guest-sync-delimited", .run = qmp_cmd_guest_sync_delimited },
    { .name = "our-get", .run = run_get },
    { .name = "our-later", .run = run_later },
    { .name = "our-quiet", .run = run_get, .flags = QMP_NO_SUCCESS_RESPONSE },
    { 0 },
};

/* ---- a conversation ---- */

/* Takes what is there to be sent, and looks at the lines that are whole. */
static void drain(struct qmp_conn *conn, struct qmp_buffer *replies)
{
    const char *line_end;

    while (qmp_conn_output_size(conn) > 0) {
        size_t size = qmp_conn_output_size(conn);

        hold(qmp_buffer_append(replies, qmp_conn_output(conn), size) == 0);
        qmp_conn_output_sent(conn, size);
    }
    while ((line_end = memchr(qmp_buffer_data(replies), '\n', replies->size))) {
        const char *line = qmp_buffer_data(replies);
        size_t size = (size_t)(line_end - line), skip = line[0] == '\xff';
        struct json_object *reply = NULL;
        struct qmp_error error = { 0 };

        if (qmp_json_parse(line + skip, size - skip, &reply, &error) < 0)
            hold(strcmp(error.desc, "JSON parse error, duplicate key") == 0); /* in an id */
        else
            hold(json_object_is_type(reply, json_type_object));
        json_object_put(reply);
        qmp_buffer_consume(replies, size + 1);
    }
}

static void converse(struct qmp_conn *conn, struct receiver *receiver, struct qmp_request **later,
                     const uint8_t *data, size_t size)
{
    size_t chunk = receiver->options & 8 ? 13 : size + 1;
    struct qmp_buffer replies = { 0 };

    for (size_t done = 0; done < size;) {
        size_t step = size - done < chunk ? size - done : chunk;
        ssize_t taken = qmp_conn_feed(conn, (const char *)data + done, step);

        hold(taken >= 0 && (size_t)taken <= step);
        done += (size_t)taken;
        hold(qmp_conn_output_size(conn) < QMP_CONN_OUTPUT_MAX + 8 * FRAME_LIMIT);
        if ((size_t)taken == step && receiver->options & 16)
            continue;
        if (*later)
            qmp_request_return(TAKE_PTR(*later), NULL);
        while (receiver->request && !qmp_conn_wants_input(conn))
            qmp_request_resume(receiver->request);
        drain(conn, &replies);
    }
    drain(conn, &replies);
    hold(replies.size == 0);
    qmp_buffer_release(&replies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct receiver receiver = { .options = size ? data[0] : 0 };
    struct qmp_server_config config = {
        .commands = commands,
        .frame_limit = FRAME_LIMIT,
        .foreign = receiver.options & 32 ? NULL : &foreign,
        .foreign_user = &receiver,
    };
    struct qmp_request *later = NULL;
    struct qmp_server *server;
    struct qmp_conn *conn;

    if (size == 0)
        return 0;
    hold(qmp_server_new(&config, &server) == 0);
    hold(qmp_conn_new(server, NULL, &later, &conn) == 0);
    converse(conn, &receiver, &later, data + 1, size - 1);
    if (receiver.options & 64) {
        qmp_conn_reset(conn);
        hold(!later && !receiver.request && qmp_conn_wants_input(conn));
    }
    qmp_conn_free(conn);
    hold(!later && !receiver.request);
    qmp_server_free(server);
    qmp_buffer_release(&receiver.text);
    return 0;
}
