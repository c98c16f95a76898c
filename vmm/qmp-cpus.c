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

/* What a query of CPUs replies about CPU @index, if anything. */
typedef void (*push_fn)(int *r, struct json_object *list, const struct control *control,
                        unsigned int index);

static void reply_cpus(struct qmp_request *request, struct json_object *arguments, push_fn push,
                       bool last_first)
{
    const struct control *control = request_control(request);
    unsigned int count = control->config.smp.maxcpus;
    struct json_object *list;
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    list = json_object_new_array();
    r = list ? 0 : -ENOMEM;
    for (unsigned int i = 0; r >= 0 && i < count; i++)
        push(&r, list, control, last_first ? count - 1 - i : i);
    reply_send(request, r, list);
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
    /* QEMU's order (hw/core/machine-hmp-cmds.c puts each before the others). */
    reply_cpus(request, arguments, push_hotpluggable, true);
}

static void push_fast(int *r, struct json_object *list, const struct control *control,
                      unsigned int index)
{
    struct control_cpu cpu = get_cpu(control, index);
    struct json_object *entry;

    if (!cpu.present)
        return;
    entry = json_object_new_object();
    reply_push(r, list, entry);
    reply_put(r, entry, "thread-id", json_object_new_int(cpu.thread_id));
    put_props(r, entry, control, index);
    put_path(r, entry, control, index);
    reply_put(r, entry, "cpu-index", json_object_new_int64(index));
    reply_put(r, entry, "target", json_object_new_string("x86_64"));
}

void command_query_cpus_fast(struct qmp_request *request, struct json_object *arguments)
{
    reply_cpus(request, arguments, push_fast, false);
}

static void push_ospm(int *r, struct json_object *list, const struct control *control,
                      unsigned int index)
{
    struct control_cpu cpu = get_cpu(control, index);

    /* without an _OST: zeros, as QEMU has it */
    reply_push(r, list, control_ost_info(control, index, cpu.ost_source, cpu.ost_status));
}

void command_query_acpi_ospm_status(struct qmp_request *request, struct json_object *arguments)
{
    reply_cpus(request, arguments, push_ospm, false);
}

static void put_ost(int *r, struct json_object *entry, uint32_t source, uint32_t status)
{
    struct json_object *ost = json_object_new_object();

    reply_put(r, entry, "ost", ost);
    reply_put(r, ost, "source", json_object_new_int64(source));
    reply_put_text(r, ost, "source-text", ost_source_text(source));
    reply_put(r, ost, "status", json_object_new_int64(status));
    reply_put_text(r, ost, "status-text", ost_status_text(source, status));
}

static void push_vcpu(int *r, struct json_object *list, const struct control *control,
                      unsigned int index)
{
    static const char *const requests[] = {
        [CPU_REQUEST_NONE] = "none",
        [CPU_REQUEST_INSERTION] = "insertion",
        [CPU_REQUEST_REMOVAL] = "removal",
    };
    static const char *const phases[] = {
        [CPU_PHASE_NONE] = "none",
        [CPU_PHASE_REQUESTED] = "requested",
        [CPU_PHASE_IN_PROGRESS] = "in-progress",
        [CPU_PHASE_REJECTED] = "rejected",
        [CPU_PHASE_DONE] = "done",
    };
    struct control_cpu cpu = get_cpu(control, index);
    struct json_object *entry = json_object_new_object();

    reply_push(r, list, entry);
    reply_put(r, entry, "cpu-index", json_object_new_int64(index));
    reply_put(r, entry, "apic-id", json_object_new_int64(smp_apic_id(&control->config.smp, index)));
    put_props(r, entry, control, index);
    reply_put(r, entry, "plugged", json_object_new_boolean(cpu.present));
    if (cpu.present) {
        reply_put(r, entry, "thread-id", json_object_new_int(cpu.thread_id));
        put_path(r, entry, control, index);
    }
    reply_put_text(r, entry, "device", control->devices[index].id);
    reply_put_text(r, entry, "request", requests[cpu.request]);
    reply_put_text(r, entry, "phase", phases[cpu.phase]);
    if (cpu.ost_known)
        put_ost(r, entry, cpu.ost_source, cpu.ost_status);
}

/* __org.cpuctl_query-vcpus: every possible CPU, how far what was asked of the guest has come, and
 * what it said last. */
void command_query_vcpus(struct qmp_request *request, struct json_object *arguments)
{
    reply_cpus(request, arguments, push_vcpu, false);
}
