/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events of the control socket. Shapes: QEMU's qapi/run-state.json, qdev.json, acpi.json,
 * char.json. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control-internal.h"
#include "libcpuctl/cleanup.h"
#include "ost.h"

static struct json_object *timestamp(int *r)
{
    struct json_object *stamp = json_object_new_object();
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (stamp) {
        reply_put(r, stamp, "seconds", json_object_new_int64(now.tv_sec));
        reply_put(r, stamp, "microseconds", json_object_new_int64(now.tv_nsec / 1000));
    }
    return stamp;
}

void control_event(struct control *control, const char *name, struct json_object *data)
{
    _cleanup_json_ struct json_object *event = json_object_new_object();
    int r = event ? 0 : -ENOMEM;

    reply_put(&r, event, "timestamp", r < 0 ? NULL : timestamp(&r));
    reply_put(&r, event, "event", json_object_new_string(name));
    if (data)
        reply_put(&r, event, "data", data);
    /* When memory is short there is nothing to say it with. */
    for (size_t i = 0; r >= 0 && i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i])
            client_send_event(control->clients[i], event);
}

void control_state_changed(struct control *control, enum vm_state state)
{
    if (control->shut_down)
        return;
    if (state == VM_RUNNING)
        control_event(control, "RESUME", NULL);
    else if (state == VM_PAUSED || state == VM_INTERNAL_ERROR)
        control_event(control, "STOP", NULL);
}

static struct json_object *cause(bool guest, const char *reason)
{
    struct json_object *data = json_object_new_object();
    int r = data ? 0 : -ENOMEM;

    reply_put(&r, data, "guest", json_object_new_boolean(guest));
    reply_put(&r, data, "reason", json_object_new_string(reason));
    return data;
}

void control_reset(struct control *control, bool guest)
{
    control_event(control, "RESET", cause(guest, guest ? "guest-reset" : "host-qmp-system-reset"));
    control_answer_waiting(control);
}

void control_shutdown(struct control *control, bool guest)
{
    const char *host = control->quit ? "host-qmp-quit" : "host-signal";

    control->shut_down = true;
    control_event(control, "SHUTDOWN", cause(guest, guest ? "guest-shutdown" : host));
    control_answer_waiting(control);
}

/* The members that say which device an event is about. */
static struct json_object *device(const struct control *control, unsigned int index, int *r)
{
    _cleanup_free_ char *path = control_cpu_path(control, index);
    struct json_object *data = json_object_new_object();

    if (!path || !data)
        *r = -ENOMEM;
    else
        reply_put(r, data, "path", json_object_new_string(path));
    if (control->devices[index].id)
        reply_put(r, data, "device", json_object_new_string(control->devices[index].id));
    return data;
}

void control_cpu_deleted(struct control *control, unsigned int index)
{
    struct json_object *data;
    int r = 0;

    if (index >= control->config.smp.maxcpus)
        return;
    data = device(control, index, &r);
    control_forget_device(control, index);
    control_event(control, "DEVICE_DELETED", data);
}

struct json_object *control_ost_info(const struct control *control, unsigned int index,
                                     uint32_t source, uint32_t status)
{
    struct json_object *info = json_object_new_object();
    char slot[16];
    int r = info ? 0 : -ENOMEM;

    snprintf(slot, sizeof(slot), "%u", index);
    if (control->devices[index].id)
        reply_put(&r, info, "device", json_object_new_string(control->devices[index].id));
    reply_put(&r, info, "slot", json_object_new_string(slot));
    reply_put(&r, info, "slot-type", json_object_new_string("CPU"));
    reply_put(&r, info, "source", json_object_new_int64(source));
    reply_put(&r, info, "status", json_object_new_int64(status));
    if (r < 0) {
        json_object_put(info);
        return NULL;
    }
    return info;
}

/* For vCPUs ours: QEMU has it for memory and PCI, and without a reason. */
static void unplug_error(struct control *control, unsigned int index, uint32_t source,
                         uint32_t status)
{
    int r = 0;
    struct json_object *data = device(control, index, &r);

    reply_put(&r, data, "__org.cpuctl_source", json_object_new_int64(source));
    reply_put(&r, data, "__org.cpuctl_status", json_object_new_int64(status));
    reply_put(&r, data, "__org.cpuctl_reason",
              json_object_new_string(ost_status_text(source, status)));
    if (r < 0)
        json_object_put(data);
    else
        control_event(control, "DEVICE_UNPLUG_GUEST_ERROR", data);
}

void control_cpu_ost(struct control *control, unsigned int index, uint32_t source, uint32_t status)
{
    struct json_object *data, *info;
    struct control_cpu cpu = { 0 };
    int r;

    if (index >= control->config.smp.maxcpus)
        return;
    data = json_object_new_object();
    info = control_ost_info(control, index, source, status);
    r = data ? 0 : -ENOMEM;
    reply_put(&r, data, "info", info);
    if (r < 0)
        json_object_put(data);
    else
        control_event(control, "ACPI_DEVICE_OST", data);

    control->config.ops->get_cpu(control->config.vm, index, &cpu);
    if (cpu.present && ost_is_removal(source) && ost_outcome(source, status) == OST_FAILURE)
        unplug_error(control, index, source, status);
}

void control_port_changed(struct control *control, const char *id, bool open)
{
    struct json_object *data = json_object_new_object();
    int r = data ? 0 : -ENOMEM;

    reply_put(&r, data, "id", json_object_new_string(id));
    reply_put(&r, data, "open", json_object_new_boolean(open));
    control_event(control, "VSERPORT_CHANGE", data);
}
