/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's protocols: a monitor's and an agent's beginning, commands, replies, events. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client-internal.h"
#include "sync.h"

/* Room for what a sentence says of a command; longer names are cut. */
#define WHAT_SIZE 128

/* ---- objects from the peer ---- */

static bool has(struct json_object *object, const char *name)
{
    return json_object_object_get_ex(object, name, NULL);
}

/* Keeps an event; the oldest gives way. */
static int keep_event(struct qmp_client *client, struct json_object *event)
{
    if (json_object_array_length(client->events) >= QMP_CLIENT_EVENTS_MAX) {
        json_object_array_del_idx(client->events, 0, 1);
        client->lost_events++;
    }
    return qmp_array_add(client->events, event);
}

/* The next object that is no event; a monitor's events are kept. */
static int read_reply(struct qmp_client *client, const struct client_wait *wait,
                      struct json_object **ret_reply, struct qmp_error *error)
{
    for (;;) {
        struct json_object *object = NULL;
        int r = client_read_object(client, wait, &object, error);

        if (r < 0)
            return r;
        if (client->kind != QMP_CLIENT_MONITOR || !has(object, "event")) {
            *ret_reply = object;
            return 0;
        }
        if (keep_event(client, object) < 0)
            return client_break(client, -ENOMEM, error, "Out of memory");
    }
}

/* Whether @reply answers an earlier command, for which nobody waits any more. */
static bool is_late(const struct qmp_client *client, struct json_object *reply)
{
    struct json_object *id;

    return json_object_object_get_ex(reply, "id", &id) && json_object_is_type(id, json_type_int) &&
           json_object_get_int64(id) > 0 && json_object_get_uint64(id) <= client->abandoned;
}

static int check_id(struct qmp_client *client, struct json_object *reply, uint64_t expected,
                    const struct client_wait *wait, struct qmp_error *error)
{
    struct json_object *id;

    if (!json_object_object_get_ex(reply, "id", &id))
        return client_break(client, -EPROTO, error, "%s: %s came without its id %" PRIu64,
                            client->name, wait->what, expected);
    if (!json_object_is_type(id, json_type_int) || json_object_get_uint64(id) != expected)
        return client_break(client, -EPROTO, error,
                            "%s: %s came with the id %.40s instead of %" PRIu64, client->name,
                            wait->what, json_object_get_string(id), expected);
    return 0;
}

/* Fills @error from an error reply; -EPROTO when it is malformed. */
static int take_error(struct qmp_client *client, struct json_object *reply,
                      const struct client_wait *wait, struct qmp_error *error)
{
    static const enum qmp_error_class classes[] = { QMP_GENERIC_ERROR, QMP_COMMAND_NOT_FOUND,
                                                    QMP_DEVICE_NOT_ACTIVE, QMP_DEVICE_NOT_FOUND,
                                                    QMP_KVM_MISSING_CAP };
    struct json_object *object = NULL;
    const char *class = NULL, *desc = NULL;
    struct qmp_error cause = { 0 };
    enum qmp_error_class error_class = QMP_GENERIC_ERROR;

    if (qmp_get_object(reply, NULL, "error", QMP_REQUIRED, &object, &cause) < 0 ||
        qmp_get_string(object, NULL, "class", QMP_REQUIRED, &class, &cause) < 0 ||
        qmp_get_string(object, NULL, "desc", QMP_REQUIRED, &desc, &cause) < 0)
        return client_break(client, -EPROTO, error, "%s: %s is malformed: %s", client->name,
                            wait->what, cause.desc);
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strcmp(class, qmp_error_class_name(classes[i])) == 0)
            error_class = classes[i];
    qmp_error_set(error, error_class, "%s", desc);
    return -EREMOTEIO;
}

/* Takes the value or the error out of @reply. */
static int take_value(struct qmp_client *client, struct json_object *reply,
                      const struct client_wait *wait, struct json_object **ret_value,
                      struct qmp_error *error)
{
    struct json_object *value;

    if (has(reply, "error"))
        return take_error(client, reply, wait, error);
    if (!json_object_object_get_ex(reply, "return", &value))
        return client_break(client, -EPROTO, error,
                            "%s: %s has neither \"return\" nor \"error\": %.200s", client->name,
                            wait->what, json_object_get_string(reply));
    if (ret_value)
        *ret_value = json_object_get(value);
    return 0;
}

/* ---- an agent's step ---- */

/* Passes over what earlier commands left on both sides. */
static int get_in_step(struct qmp_client *client, const struct client_wait *wait,
                       struct qmp_error *error)
{
    struct qmp_buffer out = { 0 };
    struct qmp_sync sync = { 0 };
    int r;

    if (client->in_step)
        return 0;
    r = qmp_sync_begin(&sync, ++client->sync_id, &out);
    if (r == 0)
        r = client_send(client, qmp_buffer_data(&out), out.size, wait, error);
    qmp_buffer_release(&out);
    while (r == 0) {
        size_t used = 0;
        bool found = qmp_sync_feed(&sync, qmp_buffer_data(&client->in), client->in.size, &used);

        qmp_buffer_consume(&client->in, used);
        if (found) {
            qmp_frame_init(&client->frame, 0);
            qmp_buffer_clear(&client->text);
            client->in_step = true;
            return 0;
        }
        r = client_fill(client, wait, error);
    }
    return r;
}

/* ---- commands ---- */

static int send_command(struct qmp_client *client, const char *name, struct json_object *arguments,
                        const struct client_wait *wait, struct qmp_error *error)
{
    _cleanup_json_ struct json_object *command = json_object_new_object();
    struct qmp_buffer text = { 0 };
    int r = command ? 0 : -ENOMEM;

    if (r == 0)
        r = qmp_object_add(command, "execute", json_object_new_string(name));
    if (r == 0 && arguments)
        r = qmp_object_add(command, "arguments", json_object_get(arguments));
    if (r == 0 && client->kind == QMP_CLIENT_MONITOR)
        r = qmp_object_add(command, "id", json_object_new_int64((int64_t)client->next_id));
    if (r == 0)
        r = qmp_json_write(command, &text);
    if (r == 0)
        r = qmp_buffer_append(&text, "\n", 1);
    if (r < 0)
        qmp_error_set(error, QMP_GENERIC_ERROR, "Out of memory");
    else
        r = client_send(client, qmp_buffer_data(&text), text.size, wait, error);
    qmp_buffer_release(&text);
    return r;
}

/* A monitor's reply to the command just sent. */
static int read_own_reply(struct qmp_client *client, uint64_t id, const struct client_wait *wait,
                          struct json_object **ret_value, struct qmp_error *error)
{
    for (;;) {
        _cleanup_json_ struct json_object *reply = NULL;
        int r = read_reply(client, wait, &reply, error);

        if (r < 0)
            return r;
        if (client->kind == QMP_CLIENT_MONITOR) {
            if (is_late(client, reply))
                continue;
            r = check_id(client, reply, id, wait, error);
        }
        return r < 0 ? r : take_value(client, reply, wait, ret_value, error);
    }
}

/* After a command that was not answered in time. */
static void abandon(struct qmp_client *client, int r)
{
    if (r != -ETIMEDOUT && r != -EINTR)
        return;
    client->abandoned = client->next_id - 1;
    client->in_step = false;
}

int qmp_client_execute(struct qmp_client *client, const char *name, struct json_object *arguments,
                       uint64_t timeout_usec, struct json_object **ret_value,
                       struct qmp_error *error)
{
    _cleanup_json_ struct json_object *owned = arguments;
    char what[WHAT_SIZE] = "the reply to guest-sync-delimited";
    struct client_wait wait = client_wait_begin(what, timeout_usec);
    uint64_t id = client->next_id;
    int r = client_check(client, error);

    if (r < 0)
        return r;
    if (client->kind == QMP_CLIENT_AGENT)
        r = get_in_step(client, &wait, error);
    if (r == 0) {
        snprintf(what, sizeof(what), "the reply to '%.80s'", name);
        r = send_command(client, name, owned, &wait, error);
        client->next_id++;
    }
    if (r == 0)
        r = read_own_reply(client, id, &wait, ret_value, error);
    abandon(client, r);
    return r;
}

int qmp_client_pass(struct qmp_client *client, const char *text, uint64_t timeout_usec,
                    struct json_object **ret_reply, struct qmp_error *error)
{
    _cleanup_json_ struct json_object *object = NULL;
    struct client_wait wait = client_wait_begin("the reply to guest-sync-delimited", timeout_usec);
    int r = client_check(client, error);

    if (r < 0)
        return r;
    r = qmp_json_parse(text, strlen(text), &object, error);
    if (r < 0)
        return r;
    if (!json_object_is_type(object, json_type_object))
        return qmp_error_set(error, QMP_GENERIC_ERROR, "a command is a JSON object");
    r = get_in_step(client, &wait, error);
    wait.what = "the reply to the command";
    if (r == 0)
        r = client_send(client, text, strlen(text), &wait, error);
    if (r == 0)
        r = client_send(client, "\n", 1, &wait, error);
    if (r == 0)
        r = read_reply(client, &wait, ret_reply, error);
    abandon(client, r);
    return r;
}

int qmp_client_wait_event(struct qmp_client *client, uint64_t timeout_usec,
                          struct json_object **ret_event, struct qmp_error *error)
{
    struct client_wait wait = client_wait_begin("an event", timeout_usec);
    int r = 0;

    while (json_object_array_length(client->events) == 0) {
        struct json_object *object = NULL;

        r = client_check(client, error);
        if (r == 0)
            r = client_read_object(client, &wait, &object, error);
        if (r < 0)
            return r;
        if (has(object, "event")) {
            *ret_event = object;
            return 0;
        }
        if (!is_late(client, object))
            r = client_break(client, -EPROTO, error,
                             "%s: a reply came that nobody asked for: %.200s", client->name,
                             json_object_get_string(object));
        json_object_put(object);
        if (r < 0)
            return r;
    }
    *ret_event = json_object_get(json_object_array_get_idx(client->events, 0));
    json_object_array_del_idx(client->events, 0, 1);
    return 0;
}

/* ---- the beginning and the end ---- */

static int negotiate(struct qmp_client *client, uint64_t timeout_usec, struct qmp_error *error)
{
    struct client_wait wait = client_wait_begin(
        "the monitor's greeting (one that has a client already does not greet another)",
        timeout_usec);
    struct json_object *qmp;
    uint64_t now;
    int r = client_read_object(client, &wait, &client->greeting, error);

    if (r < 0)
        return r;
    if (!json_object_object_get_ex(client->greeting, "QMP", &qmp) ||
        !json_object_is_type(qmp, json_type_object))
        return client_break(client, -EPROTO, error, "%s: what came first is no greeting: %.200s",
                            client->name, json_object_get_string(client->greeting));
    now = qmp_client_now();
    if (wait.deadline_usec != QMP_CLIENT_FOREVER)
        timeout_usec = now < wait.deadline_usec ? wait.deadline_usec - now : 0;
    return qmp_client_execute(client, "qmp_capabilities", NULL, timeout_usec, NULL, error);
}

int qmp_client_open(int fd, const char *name, enum qmp_client_kind kind, uint64_t timeout_usec,
                    qmp_client_poll *poll_function, struct qmp_client **ret_client,
                    struct qmp_error *error)
{
    _cleanup_(qmp_client_freep) struct qmp_client *client = calloc(1, sizeof(*client));
    struct client_wait wait = client_wait_begin("the reply to guest-sync-delimited", timeout_usec);
    uint32_t random = 0;
    int r;

    if (client)
        *client = (struct qmp_client){ .fd = fd,
                                       .kind = kind,
                                       .name = strdup(name),
                                       .poll_function = poll_function,
                                       .events = json_object_new_array(),
                                       .next_id = 1,
                                       .text = { .limit = QMP_CLIENT_REPLY_MAX } };
    else
        close(fd);
    if (!client || !client->name || !client->events) {
        qmp_error_set(error, QMP_GENERIC_ERROR, "Out of memory");
        return -ENOMEM;
    }
    qmp_frame_init(&client->frame, 0);
    /* without randomness the clock tells this connection's ids from earlier ones' */
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        random = (uint32_t)qmp_client_now();
    client->sync_id = (int64_t)random << 16;

    if (kind == QMP_CLIENT_MONITOR)
        r = negotiate(client, timeout_usec, error);
    else
        r = get_in_step(client, &wait, error);
    if (r < 0)
        return r;
    *ret_client = TAKE_PTR(client);
    return 0;
}

int qmp_client_connect(const char *path, enum qmp_client_kind kind, uint64_t timeout_usec,
                       qmp_client_poll *poll_function, struct qmp_client **ret_client,
                       struct qmp_error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd = -1;

    if (strlen(path) >= sizeof(address.sun_path)) {
        qmp_error_set(error, QMP_GENERIC_ERROR,
                      "%s: the path of a unix socket has at most %zu bytes", path,
                      sizeof(address.sun_path) - 1);
        return -ENAMETOOLONG;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int r = -errno;

        /* of a unix socket, EAGAIN says that as many wait to be accepted as may */
        qmp_error_set(error, QMP_GENERIC_ERROR, "%s: %s", path,
                      r == -EAGAIN ? "the listener accepts nobody, and its queue is full"
                                   : strerror(-r));
        return r;
    }
    return qmp_client_open(take_fd(&fd), path, kind, timeout_usec, poll_function, ret_client,
                           error);
}

void qmp_client_free(struct qmp_client *client)
{
    if (!client)
        return;
    close(client->fd);
    free(client->name);
    json_object_put(client->greeting);
    json_object_put(client->events);
    qmp_buffer_release(&client->in);
    qmp_buffer_release(&client->text);
    free(client);
}

unsigned int qmp_client_lost_events(const struct qmp_client *client)
{
    return client->lost_events;
}

struct json_object *qmp_client_greeting(const struct qmp_client *client)
{
    return client->greeting;
}
