/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands of the control socket: negotiation, what the VM is, its run state. Shapes and sentences:
 * QEMU's qapi/ (control.json, misc.json, run-state.json, char.json) and qemu-system-x86_64 7.2.
 */
#include <errno.h>
#include <string.h>

#include "control-internal.h"

/* The version whose interface this follows; what it really is is in "package". */
#define QEMU_MAJOR 7
#define QEMU_MINOR 2
#define QEMU_MICRO 0

struct control *request_control(const struct qmp_request *request)
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

/* ---- negotiation ---- */

struct json_object *control_version(void)
{
    struct json_object *version = json_object_new_object();
    struct json_object *qemu = json_object_new_object();
    int r = version && qemu ? 0 : -ENOMEM;

    reply_put(&r, qemu, "micro", json_object_new_int(QEMU_MICRO));
    reply_put(&r, qemu, "minor", json_object_new_int(QEMU_MINOR));
    reply_put(&r, qemu, "major", json_object_new_int(QEMU_MAJOR));
    reply_put(&r, version, "qemu", qemu);
    reply_put(&r, version, "package", json_object_new_string("cpuvmm " PACKAGE_VERSION));
    if (r >= 0)
        return version;
    json_object_put(version);
    return NULL;
}

struct json_object *control_greeting(void)
{
    struct json_object *greeting = json_object_new_object();
    struct json_object *qmp = json_object_new_object();
    int r = greeting && qmp ? 0 : -ENOMEM;

    reply_put(&r, qmp, "version", control_version());
    reply_put(&r, qmp, "capabilities", json_object_new_array());
    reply_put(&r, greeting, "QMP", qmp);
    if (r >= 0)
        return greeting;
    json_object_put(greeting);
    return NULL;
}

/* The capabilities that the client asks for: there is none that we have. */
static int check_capabilities(struct json_object *arguments, struct qmp_error *error)
{
    static const char *const members[] = { "enable", NULL };
    struct json_object *enable = NULL;
    int r = qmp_get_array(arguments, NULL, "enable", QMP_OPTIONAL, &enable, error);

    if (r >= 0)
        r = qmp_check_members(arguments, NULL, members, error);
    for (size_t i = 0; r >= 0 && enable && i < json_object_array_length(enable); i++) {
        struct json_object *value = json_object_array_get_idx(enable, i);
        const char *name = json_object_get_string(value);

        if (!json_object_is_type(value, json_type_string))
            r = qmp_error_set(error, QMP_GENERIC_ERROR,
                              "Invalid parameter type for 'enable[%zu]', expected: string", i);
        else if (strcmp(name, "oob") == 0)
            r = qmp_error_set(error, QMP_GENERIC_ERROR, "Capability oob not available");
        else
            r = qmp_error_set(error, QMP_GENERIC_ERROR,
                              "Parameter 'enable[%zu]' does not accept value '%.64s'", i, name);
    }
    return r;
}

static void command_capabilities(struct qmp_request *request, struct json_object *arguments)
{
    struct qmp_error error = { 0 };

    if (check_capabilities(arguments, &error) < 0) {
        qmp_request_error(request, &error);
        return;
    }
    client_negotiated(qmp_request_conn_user(request));
    qmp_request_return(request, NULL);
}

static void command_capabilities_again(struct qmp_request *request, struct json_object *arguments)
{
    struct qmp_error error = { 0 };

    (void)arguments;
    qmp_error_set(&error, QMP_COMMAND_NOT_FOUND,
                  "Capabilities negotiation is already complete, command ignored");
    qmp_request_error(request, &error);
}

/* ---- what the VM is ---- */

static void command_query_version(struct qmp_request *request, struct json_object *arguments)
{
    if (request_takes_nothing(request, arguments))
        reply_send(request, 0, control_version());
}

static void command_query_commands(struct qmp_request *request, struct json_object *arguments)
{
    struct json_object *list;
    int r = 0;

    if (!request_takes_nothing(request, arguments))
        return;
    list = json_object_new_array();
    for (const struct qmp_command *c = control_commands; list && c->name; c++) {
        struct json_object *entry = json_object_new_object();

        reply_push(&r, list, entry);
        reply_put(&r, entry, "name", json_object_new_string(c->name));
    }
    reply_send(request, r, list);
}

static void command_query_status(struct qmp_request *request, struct json_object *arguments)
{
    /* QEMU's RunState */
    static const char *const names[] = {
        [VM_PRELAUNCH] = "prelaunch",           [VM_RUNNING] = "running",   [VM_PAUSED] = "paused",
        [VM_INTERNAL_ERROR] = "internal-error", [VM_SHUTDOWN] = "shutdown",
    };
    const struct control *control = request_control(request);
    struct json_object *reply;
    enum vm_state state;
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    state = control->config.ops->state(control->config.vm);
    reply = json_object_new_object();
    r = reply ? 0 : -ENOMEM;
    reply_put(&r, reply, "status", json_object_new_string(names[state]));
    reply_put(&r, reply, "singlestep", json_object_new_boolean(false));
    reply_put(&r, reply, "running", json_object_new_boolean(state == VM_RUNNING));
    reply_send(request, r, reply);
}

static void command_query_kvm(struct qmp_request *request, struct json_object *arguments)
{
    struct json_object *reply;
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    reply = json_object_new_object();
    r = reply ? 0 : -ENOMEM;
    reply_put(&r, reply, "enabled", json_object_new_boolean(true));
    reply_put(&r, reply, "present", json_object_new_boolean(true));
    reply_send(request, r, reply);
}

static void command_query_name(struct qmp_request *request, struct json_object *arguments)
{
    const struct control *control = request_control(request);
    struct json_object *reply;
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    reply = json_object_new_object();
    r = reply ? 0 : -ENOMEM;
    reply_put_text(&r, reply, "name", control->config.name);
    reply_send(request, r, reply);
}

static void push_chardev(int *r, struct json_object *list, const struct control_chardev *chardev)
{
    struct json_object *entry = json_object_new_object();

    reply_push(r, list, entry);
    reply_put(r, entry, "frontend-open", json_object_new_boolean(chardev->frontend_open));
    reply_put(r, entry, "filename", json_object_new_string(chardev->filename));
    reply_put(r, entry, "label", json_object_new_string(chardev->label));
}

static void command_query_chardev(struct qmp_request *request, struct json_object *arguments)
{
    const struct control *control = request_control(request);
    const struct control_ops *ops = control->config.ops;
    struct control_chardev chardev = { 0 };
    struct json_object *list;
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    list = json_object_new_array();
    r = list ? 0 : -ENOMEM;
    for (unsigned int i = 0;
         r >= 0 && ops->get_chardev && ops->get_chardev(control->config.vm, i, &chardev); i++)
        push_chardev(&r, list, &chardev);
    reply_send(request, r, list);
}

/* ---- run state ---- */

/* A command that only does something; the event is sent by whoever does it. */
static void run(struct qmp_request *request, struct json_object *arguments, void (*act)(void *vm))
{
    if (!request_takes_nothing(request, arguments))
        return;
    act(request_control(request)->config.vm);
    qmp_request_return(request, NULL);
}

static void command_stop(struct qmp_request *request, struct json_object *arguments)
{
    run(request, arguments, request_control(request)->config.ops->stop);
}

static void command_cont(struct qmp_request *request, struct json_object *arguments)
{
    const struct control_config *config = &request_control(request)->config;
    struct qmp_error error = { 0 };

    if (config->ops->state(config->vm) == VM_INTERNAL_ERROR) {
        qmp_error_set(&error, QMP_GENERIC_ERROR, "Resetting the Virtual Machine is required");
        qmp_request_error(request, &error);
        return;
    }
    run(request, arguments, config->ops->resume);
}

/* Its client is gone. */
static void stop_waiting(struct qmp_request *request, void *data)
{
    struct control *control = data;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->waiting[i] == request)
            control->waiting[i] = NULL;
}

/* As in QEMU the reply follows the event. A client has one request at a time: there is room. */
static void wait_for_event(struct qmp_request *request)
{
    struct control *control = request_control(request);
    size_t i = 0;

    if (control->shut_down) {
        qmp_request_return(request, NULL);
        return;
    }
    while (control->waiting[i])
        i++;
    control->waiting[i] = request;
    qmp_request_later(request, stop_waiting, control);
}

void control_answer_waiting(struct control *control)
{
    struct qmp_request *waiting[CONTROL_CLIENTS_MAX];

    /* A reply lets its client's next request begin, which may wait for the next event. */
    memcpy(waiting, control->waiting, sizeof(waiting));
    memset(control->waiting, 0, sizeof(control->waiting));
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (waiting[i])
            qmp_request_return(waiting[i], NULL);
}

static void command_reset(struct qmp_request *request, struct json_object *arguments)
{
    const struct control_config *config = &request_control(request)->config;

    if (!request_takes_nothing(request, arguments))
        return;
    config->ops->reset(config->vm);
    wait_for_event(request);
}

static void command_powerdown(struct qmp_request *request, struct json_object *arguments)
{
    struct control *control = request_control(request);

    if (!request_takes_nothing(request, arguments))
        return;
    control->config.ops->powerdown(control->config.vm);
    control_event(control, "POWERDOWN", NULL);
    qmp_request_return(request, NULL);
}

static void command_quit(struct qmp_request *request, struct json_object *arguments)
{
    struct control *control = request_control(request);

    if (!request_takes_nothing(request, arguments))
        return;
    control->quit = true;
    control->config.ops->quit(control->config.vm);
    wait_for_event(request);
}

const struct qmp_command control_negotiation_commands[] = {
    { .name = "qmp_capabilities", .run = command_capabilities },
    { .name = NULL },
};

/* With the prefix of downstream extensions (docs/devel/qapi-code-gen.rst) ours. */
const struct qmp_command control_commands[] = {
    { .name = "qmp_capabilities", .run = command_capabilities_again },
    { .name = "query-version", .run = command_query_version },
    { .name = "query-commands", .run = command_query_commands },
    { .name = "query-status", .run = command_query_status },
    { .name = "query-kvm", .run = command_query_kvm },
    { .name = "query-name", .run = command_query_name },
    { .name = "query-chardev", .run = command_query_chardev },
    { .name = "query-hotpluggable-cpus", .run = command_query_hotpluggable_cpus },
    { .name = "query-cpus-fast", .run = command_query_cpus_fast },
    { .name = "query-acpi-ospm-status", .run = command_query_acpi_ospm_status },
    { .name = "device_add", .run = command_device_add },
    { .name = "device_del", .run = command_device_del },
    { .name = "cont", .run = command_cont },
    { .name = "stop", .run = command_stop },
    { .name = "system_powerdown", .run = command_powerdown },
    { .name = "system_reset", .run = command_reset },
    { .name = "quit", .run = command_quit },
    { .name = "__org.cpuctl_query-vcpus", .run = command_query_vcpus },
    { .name = "__org.cpuctl_cancel-device-del", .run = command_cancel_device_del },
    { .name = NULL },
};
