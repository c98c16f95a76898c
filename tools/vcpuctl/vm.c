/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A running VM: its connections, and what it is. */
#include "vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcpuctl/cpuctl.h"
#include "text.h"
#include "tools/interrupt.h"
#include "vm-internal.h"

int vm_error(struct cpuctl_error *error, int r, const char *prefix, const struct qmp_error *cause)
{
    cpuctl_error_set(error, r, "%s%.480s", prefix, cause->desc);
    if (error)
        text_clean(error->text, "");
    return r;
}

int vm_execute(struct vm *vm, const char *name, struct json_object *arguments,
               struct json_object **ret_value, struct cpuctl_error *error)
{
    struct qmp_error cause = { 0 };
    int r = qmp_client_execute(vm->monitor, name, arguments, VM_TIMEOUT, ret_value, &cause);

    if (r == -EREMOTEIO) {
        char prefix[128];

        snprintf(prefix, sizeof(prefix),
                 "internal error: unable to execute QEMU command '%.40s': ", name);
        return vm_error(error, r, prefix, &cause);
    }
    return r < 0 ? vm_error(error, r, "internal error: ", &cause) : 0;
}

/* Whether the greeting is cpuvmm's, which speaks QEMU's language and says so in "package". */
static enum vm_kind greeting_kind(struct json_object *greeting)
{
    static const char *const path[] = { "QMP", "version", "package" };
    struct json_object *value = greeting;

    for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++)
        if (!json_object_is_type(value, json_type_object) ||
            !json_object_object_get_ex(value, path[i], &value))
            return VM_QEMU;
    return strncmp(json_object_get_string(value), "cpuvmm ", 7) == 0 ? VM_CPUVMM : VM_QEMU;
}

static int find_accelerator(struct vm *vm, struct cpuctl_error *error)
{
    _cleanup_json_ struct json_object *reply = NULL;
    struct qmp_error cause = { 0 };
    int r = vm_execute(vm, "query-kvm", NULL, &reply, error);

    if (r < 0)
        return r;
    r = vm_check_type(reply, json_type_object, "query-kvm", error);
    if (r == 0 && qmp_get_bool(reply, NULL, "enabled", QMP_REQUIRED, &vm->kvm, &cause) < 0)
        r = vm_error(error, -EPROTO, "internal error: query-kvm: ", &cause);
    return r;
}

int vm_open(const char *qmp, const char *agent, struct vm **ret_vm, struct cpuctl_error *error)
{
    _cleanup_(vm_freep) struct vm *vm = calloc(1, sizeof(*vm));
    struct qmp_error cause = { 0 };
    int r;

    if (vm && agent)
        vm->agent_path = strdup(agent);
    if (!vm || (agent && !vm->agent_path))
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    vm->agent_timeout = VM_AGENT_TIMEOUT;
    r = qmp_client_connect(qmp, QMP_CLIENT_MONITOR, VM_TIMEOUT, interrupt_poll, &vm->monitor,
                           &cause);
    if (r < 0)
        return vm_error(error, r, "internal error: ", &cause);
    vm->kind = greeting_kind(qmp_client_greeting(vm->monitor));
    r = find_accelerator(vm, error);
    if (r < 0)
        return r;
    *ret_vm = TAKE_PTR(vm);
    return 0;
}

void vm_free(struct vm *vm)
{
    if (!vm)
        return;
    qmp_client_free(vm->monitor);
    qmp_client_free(vm->agent);
    free(vm->agent_path);
    vm_free_vcpus(vm->vcpus, vm->n_vcpus);
    free(vm);
}

/* Whether the guest has the port behind the agent's socket open; unknown counts as open. */
static bool port_is_open(struct vm *vm)
{
    _cleanup_json_ struct json_object *list = NULL;
    struct cpuctl_error ignored = { 0 };
    bool open = true;

    if (vm_execute(vm, "query-chardev", NULL, &list, &ignored) < 0 ||
        !json_object_is_type(list, json_type_array))
        return true;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        const char *filename;

        if (json_object_is_type(entry, json_type_object) &&
            qmp_get_string(entry, NULL, "filename", QMP_REQUIRED, &filename, NULL) > 0 &&
            text_names_socket(filename, vm->agent_path))
            qmp_get_bool(entry, NULL, "frontend-open", QMP_OPTIONAL, &open, NULL);
    }
    return open;
}

int vm_agent(struct vm *vm, struct qmp_client **ret_agent, struct cpuctl_error *error)
{
    struct qmp_error cause = { 0 };
    int r = 0;

    if (!vm->agent_path)
        return cpuctl_error_set(error, -ENODEV,
                                "argument unsupported: QEMU guest agent is not configured");
    if (!vm->agent) {
        if (!port_is_open(vm))
            return cpuctl_error_set(
                error, -ENOTCONN,
                "Guest agent is not responding: QEMU guest agent is not connected");
        r = qmp_client_connect(vm->agent_path, QMP_CLIENT_AGENT, vm->agent_timeout, interrupt_poll,
                               &vm->agent, &cause);
    }
    if (r < 0)
        return vm_error(error, r, "Guest agent is not responding: ", &cause);
    *ret_agent = vm->agent;
    return 0;
}

void vm_leave_agent(struct vm *vm)
{
    qmp_client_free(vm->agent);
    vm->agent = NULL;
}
