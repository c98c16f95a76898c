/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands that the agent answers itself; each handler is in a commands-*.c. */
#ifndef AGENT_COMMANDS_H
#define AGENT_COMMANDS_H

#include "qmp/server.h"

/** The version of cpuctl-qapi.json; the second number grows with what is added. */
#define COMMANDS_SCHEMA_VERSION "1.0"

/** The table of all commands; ends with a NULL name. */
extern const struct qmp_command agent_commands[];

struct agent;
/** The agent that a request came to; its server's user pointer. */
struct agent *request_agent(const struct qmp_request *request);
/** Refuses any argument. Returns false when @request was completed with an error. */
bool request_takes_nothing(struct qmp_request *request, struct json_object *arguments);

/* commands.c */
void command_ping(struct qmp_request *request, struct json_object *arguments);
void command_info(struct qmp_request *request, struct json_object *arguments);
/* commands-vcpus.c */
void command_get_vcpus(struct qmp_request *request, struct json_object *arguments);
void command_set_vcpus(struct qmp_request *request, struct json_object *arguments);
/* commands-system.c */
void command_get_osinfo(struct qmp_request *request, struct json_object *arguments);
void command_get_host_name(struct qmp_request *request, struct json_object *arguments);
void command_get_timezone(struct qmp_request *request, struct json_object *arguments);
void command_get_time(struct qmp_request *request, struct json_object *arguments);
/* commands-load.c */
void command_get_cpustats(struct qmp_request *request, struct json_object *arguments);
void command_get_load(struct qmp_request *request, struct json_object *arguments);
/* commands-shutdown.c */
void command_shutdown(struct qmp_request *request, struct json_object *arguments);
/* commands-topology.c */
void command_get_topology(struct qmp_request *request, struct json_object *arguments);
/* commands-goal.c */
void command_set_goal(struct qmp_request *request, struct json_object *arguments);
/* commands-events.c */
void command_get_events(struct qmp_request *request, struct json_object *arguments);
void command_get_version(struct qmp_request *request, struct json_object *arguments);

#endif
