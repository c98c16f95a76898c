/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of commands, and the ones that speak of the agent itself. */
#include "agent/commands.h"

#include <string.h>

#include "agent/agent.h"
#include "agent/forward.h"
#include "agent/freeze.h"
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
    { .name = "__org.cpuctl_get-topology", .run = command_get_topology },
    { .name = "__org.cpuctl_set-goal", .run = command_set_goal },
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

/* One entry of guest-info's list; @name is answered by us or by the agent behind us. */
static void push_command(int *r, struct json_object *list, const struct agent *agent,
                         const char *name, bool enabled, bool responds)
{
    struct json_object *entry = json_object_new_object();

    enabled = enabled && qmp_server_is_enabled(agent->server, name) &&
              (!agent_is_frozen(agent) || freeze_is_safe(name));
    reply_push(r, list, entry);
    reply_put(r, entry, "enabled", json_object_new_boolean(enabled));
    reply_put(r, entry, "name", json_object_new_string(name));
    reply_put(r, entry, "success-response", json_object_new_boolean(responds));
}

/* The commands of the agent behind us, but for those that we answer ourselves. */
static void push_foreign(int *r, struct json_object *list, const struct agent *agent,
                         struct json_object *commands)
{
    for (size_t i = 0; i < json_object_array_length(commands); i++) {
        struct json_object *entry = json_object_array_get_idx(commands, i);
        bool enabled = true, responds = true;
        const char *name;

        if (qmp_get_string(entry, NULL, "name", QMP_REQUIRED, &name, NULL) > 0 &&
            qmp_get_bool(entry, NULL, "enabled", QMP_OPTIONAL, &enabled, NULL) >= 0 &&
            qmp_get_bool(entry, NULL, "success-response", QMP_OPTIONAL, &responds, NULL) >= 0 &&
            !qmp_server_find(agent->server, name))
            push_command(r, list, agent, name, enabled || agent_is_frozen(agent), responds);
    }
}

/* @foreign: the list of the agent behind us, or NULL. */
static void send_info(struct qmp_request *request, struct json_object *foreign)
{
    const struct agent *agent = request_agent(request);
    struct json_object *info = json_object_new_object();
    struct json_object *list = json_object_new_array();
    int r = 0;

    reply_put(&r, info, "version", json_object_new_string(PACKAGE_VERSION));
    reply_put(&r, info, "supported_commands", list);
    for (const struct qmp_command *c = qmp_server_commands(agent->server); c->name; c++)
        push_command(&r, list, agent, c->name, true, !(c->flags & QMP_NO_SUCCESS_RESPONSE));
    if (foreign)
        push_foreign(&r, list, agent, foreign);
    reply_send(request, r, info);
}

void command_info(struct qmp_request *request, struct json_object *arguments)
{
    struct agent *agent = request_agent(request);

    if (!request_takes_nothing(request, arguments))
        return;
    if (agent->forward)
        forward_get_info(agent->forward, request, send_info);
    else
        send_info(request, NULL);
}
