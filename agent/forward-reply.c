/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chaining: a command of the host on its way to the agent behind us, and its reply back. */
#include "agent/forward-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/log.h"
#include "qmp/json.h"

/* A reply's first member is known after this many bytes, or it is none. */
#define HEAD_MAX 1024U

enum reply_member { REPLY_RETURN, REPLY_ERROR, REPLY_ID, REPLY_MEMBERS };

static const char *const member_names[REPLY_MEMBERS] = {
    [REPLY_RETURN] = "return",
    [REPLY_ERROR] = "error",
    [REPLY_ID] = "id",
};

/* Whether the agent behind us says that @name has no reply on success. */
static bool is_silent(const struct forward *forward, const char *name)
{
    size_t count = forward->commands ? json_object_array_length(forward->commands) : 0;

    for (size_t i = 0; i < count; i++) {
        struct json_object *entry = json_object_array_get_idx(forward->commands, i);
        const char *its_name;
        bool responds;

        if (qmp_get_string(entry, NULL, "name", QMP_REQUIRED, &its_name, NULL) > 0 &&
            strcmp(its_name, name) == 0)
            return qmp_get_bool(entry, NULL, "success-response", QMP_OPTIONAL, &responds, NULL) >
                       0 &&
                   !responds;
    }
    return false;
}

void command_begin(struct forward *forward)
{
    struct forward_command *command = &forward->command;
    const char *name = qmp_request_name(forward->request);

    qmp_buffer_release(&command->head);
    *command = (struct forward_command){
        .role = freeze_role(name),
        .was_frozen = forward->frozen,
        .silent = is_silent(forward, name),
        .head = { .limit = HEAD_MAX + QMP_FRAME_OUT_MIN },
    };
    snprintf(command->name, sizeof(command->name), "%s", name);
    qmp_frame_init(&command->frame, QMP_FRAME_SPACED);
    forward->link.state = LINK_BUSY;
    forward->started = true;
    /* The freeze may take hold before its reply is here, so what it forbids ends before it. */
    if (command->role == FREEZE_FREEZE)
        forward_set_frozen(forward, true);
    qmp_request_resume(forward->request);
}

void command_cancel(struct forward *forward)
{
    struct forward_command *command = &forward->command;

    forward->request = NULL;
    forward->info = NULL;
    if (!forward->started)
        return;
    forward->started = false;
    forward->link.paused = false;
    if (command->text_done)
        return; /* its reply is read and dropped; for a freeze it is of interest */
    /* It was never complete, so it won't be executed: what comes next resets the parser. */
    qmp_buffer_clear(&forward->link.out);
    forward->link.out_of_step = true;
    if (command->role == FREEZE_FREEZE)
        forward_set_frozen(forward, command->was_frozen);
    forward_ready(forward);
}

/* What the complete reply says about frozen file systems. */
static void note_frozen(struct forward *forward)
{
    const struct forward_command *command = &forward->command;
    bool success = command->seen & 1U << REPLY_RETURN;

    if (command->role == FREEZE_THAW && success)
        forward_set_frozen(forward, false);
    /* a freeze that found nothing to freeze leaves qemu-ga thawed (qga/commands-posix.c) */
    if (command->role == FREEZE_FREEZE && (!success || command->changed_nothing))
        forward_set_frozen(forward, command->was_frozen);
    if (command->role == FREEZE_STATUS && (command->says_frozen || command->says_thawed))
        forward_set_frozen(forward, command->says_frozen);
}

/*
 * The command is over: nothing of it is left when the host's next one begins. Returns the request
 * to complete, or NULL: the one it came from was cancelled, and another may be waiting.
 */
static struct qmp_request *command_end(struct forward *forward)
{
    struct qmp_request *request = forward->started ? TAKE_PTR(forward->request) : NULL;

    forward->started = false;
    forward->link.paused = false;
    forward_ready(forward);
    return request;
}

void command_silent(struct forward *forward)
{
    struct qmp_request *request = command_end(forward);

    /* An error that comes after all, when the guest has been woken up, is passed over by a sync. */
    forward->link.out_of_step = true;
    if (request)
        qmp_request_no_reply(request);
}

static bool broken(struct forward *forward, const char *why)
{
    forward_fail(forward, "sent a broken reply: %s", why);
    return false;
}

/* What stands under a name at the top of the reply is looked at where it matters. */
static void note_value(struct forward_command *command)
{
    static const char frozen[] = "\"frozen\"", thawed[] = "\"thawed\"";
    const struct qmp_frame *frame = &command->frame;

    if (!qmp_frame_name_is(frame, "return"))
        return;
    command->changed_nothing = frame->value_size == 1 && frame->value[0] == '0';
    command->says_frozen =
        frame->value_size == strlen(frozen) && memcmp(frame->value, frozen, strlen(frozen)) == 0;
    command->says_thawed =
        frame->value_size == strlen(thawed) && memcmp(frame->value, thawed, strlen(thawed)) == 0;
}

/* A member of the reply begins. After the first, the host may have what has come. */
static bool note_member(struct forward *forward)
{
    struct forward_command *command = &forward->command;
    struct qmp_buffer *head = &command->head;
    unsigned int seen = 0;
    int r;

    for (unsigned int i = 0; i < REPLY_MEMBERS; i++)
        if (qmp_frame_name_is(&command->frame, member_names[i]))
            seen = 1U << i;
    if (!seen || command->seen & seen)
        return broken(forward, "its members are not those of a reply");
    command->seen |= seen;
    if ((command->seen & 1U << REPLY_RETURN) && (command->seen & 1U << REPLY_ERROR))
        return broken(forward, "it is both a success and an error");
    if (command->streams || !forward->started)
        return true;
    command->streams = true;
    r = qmp_buffer_append(qmp_request_stream(forward->request), qmp_buffer_data(head), head->size);
    qmp_buffer_clear(head);
    return r == 0 || broken(forward, "out of memory");
}

static bool reply_complete(struct forward *forward)
{
    const struct forward_command *command = &forward->command;
    struct qmp_request *request;

    if (!(command->seen & (1U << REPLY_RETURN | 1U << REPLY_ERROR)))
        return broken(forward, "it is neither a success nor an error");
    note_frozen(forward);
    request = command_end(forward);
    if (request)
        qmp_request_stream_end(request);
    return true;
}

bool command_receive(struct forward *forward)
{
    struct forward_command *command = &forward->command;
    struct forward_link *link = &forward->link;
    struct qmp_buffer *out = NULL;
    enum qmp_frame_event event;
    size_t used = 0;

    if (!command->text_done)
        return broken(forward, "it came before the command was complete");
    if (forward->started)
        out = command->streams ? qmp_request_stream(forward->request) : &command->head;
    event = qmp_frame_feed(&command->frame, link->in + link->in_start, link->in_size, &used, out);
    link_consume(forward, used);
    switch (event) {
    case QMP_FRAME_FULL:
        if (!command->streams)
            return broken(forward, "it does not begin as a reply");
        link->paused = true;
        qmp_request_written(forward->request);
        return false;
    case QMP_FRAME_MEMBER:
        return note_member(forward);
    case QMP_FRAME_VALUE:
        note_value(command);
        return true;
    case QMP_FRAME_END:
        return reply_complete(forward);
    case QMP_FRAME_ERROR:
        return broken(forward, command->frame.error.desc);
    case QMP_FRAME_MORE:
        break;
    }
    if (out && command->streams)
        qmp_request_written(forward->request);
    return true;
}

/*
 * Ends a reply that broke off when the host already had its beginning. The host's parser has to
 * come to the end of an object, or it takes the next reply for a part of this one; and it must not
 * take what it has for a success. So what is open is closed, and a member "error" is added: libvirt
 * (qemuAgentCheckError()) and QEMU's own clients look for that one first. An object that was simply
 * left open would cost more: libvirt reads line by line, and gives the whole agent up when a line
 * is not JSON, until the port is closed and opened again.
 */
static void close_reply(struct forward *forward, struct qmp_request *request,
                        const struct qmp_error *error)
{
    struct forward_command *command = &forward->command;
    struct qmp_buffer *out = qmp_request_stream(request);
    int r;

    out->limit = 0; /* what closes a reply has to fit, and is small */
    r = qmp_frame_close(&command->frame, 1, out);
    if (r == 0 && !(command->seen & 1U << REPLY_ERROR)) {
        static const char member[] = ", \"error\": ";

        r = qmp_buffer_append(out, member, strlen(member));
        if (r == 0)
            r = qmp_json_write_error(error, out);
    }
    if (r == 0)
        (void)qmp_buffer_append(out, "}", 1);
    qmp_request_stream_end(request);
}

void command_fail(struct forward *forward, const char *desc)
{
    struct qmp_request *request = TAKE_PTR(forward->request);
    forward_info info = forward->info;
    bool streams = forward->started && forward->command.streams;
    struct qmp_error error = { 0 };

    forward->info = NULL;
    forward->started = false;
    if (!request)
        return;
    /* Without an agent behind us the command is what it is without chaining: not found. */
    if (forward->absent)
        qmp_error_set(&error, QMP_COMMAND_NOT_FOUND, "The command %s has not been found (%s)",
                      qmp_request_name(request), desc);
    else
        qmp_error_set(&error, QMP_GENERIC_ERROR, "%s", desc);
    if (info)
        info(request, NULL);
    else if (streams)
        close_reply(forward, request, &error);
    else
        qmp_request_error(request, &error);
}
