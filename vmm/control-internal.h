/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What control.c, its clients, commands and events know of each other. */
#ifndef VMM_CONTROL_INTERNAL_H
#define VMM_CONTROL_INTERNAL_H

#include "control.h"
#include "libcpuctl/socket-file.h"
#include "qmp/reply.h"
#include "qmp/server.h"

struct control_client;
struct sd_event_source;

/** Names that an "id" may have at most, bytes. QEMU has no limit. */
#define CONTROL_ID_MAX 128

/** The device that device_add made, for a CPU's slot. */
struct control_device {
    char *id;               /* NULL: it was added without one, or not by device_add */
    bool added;             /* by device_add */
    unsigned int anonymous; /* its number among those without id; when added */
};

struct control {
    struct control_config config;
    char *driver; /* the CPUs' type, "host-x86_64-cpu" */
    struct control_device *devices;
    unsigned int anonymous; /* how many were added without id */
    bool quit;              /* the command "quit" was given */
    bool shut_down;         /* SHUTDOWN was sent: that the vCPUs stop is no news */
    struct qmp_server *negotiation, *server;
    struct sd_event *event;
    int fd; /* listens, or -1 */
    struct socket_file file;
    struct sd_event_source *source;
    struct control_client *clients[CONTROL_CLIENTS_MAX]; /* NULL: free */
    struct qmp_request *waiting[CONTROL_CLIENTS_MAX];    /* for RESET or SHUTDOWN; NULL: free */
};

/* ---- clients (control-client.c) ---- */

/** Takes over @fd, also when it fails. Returns 0 or a negative errno. */
int client_new(struct control *control, int fd, struct control_client **ret_client);
/** Sends what the client takes at once. Takes NULL. */
void client_free(struct control_client *client);
/** The client has negotiated: it has all commands and hears events. */
void client_negotiated(struct control_client *client);
/** Sends an event if the client has negotiated; one that has too much waiting is disconnected. */
void client_send_event(struct control_client *client, struct json_object *event);
/** The client is gone, and is freed by this (control.c). */
void control_client_ended(struct control *control, struct control_client *client);

/* ---- commands and events ---- */

/** Before negotiation, and after it. */
extern const struct qmp_command control_negotiation_commands[];
extern const struct qmp_command control_commands[];

struct control *request_control(const struct qmp_request *request);
/** Refuses arguments. Returns false when there were some; the request is complete then. */
bool request_takes_nothing(struct qmp_request *request, struct json_object *arguments);

/** RESET or SHUTDOWN was sent: replies to those who asked for it. */
void control_answer_waiting(struct control *control);

/** {"qemu": {"major": …}, "package": …}: the version whose interface this follows. */
struct json_object *control_version(void);
/** The greeting. */
struct json_object *control_greeting(void);

/** Sends an event to all clients; takes over @data, which may be NULL (none). */
void control_event(struct control *control, const char *name, struct json_object *data);

/** The QOM path of present CPU @index, a new string; NULL: memory is short. */
char *control_cpu_path(const struct control *control, unsigned int index);
/** The information that ACPI_DEVICE_OST has; NULL: memory is short. */
struct json_object *control_ost_info(const struct control *control, unsigned int index,
                                     uint32_t source, uint32_t status);
/**
 * The present CPU that @id or QOM path stands for, or a negative value with the error that QEMU
 * has.
 */
int control_find_cpu(const struct control *control, const char *id, struct qmp_error *error);
/** Forgets the device of CPU @index. */
void control_forget_device(struct control *control, unsigned int index);

void command_query_hotpluggable_cpus(struct qmp_request *request, struct json_object *arguments);
void command_query_cpus_fast(struct qmp_request *request, struct json_object *arguments);
void command_query_acpi_ospm_status(struct qmp_request *request, struct json_object *arguments);
void command_query_vcpus(struct qmp_request *request, struct json_object *arguments);
void command_device_add(struct qmp_request *request, struct json_object *arguments);
void command_device_del(struct qmp_request *request, struct json_object *arguments);
void command_cancel_device_del(struct qmp_request *request, struct json_object *arguments);

#endif
