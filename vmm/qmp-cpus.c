/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queries of CPUs. Shapes: QEMU's qapi/machine.json, machine-target.json and acpi.json. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control-internal.h"
#include "libcpuctl/cleanup.h"
#include "ost.h"

static struct control_cpu get_cpu(const struct control *control, unsigned int index)
{
    struct control_cpu cpu = { 0 };

    control->config.ops->get_cpu(control->config.vm, index, &cpu);
    return cpu;
}

char *control_cpu_path(const struct control *control, unsigned int index)
{
    const struct control_device *device = &control->devices[index];
    char *path;
    int r;

    if (device->id)
        r = asprintf(&path, "/machine/peripheral/%s", device->id);
    else if (device->added)
        r = asprintf(&path, "/machine/peripheral-anon/device[%u]", device->anonymous);
    else
        r = asprintf(&path, "/machine/unattached/device[%u]", index);
    return r < 0 ? NULL : path;
}

static void put_path(int *r, struct json_object *entry, const struct control *control,
                     unsigned int index)
{
    _cleanup_free_ char *path = control_cpu_path(control, index);

    reply_put(r, entry, "qom-path", path ? json_object_new_string(path) : NULL);
}

/* CpuInstanceProperties; as in QEMU a level that this machine has once has no number, but for
 * sockets, cores and threads. */
static void put_props(int *r, struct json_object *entry, const struct control *control,
                      unsigned int index)
{
    const struct control_config *config = &control->config;
    struct smp_place place = smp_place(&config->smp, index);
    int node = config->ops->node ? config->ops->node(config->vm, index) : -1;
    struct json_object *props = json_object_new_object();

    reply_put(r, entry, "props", props);
    if (node >= 0)
        reply_put(r, props, "node-id", json_object_new_int(node));
    reply_put(r, props, "core-id", json_object_new_int64(place.core));
    reply_put(r, props, "thread-id", json_object_new_int64(place.thread));
    if (config->smp.dies > 1)
        reply_put(r, props, "die-id", json_object_new_int64(place.die));
    reply_put(r, props, "socket-id", json_object_new_int64(place.socket));
}

static void push_hotpluggable(int *r, struct json_object *list, const struct control *control,
                              unsigned int index)
{
    struct json_object *entry = json_object_new_object();

    reply_push(r, list, entry);
    put_props(r, entry, control, index);
    reply_put(r, entry, "vcpus-count", json_object_new_int(1));
    if (get_cpu(control, index).present)
        put_path(r, entry, control, index);
    reply_put(r, entry, "type", json_object_new_string(control->driver));
}

void command_query_hotpluggable_cpus(struct qmp_request *request, struct json_object *arguments)
{
    const struct control *control = request_control(request);
    struct json_object *list;
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    list = json_object_new_array();
    r = list ? 0 : -ENOMEM;
    /* QEMU's order: the last one first (hw/core/machine-hmp-cmds.c puts each before the others). */
    for (unsigned int i = control->config.smp.maxcpus; r >= 0 && i-- > 0;)
        push_hotpluggable(&r, list, control, i);
    reply_send(request, r, list);
}

void command_query_cpus_fast(struct qmp_request *request, struct json_object *arguments)
{
    const struct control *control = request_control(request);
    struct json_object *list;
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    list = json_object_new_array();
    r = list ? 0 : -ENOMEM;
    for (unsigned int i = 0; r >= 0 && i < control->config.smp.maxcpus; i++) {
        struct control_cpu cpu = get_cpu(control, i);
        struct json_object *entry;

        if (!cpu.present)
            continue;
        entry = json_object_new_object();
        reply_push(&r, list, entry);
        reply_put(&r, entry, "thread-id", json_object_new_int(cpu.thread_id));
        put_props(&r, entry, control, i);
        put_path(&r, entry, control, i);
        reply_put(&r, entry, "cpu-index", json_object_new_int64(i));
        reply_put(&r, entry, "target", json_object_new_string("x86_64"));
    }
    reply_send(request, r, list);
}

void command_query_acpi_ospm_status(struct qmp_request *request, struct json_object *arguments)
{
    const struct control *control = request_control(request);
    struct json_object *list;
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    list = json_object_new_array();
    r = list ? 0 : -ENOMEM;
    for (unsigned int i = 0; r >= 0 && i < control->config.smp.maxcpus; i++) {
        struct control_cpu cpu = get_cpu(control, i);

        /* without an _OST: zeros, as QEMU has it */
        reply_push(&r, list, control_ost_info(control, i, cpu.ost_source, cpu.ost_status));
    }
    reply_send(request, r, list);
}

static void push_removal(int *r, struct json_object *list, const struct control *control,
                         unsigned int index, const struct control_cpu *cpu)
{
    static const char *const names[] = {
        [CPU_REMOVAL_NONE] = "none",
        [CPU_REMOVAL_REQUESTED] = "requested",
        [CPU_REMOVAL_IN_PROGRESS] = "in-progress",
        [CPU_REMOVAL_REJECTED] = "rejected",
        [CPU_REMOVAL_DONE] = "done",
    };
    struct json_object *entry = json_object_new_object();
    char slot[16];

    snprintf(slot, sizeof(slot), "%u", index);
    reply_push(r, list, entry);
    reply_put(r, entry, "slot", json_object_new_string(slot));
    reply_put_text(r, entry, "device", control->devices[index].id);
    reply_put(r, entry, "state", json_object_new_string(names[cpu->removal]));
    if (cpu->ost_known) {
        reply_put(r, entry, "source", json_object_new_int64(cpu->ost_source));
        reply_put(r, entry, "status", json_object_new_int64(cpu->ost_status));
        reply_put_text(r, entry, "reason", ost_status_text(cpu->ost_source, cpu->ost_status));
    }
}

/* __org.cpuctl_query-removals: how far each removal has come, and what the guest said last. */
void command_query_removals(struct qmp_request *request, struct json_object *arguments)
{
    const struct control *control = request_control(request);
    struct json_object *list;
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    list = json_object_new_array();
    r = list ? 0 : -ENOMEM;
    for (unsigned int i = 0; r >= 0 && i < control->config.smp.maxcpus; i++) {
        struct control_cpu cpu = get_cpu(control, i);

        if (cpu.removal != CPU_REMOVAL_NONE)
            push_removal(&r, list, control, i, &cpu);
    }
    reply_send(request, r, list);
}
