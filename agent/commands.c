/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of commands, and the ones that speak of the agent itself. */
#include "agent/commands.h"

#include <string.h>

#include "agent/agent.h"
#include "agent/reply.h"

/*
 * Names, arguments and replies: QEMU's qga/qapi-schema.json; with the prefix of downstream
 * extensions (docs/devel/qapi-code-gen.rst, "Downstream extensions") ours, cpuctl-qapi.json.
 */
const struct qmp_command agent_commands[] = {
    { .name = "guest-sync-delimited", .run = qmp_cmd_guest_sync_delimited },
    { .name = "guest-sync", .run = qmp_cmd_guest_sync },
    { .name = "guest-ping", .run = command_ping },
    { .name = "guest-info", .run = command_info },
    { .name = "guest-get-vcpus", .run = command_get_vcpus },
    { .name = "guest-set-vcpus", .run = command_set_vcpus },
    { .name = "guest-get-osinfo", .run = command_get_osinfo },
    { .name = "guest-get-host-name", .run = command_get_host_name },
    { .name = "guest-get-timezone", .run = command_get_timezone },
    { .name = "guest-get-time", .run = command_get_time },
    { .name = "guest-get-cpustats", .run = command_get_cpustats },
    { .name = "guest-get-load", .run = command_get_load },
    { .name = "guest-shutdown", .run = command_shutdown, .flags = QMP_NO_SUCCESS_RESPONSE },
    { .name = "__org.cpuctl_get-version", .run = command_get_version },
    { .name = "__org.cpuctl_get-events", .run = command_get_events },
    { .name = NULL },
};

struct agent *request_agent(const struct qmp_request *request)
{
    return qmp_server_user(qmp_request_server(request));
}

bool request_takes_nothing(struct qmp_request *request, struct json_object *arguments)
{
    static const char *const none[] = { NULL };
    struct qmp_error error = { 0 };

    if (qmp_check_members(arguments, NULL, none, &error) >= 0)
        return true;
    qmp_request_error(request, &error);
    return false;
}

void command_ping(struct qmp_request *request, struct json_object *arguments)
{
    if (request_takes_nothing(request, arguments))
        qmp_request_return(request, NULL);
}

static void push_command(int *r, struct json_object *list, const struct qmp_server *server,
                         const struct qmp_command *command)
{
    struct json_object *entry = json_object_new_object();

    reply_push(r, list, entry);
    reply_put(r, entry, "enabled",
              json_object_new_boolean(qmp_server_is_enabled(server, command->name)));
    reply_put(r, entry, "name", json_object_new_string(command->name));
    reply_put(r, entry, "success-response",
              json_object_new_boolean(!(command->flags & QMP_NO_SUCCESS_RESPONSE)));
}

void command_info(struct qmp_request *request, struct json_object *arguments)
{
    struct qmp_server *server = qmp_request_server(request);
    struct json_object *info = json_object_new_object();
    struct json_object *list = json_object_new_array();
    int r = 0;

    if (!request_takes_nothing(request, arguments)) {
        json_object_put(info);
        json_object_put(list);
        return;
    }
    reply_put(&r, info, "version", json_object_new_string(PACKAGE_VERSION));
    reply_put(&r, info, "supported_commands", list);
    for (const struct qmp_command *c = qmp_server_commands(server); c->name; c++)
        push_command(&r, list, server, c);
    reply_send(request, r, info);
}
