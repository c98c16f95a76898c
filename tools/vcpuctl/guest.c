/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guest's CPUs by its agent. */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

void guest_cpus_release(struct guest_cpus *cpus)
{
    cpuctl_set_free(cpus->present);
    cpuctl_set_free(cpus->online);
    cpuctl_set_free(cpus->offlinable);
    *cpus = (struct guest_cpus){ 0 };
}

/* Runs an agent command; errors in libvirt's words. */
static int execute(struct vm *vm, const char *name, struct json_object *arguments,
                   uint64_t timeout_usec, struct json_object **ret_value,
                   struct qmp_error *ret_cause, struct cpuctl_error *error)
{
    _cleanup_json_ struct json_object *owned = arguments;
    struct qmp_client *agent;
    int r = vm_agent(vm, &agent, error);

    if (r < 0)
        return r;
    r = qmp_client_execute(agent, name, TAKE_PTR(owned), timeout_usec, ret_value, ret_cause);
    if (r == -EREMOTEIO) {
        char prefix[128];

        snprintf(prefix, sizeof(prefix),
                 "internal error: unable to execute QEMU agent command '%.40s': ", name);
        return vm_error(error, r, prefix, ret_cause);
    }
    return r < 0 ? vm_error(error, r, "Guest agent is not responding: ", ret_cause) : 0;
}

/* ---- guest-get-vcpus ---- */

static int take_cpu(struct guest_cpus *cpus, struct json_object *entry, struct qmp_error *cause)
{
    uint64_t id;
    bool online, can_offline;
    int r = qmp_get_uint(entry, NULL, "logical-id", QMP_REQUIRED, CPUCTL_CPUS_MAX - 1, &id, cause);

    if (r >= 0)
        r = qmp_get_bool(entry, NULL, "online", QMP_REQUIRED, &online, cause);
    if (r >= 0)
        r = qmp_get_bool(entry, NULL, "can-offline", QMP_REQUIRED, &can_offline, cause);
    if (r < 0)
        return r;
    if (!online && !can_offline)
        return qmp_error_set(cause, QMP_GENERIC_ERROR, "vCPU '%llu' is offline and can not be",
                             (unsigned long long)id);
    if (cpuctl_set_has(cpus->present, (unsigned int)id))
        return qmp_error_set(cause, QMP_GENERIC_ERROR, "vCPU '%llu' is listed twice",
                             (unsigned long long)id);
    r = cpuctl_set_add(cpus->present, (unsigned int)id);
    if (r == 0 && online)
        r = cpuctl_set_add(cpus->online, (unsigned int)id);
    if (r == 0 && can_offline)
        r = cpuctl_set_add(cpus->offlinable, (unsigned int)id);
    return r;
}

static int take_cpus(struct guest_cpus *cpus, struct json_object *list, struct qmp_error *cause)
{
    if (!json_object_is_type(list, json_type_array))
        return qmp_error_set(cause, QMP_GENERIC_ERROR, "it is not an array");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct qmp_where where = { .member = "return", .in_array = true, .index = i };
        struct json_object *entry;
        int r = qmp_get_element_object(list, &where, &entry, cause);

        if (r >= 0)
            r = take_cpu(cpus, entry, cause);
        if (r < 0)
            return r;
    }
    if (cpuctl_set_is_empty(cpus->online))
        return qmp_error_set(cause, QMP_GENERIC_ERROR, "it has no vCPU that is online");
    return 0;
}

int guest_read(struct vm *vm, struct guest_cpus *ret_cpus, struct cpuctl_error *error)
{
    _cleanup_(guest_cpus_release) struct guest_cpus cpus = { cpuctl_set_new(), cpuctl_set_new(),
                                                             cpuctl_set_new() };
    _cleanup_json_ struct json_object *list = NULL;
    struct qmp_error cause = { 0 };
    int r;

    if (!cpus.present || !cpus.online || !cpus.offlinable)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    r = execute(vm, "guest-get-vcpus", NULL, vm->agent_timeout, &list, &cause, error);
    if (r < 0)
        return r;
    r = take_cpus(&cpus, list, &cause);
    if (r == -ENOMEM)
        return cpuctl_error_set(error, r, "out of memory");
    if (r < 0)
        return vm_error(
            error, -EPROTO,
            "internal error: the guest agent's reply to guest-get-vcpus is wrong: ", &cause);
    *ret_cpus = cpus;
    cpus = (struct guest_cpus){ 0 };
    return 0;
}

/* ---- changes ---- */

/* The sentence of the first CPU in the reply to __org.cpuctl_set-goal that was refused. Returns 0
 * when there is none. */
static int find_refusal(struct json_object *goal, bool online, struct cpuctl_error *error)
{
    struct json_object *results = NULL;

    if (qmp_get_array(goal, NULL, "results", QMP_REQUIRED, &results, NULL) < 0)
        return cpuctl_error_set(error, -EPROTO,
                                "internal error: the guest agent's reply to __org.cpuctl_set-goal "
                                "has no results");
    for (size_t i = 0; i < json_object_array_length(results); i++) {
        struct qmp_where where = { .member = "results", .in_array = true, .index = i };
        const char *result = "", *reason = "no reason given", *help = "";
        struct json_object *entry;
        uint64_t id = 0;

        if (qmp_get_element_object(results, &where, &entry, NULL) < 0 ||
            qmp_get_string(entry, NULL, "result", QMP_REQUIRED, &result, NULL) < 0 ||
            strcmp(result, "refused") != 0)
            continue;
        qmp_get_uint(entry, NULL, "logical-id", QMP_OPTIONAL, CPUCTL_CPUS_MAX, &id, NULL);
        qmp_get_string(entry, NULL, "reason", QMP_OPTIONAL, &reason, NULL);
        qmp_get_string(entry, NULL, "help", QMP_OPTIONAL, &help, NULL);
        cpuctl_error_set(error, -EREMOTEIO, "the guest can't %s CPU %u: %.240s%s%.160s",
                         online ? "bring online" : "take offline", (unsigned int)id, reason,
                         *help ? "; " : "", help);
        text_clean(error->text, "");
        return -EREMOTEIO;
    }
    return 0;
}

/*
 * Whether @now has CPUs that are offline and not among @cpus. Its agent may be about to bring one
 * online that was plugged a moment ago, and a goal, which names all that are to be online, would
 * forbid that. Returns 1, 0 or -ENOMEM.
 */
static int has_others_offline(const struct guest_cpus *now, const struct cpuctl_set *cpus)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *others = cpuctl_set_dup(now->present);

    if (!others)
        return -ENOMEM;
    cpuctl_set_andnot(others, now->online);
    cpuctl_set_andnot(others, cpus);
    return !cpuctl_set_is_empty(others);
}

/* The set that is to be online, by cpuctl-agent, which says of each CPU what became of it. Returns
 * 1 where that could take more than @cpus: nothing has been asked for then. */
static int change_by_goal(struct vm *vm, const struct cpuctl_set *cpus, bool online,
                          uint64_t timeout_usec, struct qmp_error *ret_cause,
                          struct cpuctl_error *error)
{
    _cleanup_(guest_cpus_release) struct guest_cpus now = { 0 };
    _cleanup_json_ struct json_object *goal = NULL;
    _cleanup_free_ char *list = NULL;
    struct json_object *arguments = json_object_new_object();
    int r = guest_read(vm, &now, error);

    if (r == 0)
        r = has_others_offline(&now, cpus);
    if (r == 0 && online)
        r = cpuctl_set_or(now.online, cpus);
    else if (r == 0)
        cpuctl_set_andnot(now.online, cpus);
    if (r == 0) {
        list = cpuctl_set_format_list(now.online);
        r = list && arguments ? qmp_object_add(arguments, "cpus", json_object_new_string(list))
                              : -ENOMEM;
    }
    if (r != 0) {
        json_object_put(arguments);
        return r;
    }
    r = execute(vm, "__org.cpuctl_set-goal", arguments, timeout_usec, &goal, ret_cause, error);
    return r < 0 ? r : find_refusal(goal, online, error);
}

/* The elements of guest-set-vcpus. */
static struct json_object *list_changes(const struct cpuctl_set *cpus, bool online)
{
    _cleanup_json_ struct json_object *arguments = json_object_new_object();
    struct json_object *list = json_object_new_array();
    int cpu = online ? cpuctl_set_next(cpus, 0) : cpuctl_set_prev(cpus, CPUCTL_CPUS_MAX - 1);

    if (!arguments || qmp_object_add(arguments, "vcpus", list) < 0)
        return NULL;
    while (cpu >= 0) {
        struct json_object *entry = json_object_new_object();

        if (qmp_array_add(list, entry) < 0 ||
            qmp_object_add(entry, "logical-id", json_object_new_int(cpu)) < 0 ||
            json_object_object_add(entry, "online", json_object_new_boolean(online)) < 0)
            return NULL;
        if (online)
            cpu = cpuctl_set_next(cpus, (unsigned int)cpu + 1);
        else
            cpu = cpu > 0 ? cpuctl_set_prev(cpus, (unsigned int)cpu - 1) : -1;
    }
    return TAKE_PTR(arguments);
}

/* The number of elements that guest-set-vcpus has processed. */
static int take_count(struct json_object *reply, unsigned int asked, struct cpuctl_error *error)
{
    int64_t done = json_object_is_type(reply, json_type_int) ? json_object_get_int64(reply) : 0;

    if (done < 1 || done > asked)
        return cpuctl_error_set(error, -EPROTO,
                                "internal error: the guest agent says that it changed %.40s of %u "
                                "vCPUs",
                                reply ? json_object_get_string(reply) : "null", asked);
    return (int)done;
}

/* By any agent: a prefix is done, and asking again for the rest tells why it was not. */
static int change_by_list(struct vm *vm, const struct cpuctl_set *cpus, bool online,
                          uint64_t timeout_usec, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *left = cpuctl_set_dup(cpus);
    uint64_t end = qmp_client_now() + timeout_usec;
    int r = left ? 0 : cpuctl_error_set(error, -ENOMEM, "out of memory");

    while (r >= 0 && !cpuctl_set_is_empty(left)) {
        _cleanup_json_ struct json_object *reply = NULL;
        struct json_object *arguments = list_changes(left, online);
        uint64_t now = qmp_client_now();
        struct qmp_error cause = { 0 };

        if (!arguments)
            return cpuctl_error_set(error, -ENOMEM, "out of memory");
        r = execute(vm, "guest-set-vcpus", arguments, now < end ? end - now : 0, &reply, &cause,
                    error);
        if (r >= 0)
            r = take_count(reply, cpuctl_set_count(left), error);
        for (int i = 0; i < r; i++) {
            int cpu =
                online ? cpuctl_set_next(left, 0) : cpuctl_set_prev(left, CPUCTL_CPUS_MAX - 1);

            cpuctl_set_remove(left, (unsigned int)cpu);
        }
    }
    return r < 0 ? r : 0;
}

int guest_change(struct vm *vm, const struct cpuctl_set *cpus, bool online, uint64_t timeout_usec,
                 struct cpuctl_error *error)
{
    struct qmp_error cause = { 0 };
    int r = change_by_goal(vm, cpus, online, timeout_usec, &cause, error);

    if (r == -ENOMEM)
        return cpuctl_error_set(error, r, "out of memory");
    if (r == 1 || (r == -EREMOTEIO && cause.error_class == QMP_COMMAND_NOT_FOUND))
        return change_by_list(vm, cpus, online, timeout_usec, error);
    return r;
}
