/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first moments of a VMM: its monitor is asked for the threads, which are pinned. */
#include "launch-guest.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "libcpuctl/cpuctl.h"
#include "qmp/client.h"
#include "store.h"

/* For the greeting and for one command, microseconds. */
#define TIMEOUT (30U * 1000000U)

static bool is_pinned(const struct definition *definition)
{
    bool pinned = definition->emulatorpin || definition->cpuset;

    for (unsigned int i = 0; i < definition->vcpu_max; i++)
        pinned = pinned || definition->vcpus[i].pin;
    return pinned;
}

/* Where vCPU @index may run: <vcpupin>, or <vcpu cpuset>, or everywhere. */
static void choose_cpus(const struct definition *definition, uint64_t index, cpu_set_t *cpus)
{
    const struct cpuctl_set *set =
        index < definition->vcpu_max ? definition->vcpus[index].pin : NULL;

    if (!set)
        set = definition->cpuset;
    CPU_ZERO(cpus);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (!set || cpuctl_set_has(set, (unsigned int)cpu))
            CPU_SET(cpu, cpus);
}

static int pin_one(const struct definition *definition, struct json_object *vcpu,
                   const struct qmp_where *where, struct qmp_error *qmp_error,
                   struct cpuctl_error *error)
{
    uint64_t index, thread;
    cpu_set_t cpus;

    if (qmp_get_uint(vcpu, where, "cpu-index", QMP_REQUIRED, UINT32_MAX, &index, qmp_error) < 0 ||
        qmp_get_uint(vcpu, where, "thread-id", QMP_REQUIRED, INT32_MAX, &thread, qmp_error) < 0)
        return cpuctl_error_set(error, -EPROTO, "internal error: query-cpus-fast: %s",
                                qmp_error->desc);
    choose_cpus(definition, index, &cpus);
    if (sched_setaffinity((pid_t)thread, sizeof(cpus), &cpus) < 0)
        return cpuctl_error_set(error, -errno, "cannot set CPU affinity of vCPU %llu: %s",
                                (unsigned long long)index, strerror(errno));
    return 0;
}

static int pin_vcpus(struct qmp_client *client, const struct definition *definition,
                     struct cpuctl_error *error)
{
    _cleanup_json_ struct json_object *reply = NULL;
    struct qmp_error qmp_error = { 0 };
    int r = qmp_client_execute(client, "query-cpus-fast", NULL, TIMEOUT, &reply, &qmp_error);

    if (r < 0)
        return cpuctl_error_set(error, r, "internal error: %s", qmp_error.desc);
    if (!json_object_is_type(reply, json_type_array))
        return cpuctl_error_set(error, -EPROTO, "internal error: query-cpus-fast: no array");
    for (size_t i = 0; i < json_object_array_length(reply); i++) {
        struct qmp_where where = { .member = "return", .in_array = true, .index = i };
        struct json_object *vcpu;

        if (qmp_get_element_object(reply, &where, &vcpu, &qmp_error) < 0)
            return cpuctl_error_set(error, -EPROTO, "internal error: query-cpus-fast: %s",
                                    qmp_error.desc);
        r = pin_one(definition, vcpu, &where, &qmp_error, error);
        if (r < 0)
            return r;
    }
    return 0;
}

int launch_guest(const struct domain *domain, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = domain_qmp_path(domain, DOMAIN_QMP_CONTROL);
    _cleanup_(qmp_client_freep) struct qmp_client *client = NULL;
    struct qmp_error qmp_error = { 0 };
    int r;

    if (!path)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    r = qmp_client_connect(path, QMP_CLIENT_MONITOR, TIMEOUT, NULL, &client, &qmp_error);
    if (r < 0)
        return cpuctl_error_set(error, r, "internal error: %s", qmp_error.desc);
    r = is_pinned(domain->live) ? pin_vcpus(client, domain->live, error) : 0;
    if (r < 0)
        return r;
    r = qmp_client_execute(client, "cont", NULL, TIMEOUT, NULL, &qmp_error);
    return r < 0 ? cpuctl_error_set(error, r, "internal error: %s", qmp_error.desc) : 0;
}
