/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * device_add and device_del for vCPUs. Arguments, order of the checks and sentences as in
 * qemu-system-x86_64 7.2 (softmmu/qdev-monitor.c, hw/i386/x86.c).
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "control-internal.h"
#include "cpuctl.h"
#include "libcpuctl/cleanup.h"

#define TYPE_SUFFIX "-x86_64-cpu"

/* A CPU's properties; -1: not given, as in QEMU. */
enum property { SOCKET, DIE, CORE, THREAD, NODE, PROPERTIES };

static const char *const property_names[PROPERTIES] = {
    [SOCKET] = "socket-id", [DIE] = "die-id",   [CORE] = "core-id",
    [THREAD] = "thread-id", [NODE] = "node-id",
};

struct addition {
    const char *id;
    int properties[PROPERTIES];
};

/* ---- the arguments ---- */

static int get_id(struct json_object *arguments, struct addition *addition, struct qmp_error *error)
{
    const char *id;
    int r = qmp_get_string(arguments, NULL, "id", QMP_OPTIONAL, &id, error);
    bool good;

    if (r <= 0)
        return r;
    good = isalpha((unsigned char)id[0]);
    for (const char *p = id; good && *p; p++)
        good = isalnum((unsigned char)*p) || strchr("-._", *p);
    if (!good)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "Parameter 'id' expects an identifier");
    if (strlen(id) > CONTROL_ID_MAX)
        return qmp_error_set(error, QMP_GENERIC_ERROR,
                             "Parameter 'id' has %zu bytes, at most %d are allowed", strlen(id),
                             CONTROL_ID_MAX);
    addition->id = id;
    return 0;
}

static int check_driver(const struct control *control, struct json_object *arguments,
                        struct qmp_error *error)
{
    struct json_object *value;
    const char *driver;
    int r;

    /* QEMU takes numbers for text here. */
    if (json_object_object_get_ex(arguments, "driver", &value) &&
        json_object_is_type(value, json_type_int))
        return qmp_error_set(error, QMP_GENERIC_ERROR, "'%s' is not a valid device model name",
                             json_object_get_string(value));
    r = qmp_get_string(arguments, NULL, "driver", QMP_REQUIRED, &driver, error);
    if (r < 0)
        return r;
    if (strcmp(driver, control->driver) == 0)
        return 0;
    if (strlen(driver) > strlen(TYPE_SUFFIX) &&
        strcmp(driver + strlen(driver) - strlen(TYPE_SUFFIX), TYPE_SUFFIX) == 0)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "Invalid CPU type, expected cpu type: '%s'",
                             control->driver);
    return qmp_error_set(error, QMP_GENERIC_ERROR, "'%.128s' is not a valid device model name",
                         driver);
}

/* Also a number written as text, as QEMU takes it. */
static int get_number(const char *name, struct json_object *value, int *ret,
                      struct qmp_error *error)
{
    bool good = json_object_is_type(value, json_type_int);
    int64_t number = good ? json_object_get_int64(value) : 0;

    if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);
        char *end;

        errno = 0;
        number = strtoll(text, &end, 10);
        good = (isdigit((unsigned char)text[0]) || text[0] == '-') && !errno &&
               end == text + json_object_get_string_len(value);
    }
    if (!good)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "Parameter '%s' expects integer", name);
    if (number < INT_MIN || number > INT_MAX)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "Parameter '%s' expects int32_t", name);
    *ret = (int)number;
    return 0;
}

static int get_properties(const struct control *control, struct json_object *arguments,
                          struct addition *addition, struct qmp_error *error)
{
    for (size_t i = 0; i < PROPERTIES; i++)
        addition->properties[i] = -1;
    json_object_object_foreach(arguments, name, value)
    {
        size_t i = 0;
        int r;

        if (strcmp(name, "driver") == 0 || strcmp(name, "id") == 0)
            continue;
        while (i < PROPERTIES && strcmp(name, property_names[i]) != 0)
            i++;
        if (i == PROPERTIES)
            return qmp_error_set(error, QMP_GENERIC_ERROR, "Property '%s.%.128s' not found",
                                 control->driver, name);
        r = get_number(name, value, &addition->properties[i], error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_unique(const struct control *control, const char *id, struct qmp_error *error)
{
    for (unsigned int i = 0; id && i < control->config.smp.maxcpus; i++)
        if (control->devices[i].id && strcmp(control->devices[i].id, id) == 0)
            return qmp_error_set(error, QMP_GENERIC_ERROR, "Duplicate device ID '%s'", id);
    return 0;
}

static int check_arguments(const struct control *control, struct json_object *arguments,
                           struct addition *ret_addition, struct qmp_error *error)
{
    const char *bus;
    int r = get_id(arguments, ret_addition, error);

    if (r >= 0)
        r = check_driver(control, arguments, error);
    if (r >= 0)
        r = qmp_get_string(arguments, NULL, "bus", QMP_OPTIONAL, &bus, error);
    if (r > 0)
        r = qmp_error_set(error, QMP_GENERIC_ERROR, "Bus '%.128s' not found", bus);
    if (r >= 0)
        r = check_unique(control, ret_addition->id, error);
    return r < 0 ? r : get_properties(control, arguments, ret_addition, error);
}

/* ---- the place ---- */

/* Returns the CPU's index. */
static int find_place(const struct control *control, struct addition *addition,
                      struct qmp_error *error)
{
    static const enum property order[] = { SOCKET, DIE, CORE, THREAD };
    const struct smp *smp = &control->config.smp;
    const unsigned int counts[] = {
        [SOCKET] = smp->sockets, [DIE] = smp->dies, [CORE] = smp->cores, [THREAD] = smp->threads
    };
    int *given = addition->properties;
    struct smp_place place;

    /* The only die need not be named. */
    if (given[DIE] < 0 && smp->dies == 1)
        given[DIE] = 0;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        enum property p = order[i];

        if (given[p] < 0)
            return qmp_error_set(error, QMP_GENERIC_ERROR, "CPU %s is not set", property_names[p]);
        if ((unsigned int)given[p] >= counts[p])
            return qmp_error_set(error, QMP_GENERIC_ERROR,
                                 "Invalid CPU %s: %d must be in range 0:%u", property_names[p],
                                 given[p], counts[p] - 1);
    }
    place = (struct smp_place){
        .socket = (unsigned int)given[SOCKET],
        .die = (unsigned int)given[DIE],
        .core = (unsigned int)given[CORE],
        .thread = (unsigned int)given[THREAD],
    };
    return smp_index(smp, &place);
}

static int check_node(const struct control *control, unsigned int index, int node,
                      struct qmp_error *error)
{
    const struct control_config *config = &control->config;
    int right = config->ops->node ? config->ops->node(config->vm, index) : -1;

    if (node < 0 || node == right || (right < 0 && node == 0))
        return 0;
    if (right < 0)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "invalid node-id, must be 0");
    return qmp_error_set(error, QMP_GENERIC_ERROR,
                         "node-id=%d must match numa node specified with -numa option", node);
}

static int check_slot(const struct control *control, unsigned int index, int node,
                      struct qmp_error *error)
{
    const struct control_config *config = &control->config;
    struct control_cpu cpu = { 0 };

    config->ops->get_cpu(config->vm, index, &cpu);
    if (cpu.present)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "CPU[%u] with APIC ID %u exists", index,
                             smp_apic_id(&config->smp, index));
    return check_node(control, index, node, error);
}

/* ---- device_add ---- */

static int add(struct control *control, unsigned int index, const char *id, struct qmp_error *error)
{
    struct control_device *device = &control->devices[index];
    struct cpuctl_error cause = { 0 };
    char *copy = id ? strdup(id) : NULL;
    int r;

    if (id && !copy)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "memory is short");
    r = control->config.ops->plug(control->config.vm, index, &cause);
    if (r < 0) {
        free(copy);
        return qmp_error_set(error, QMP_GENERIC_ERROR, "%s", cause.text);
    }
    device->id = copy;
    device->added = true;
    if (!id)
        device->anonymous = control->anonymous++;
    return 0;
}

void command_device_add(struct qmp_request *request, struct json_object *arguments)
{
    struct control *control = request_control(request);
    struct addition addition = { 0 };
    struct qmp_error error = { 0 };
    int index, r;

    r = check_arguments(control, arguments, &addition, &error);
    index = r < 0 ? r : find_place(control, &addition, &error);
    if (index >= 0)
        r = check_slot(control, (unsigned int)index, addition.properties[NODE], &error);
    if (index >= 0 && r >= 0)
        r = add(control, (unsigned int)index, addition.id, &error);
    if (index < 0 || r < 0)
        qmp_request_error(request, &error);
    else
        qmp_request_return(request, NULL);
}

/* ---- device_del ---- */

void control_forget_device(struct control *control, unsigned int index)
{
    free(control->devices[index].id);
    control->devices[index] = (struct control_device){ 0 };
}

static bool is_called(const struct control *control, unsigned int index, const char *id)
{
    const struct control_device *device = &control->devices[index];
    struct control_cpu cpu = { 0 };
    _cleanup_free_ char *path = NULL;

    if (id[0] != '/')
        return device->id && strcmp(device->id, id) == 0;
    control->config.ops->get_cpu(control->config.vm, index, &cpu);
    if (cpu.present)
        path = control_cpu_path(control, index);
    return path && strcmp(path, id) == 0;
}

int control_find_cpu(const struct control *control, const char *id, struct qmp_error *error)
{
    for (unsigned int i = 0; i < control->config.smp.maxcpus; i++)
        if (is_called(control, i, id))
            return (int)i;
    return qmp_error_set(error, QMP_DEVICE_NOT_FOUND, "Device '%.200s' not found", id);
}

/* The CPU that the only argument, id, stands for. */
static int get_cpu(struct qmp_request *request, struct json_object *arguments, const char **ret_id,
                   struct qmp_error *error)
{
    static const char *const members[] = { "id", NULL };
    int r = qmp_get_string(arguments, NULL, "id", QMP_REQUIRED, ret_id, error);

    if (r >= 0)
        r = qmp_check_members(arguments, NULL, members, error);
    return r < 0 ? r : control_find_cpu(request_control(request), *ret_id, error);
}

static int explain(int r, const char *id, const struct cpuctl_error *cause, struct qmp_error *error)
{
    if (r == -ENOENT)
        return qmp_error_set(error, QMP_DEVICE_NOT_FOUND, "Device '%.200s' not found", id);
    if (r == -EPERM)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "Boot CPU is unpluggable");
    return qmp_error_set(error, QMP_GENERIC_ERROR, "%s", cause->text);
}

static void act_on_cpu(struct qmp_request *request, struct json_object *arguments,
                       int (*act)(void *vm, unsigned int index, struct cpuctl_error *error))
{
    struct cpuctl_error cause = { 0 };
    struct qmp_error error = { 0 };
    const char *id;
    int r = get_cpu(request, arguments, &id, &error);

    if (r >= 0) {
        r = act(request_control(request)->config.vm, (unsigned int)r, &cause);
        if (r < 0)
            explain(r, id, &cause, &error);
    }
    if (r < 0)
        qmp_request_error(request, &error);
    else
        qmp_request_return(request, NULL);
}

void command_device_del(struct qmp_request *request, struct json_object *arguments)
{
    act_on_cpu(request, arguments, request_control(request)->config.ops->unplug);
}

/* __org.cpuctl_cancel-device-del: takes a device_del back that the guest has not seen yet. */
void command_cancel_device_del(struct qmp_request *request, struct json_object *arguments)
{
    act_on_cpu(request, arguments, request_control(request)->config.ops->withdraw);
}
