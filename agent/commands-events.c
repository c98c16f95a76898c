/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* __org.cpuctl_get-events and -get-version, see cpuctl-qapi.json. */
#include "agent/agent.h"
#include "agent/audit.h"
#include "agent/commands.h"
#include "agent/reply.h"

static const char *event_name(const struct event_record *event)
{
    static const char *const names[] = { [CPUCTL_EVENT_ADDED] = "added",
                                         [CPUCTL_EVENT_REMOVED] = "removed",
                                         [CPUCTL_EVENT_ONLINED] = "onlined",
                                         [CPUCTL_EVENT_OFFLINED] = "offlined",
                                         [CPUCTL_EVENT_LOST] = "lost" };

    return event->is_change ? "change" : names[event->type];
}

static void push_event(int *r, struct json_object *list, const struct event_record *event)
{
    struct json_object *entry = json_object_new_object();

    reply_push(r, list, entry);
    reply_put(r, entry, "number", json_object_new_uint64(event->number));
    reply_put(r, entry, "time-us", json_object_new_uint64(event->time_usec));
    reply_put(r, entry, "event", json_object_new_string(event_name(event)));
    if (event->is_change || event->type != CPUCTL_EVENT_LOST)
        reply_put(r, entry, "logical-id", json_object_new_int64(event->cpu));
    if (!event->is_change) {
        reply_put(r, entry, "hot-added", json_object_new_boolean(event->hot));
        return;
    }
    reply_put(r, entry, "online", json_object_new_boolean(event->online));
    reply_put_text(r, entry, "result", audit_outcome_name(event->outcome));
    reply_put_text(r, entry, "requester", event->requester);
    reply_put(r, entry, "duration-us", json_object_new_uint64(event->duration_usec));
    if (event->reason[0])
        reply_put_text(r, entry, "reason", event->reason);
}

void command_get_events(struct qmp_request *request, struct json_object *arguments)
{
    static const char *const members[] = { "count", NULL };
    const struct events *events = &request_agent(request)->events;
    size_t kept = events_count(events);
    struct qmp_error error = { 0 };
    struct json_object *list;
    uint64_t count = EVENTS_MAX;
    int r = 0;

    if (qmp_get_uint(arguments, NULL, "count", QMP_OPTIONAL, EVENTS_MAX, &count, &error) < 0 ||
        qmp_check_members(arguments, NULL, members, &error) < 0) {
        qmp_request_error(request, &error);
        return;
    }
    list = json_object_new_array();
    for (size_t i = count < kept ? kept - (size_t)count : 0; i < kept; i++)
        push_event(&r, list, events_get(events, i));
    reply_send(request, r, list);
}

void command_get_version(struct qmp_request *request, struct json_object *arguments)
{
    struct json_object *info;
    int r = 0;

    if (!request_takes_nothing(request, arguments))
        return;
    info = json_object_new_object();
    reply_put(&r, info, "version", json_object_new_string(PACKAGE_VERSION));
    reply_put(&r, info, "schema", json_object_new_string(COMMANDS_SCHEMA_VERSION));
    reply_send(request, r, info);
}
