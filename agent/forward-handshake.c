/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chaining: getting in step with the agent behind us, and asking what there is to know. */
#include "agent/forward-internal.h"

#include <errno.h>
#include <string.h>

#include "agent/log.h"
#include "qmp/json.h"

/* The longest reply to our own questions; the guest-info of qemu-ga 7.2 has 5 KiB. */
#define ANSWER_MAX (1024U * 1024U)

/* Asks; the answer is collected in the command's buffer, which is free meanwhile. */
static int ask(struct forward *forward, enum link_state state, const char *name)
{
    static const char before[] = "{\"execute\": \"", after[] = "\"}\n";
    struct qmp_buffer *out = &forward->link.out;
    int r;

    forward->link.state = state;
    qmp_frame_init(&forward->command.frame, 0);
    qmp_buffer_clear(&forward->command.head);
    forward->command.head.limit = ANSWER_MAX;
    r = qmp_buffer_append(out, before, strlen(before));
    if (r == 0)
        r = qmp_buffer_append(out, name, strlen(name));
    if (r == 0)
        r = qmp_buffer_append(out, after, strlen(after));
    return r;
}

/* Whether the agent behind us has a command and would run it. */
static bool offers(const struct forward *forward, const char *name)
{
    size_t count = forward->commands ? json_object_array_length(forward->commands) : 0;

    for (size_t i = 0; i < count; i++) {
        struct json_object *entry = json_object_array_get_idx(forward->commands, i);
        const char *its_name;
        bool enabled;

        if (qmp_get_string(entry, NULL, "name", QMP_REQUIRED, &its_name, NULL) > 0 &&
            strcmp(its_name, name) == 0)
            return qmp_get_bool(entry, NULL, "enabled", QMP_REQUIRED, &enabled, NULL) > 0 &&
                   enabled;
    }
    return false;
}

/* Keeps the list of commands if it is one: an array of objects. */
static void take_info(struct forward *forward, struct json_object *answer)
{
    struct json_object *info, *commands;

    if (qmp_get_object(answer, NULL, "return", QMP_REQUIRED, &info, NULL) < 0 ||
        qmp_get_array(info, NULL, "supported_commands", QMP_REQUIRED, &commands, NULL) < 0) {
        log_host(LOG_WARNING, "the agent at %s does not tell its commands", forward->path);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(commands); i++)
        if (!json_object_is_type(json_object_array_get_idx(commands, i), json_type_object))
            return;
    json_object_put(forward->commands);
    forward->commands = json_object_get(commands);
}

static void take_status(struct forward *forward, struct json_object *answer)
{
    const char *status;

    if (qmp_get_string(answer, NULL, "return", QMP_REQUIRED, &status, NULL) < 0)
        return;
    if (strcmp(status, "thawed") == 0)
        forward_set_frozen(forward, false);
    else if (strcmp(status, "frozen") == 0)
        forward_set_frozen(forward, true);
}

/* An answer to one of our questions is complete. */
static int answered(struct forward *forward)
{
    _cleanup_json_ struct json_object *answer = NULL;
    struct qmp_error error = { 0 };
    struct qmp_buffer *text = &forward->command.head;
    int r = qmp_json_parse_frame(&forward->command.frame, qmp_buffer_data(text), text->size,
                                 &answer, &error);

    qmp_buffer_clear(text);
    if (r < 0 || !json_object_is_type(answer, json_type_object))
        return -EPROTO;
    if (forward->link.state == LINK_INFO) {
        take_info(forward, answer);
        if (offers(forward, "guest-fsfreeze-status"))
            return ask(forward, LINK_STATUS, "guest-fsfreeze-status");
    } else {
        take_status(forward, answer);
    }
    forward_ready(forward);
    return 0;
}

int handshake_receive(struct forward *forward)
{
    struct forward_link *link = &forward->link;
    const char *data = link->in + link->in_start;
    enum qmp_frame_event event;
    size_t used = 0;

    if (link->state == LINK_SYNC) {
        bool done = qmp_sync_feed(&forward->sync, data, link->in_size, &used);

        link_consume(forward, used);
        if (!done)
            return 0;
        if (!forward->commands)
            return ask(forward, LINK_INFO, "guest-info");
        forward_ready(forward);
        return 0;
    }
    event =
        qmp_frame_feed(&forward->command.frame, data, link->in_size, &used, &forward->command.head);
    link_consume(forward, used);
    if (event == QMP_FRAME_ERROR || event == QMP_FRAME_FULL)
        return -EPROTO;
    return event == QMP_FRAME_END ? answered(forward) : 0;
}
