/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A resize: which vCPUs change, and what additions and removals share. */
#include "resize.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resize-internal.h"
#include "tools/interrupt.h"
#include "vmm/ost.h"

/* ---- the plan ---- */

static int begin_plan(struct resize *resize, bool adding, struct cpuctl_error *error)
{
    resize->adding = adding;
    resize->n_vcpus = 0;
    resize->vcpus = calloc(resize->vm->n_vcpus, sizeof(*resize->vcpus));
    return resize->vcpus ? 0 : cpuctl_error_set(error, -ENOMEM, "out of memory");
}

static void plan(struct resize *resize, unsigned int index)
{
    resize->vcpus[resize->n_vcpus++].index = index;
}

static bool is_fixed(const struct resize *resize, unsigned int index)
{
    return resize->fixed && cpuctl_set_has(resize->fixed, index);
}

bool resize_is_leaving(const struct vm_vcpu *vcpu)
{
    return vcpu->plugged && vcpu->request == VM_REQUEST_REMOVAL &&
           (vcpu->phase == VM_PHASE_REQUESTED || vcpu->phase == VM_PHASE_IN_PROGRESS);
}

int resize_plan_count(struct resize *resize, unsigned int count, struct cpuctl_error *error)
{
    struct vm *vm = resize->vm;
    unsigned int plugged;
    int r = vm_read_vcpus(vm, error);

    if (r < 0)
        return r;
    if (count > vm->n_vcpus)
        return cpuctl_error_set(error, -ERANGE,
                                "invalid argument: requested vcpus is greater than max allowable "
                                "vcpus for the live domain: %u > %u",
                                count, vm->n_vcpus);
    plugged = vm_count_plugged(vm);
    r = begin_plan(resize, count >= plugged, error);
    for (unsigned int i = 0; r == 0 && i < vm->n_vcpus && plugged < count; i++)
        if (!vm->vcpus[i].plugged) {
            plan(resize, i);
            plugged++;
        }
    for (unsigned int i = vm->n_vcpus; r == 0 && i-- > 1 && plugged > count;)
        if (vm->vcpus[i].plugged && !is_fixed(resize, i)) {
            plan(resize, i);
            plugged--;
        }
    if (r == 0 && plugged != count)
        return cpuctl_error_set(
            error, -EOPNOTSUPP,
            "unsupported configuration: failed to find appropriate hotpluggable "
            "vcpus to reach the desired target vcpu count");
    return r < 0 ? r : (int)resize->n_vcpus;
}

int resize_plan_set(struct resize *resize, const struct cpuctl_set *set, bool plugged,
                    struct cpuctl_error *error)
{
    struct vm *vm = resize->vm;
    int r = vm_read_vcpus(vm, error), last;

    if (r < 0)
        return r;
    last = cpuctl_set_prev(set, CPUCTL_CPUS_MAX - 1);
    if (last >= (int)vm->n_vcpus)
        return cpuctl_error_set(error, -ERANGE,
                                "invalid argument: vcpu %d is not present in live config", last);
    r = begin_plan(resize, plugged, error);
    resize->listed = true;
    for (unsigned int i = 0; r == 0 && i < vm->n_vcpus; i++) {
        unsigned int index = plugged ? i : vm->n_vcpus - 1 - i;
        bool leaving = plugged && resize_is_leaving(&vm->vcpus[index]);

        if (!cpuctl_set_has(set, index))
            continue;
        resize->vcpus[resize->n_vcpus].leaving = leaving;
        if (vm->vcpus[index].plugged == plugged && !leaving)
            r = cpuctl_error_set(
                error, -EINVAL, "invalid argument: vcpu '%u' is already in requested state", index);
        else if (!plugged && (index == 0 || is_fixed(resize, index)))
            r = cpuctl_error_set(error, -EOPNOTSUPP,
                                 "Operation not supported: vcpu '%u' can't be unplugged", index);
        else
            plan(resize, index);
    }
    return r < 0 ? r : (int)resize->n_vcpus;
}

void resize_release(struct resize *resize)
{
    free(resize->vcpus);
    resize->vcpus = NULL;
}

/* ---- carrying it out ---- */

/* Whether there is an agent to talk to; notes why not. */
static void find_agent(struct resize *resize)
{
    struct cpuctl_error error = { 0 };
    struct qmp_client *agent;

    resize->agent = vm_agent(resize->vm, &agent, &error) == 0;
    if (!resize->agent)
        snprintf(resize->no_agent, sizeof(resize->no_agent), "%s", error.text);
}

int resize_run(struct resize *resize, struct cpuctl_error *error)
{
    uint64_t now;
    int r;

    if (resize->timeout_usec < resize->vm->agent_timeout)
        resize->vm->agent_timeout = resize->timeout_usec;
    if (!resize->no_wait)
        find_agent(resize);
    now = qmp_client_now();
    resize->deadline_usec = resize->timeout_usec < QMP_CLIENT_FOREVER - now
                                ? now + resize->timeout_usec
                                : QMP_CLIENT_FOREVER;
    r = resize->adding ? resize_add(resize, error) : resize_remove(resize, error);
    if (r == -EINTR)
        cpuctl_error_set(error, r, "interrupted: %s",
                         resize_is_partial(resize)
                             ? "what is pending stays so; see status, and give the same command "
                               "again to go on"
                             : "nothing has been changed");
    return r;
}

uint64_t resize_left(const struct resize *resize)
{
    uint64_t now = qmp_client_now();

    return now < resize->deadline_usec ? resize->deadline_usec - now : 0;
}

int resize_pause(const struct resize *resize, uint64_t usec)
{
    uint64_t left = resize_left(resize);
    int r;

    if (left == 0)
        return -ETIMEDOUT;
    r = interrupt_poll(NULL, 0, usec < left ? usec : left);
    return r < 0 ? r : 0;
}

/* ---- telling ---- */

const char *resize_outcome_name(const struct resize *resize, const struct resize_vcpu *vcpu)
{
    switch (vcpu->outcome) {
    case RESIZE_DONE:
        return resize->adding ? "online" : "removed";
    case RESIZE_UNSURE:
        return resize->adding ? "plugged" : "removed";
    case RESIZE_PENDING:
        return "pending";
    case RESIZE_REFUSED:
        return "refused";
    case RESIZE_PUT_BACK:
        return "put back";
    case RESIZE_UNTOUCHED:
    default:
        return "untouched";
    }
}

void resize_tell(const struct resize *resize, const struct resize_vcpu *vcpu, const char *text)
{
    if (resize->progress)
        resize->progress(resize->user, vcpu->index, text, false);
}

void resize_settle(struct resize *resize, struct resize_vcpu *vcpu, enum resize_outcome outcome,
                   const char *reason)
{
    char text[640];

    vcpu->outcome = outcome;
    snprintf(vcpu->reason, sizeof(vcpu->reason), "%s", reason ? reason : "");
    if (!resize->progress)
        return;
    snprintf(text, sizeof(text), "%s%s%s", resize_outcome_name(resize, vcpu),
             vcpu->reason[0] ? ": " : "", vcpu->reason);
    resize->progress(resize->user, vcpu->index, text, true);
}

int resize_settle_asked(struct resize *resize, struct resize_vcpu *vcpu, int r,
                        const struct cpuctl_error *error)
{
    if (r == -EREMOTEIO)
        resize_settle(resize, vcpu, RESIZE_REFUSED, error->text);
    else if (r != -ENOMEM)
        resize_settle(resize, vcpu, RESIZE_PENDING, "the VMM has been asked and has not answered");
    return r;
}

int resize_settle_late(struct resize *resize, struct resize_vcpu *vcpu, int r, const char *reason,
                       struct cpuctl_error *error)
{
    resize_settle(resize, vcpu, RESIZE_PENDING, reason);
    if (r == -ETIMEDOUT)
        cpuctl_error_set(error, r, "the guest has not answered about vcpu '%u' within %u s",
                         vcpu->index, (unsigned int)(resize->timeout_usec / 1000000));
    return r;
}

int resize_settle_shutdown(struct resize *resize, struct resize_vcpu *vcpu,
                           struct cpuctl_error *error)
{
    resize_settle(resize, vcpu, RESIZE_PENDING, "the VM was shut down before the guest answered");
    return cpuctl_error_set(error, -ECONNRESET,
                            "Requested operation is not valid: the VM was shut down");
}

bool resize_is_partial(const struct resize *resize)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++)
        if (resize->vcpus[i].offline || resize->vcpus[i].plugged ||
            (resize->vcpus[i].outcome != RESIZE_UNTOUCHED &&
             resize->vcpus[i].outcome != RESIZE_REFUSED))
            return true;
    return false;
}

struct cpuctl_set *resize_with(const struct resize *resize, enum resize_outcome outcome)
{
    struct cpuctl_set *set = cpuctl_set_new();

    for (unsigned int i = 0; set && i < resize->n_vcpus; i++)
        if (resize->vcpus[i].outcome == outcome &&
            cpuctl_set_add(set, resize->vcpus[i].index) < 0) {
            cpuctl_set_free(set);
            return NULL;
        }
    return set;
}

/* ---- the VMM ---- */

int resize_plug(struct resize *resize, unsigned int index, struct cpuctl_error *error)
{
    const struct vm_vcpu *vcpu = &resize->vm->vcpus[index];
    struct json_object *arguments = json_object_new_object();
    char id[24];
    int r = arguments ? 0 : -ENOMEM;

    snprintf(id, sizeof(id), "vcpu%u", index); /* as libvirt calls it */
    if (r == 0)
        r = qmp_object_add(arguments, "driver", json_object_new_string(vcpu->type));
    if (r == 0)
        r = qmp_object_add(arguments, "id", json_object_new_string(id));
    json_object_object_foreach(vcpu->props, name, value)
    {
        if (r == 0)
            r = qmp_object_add(arguments, name, json_object_get(value));
    }
    if (r < 0) {
        json_object_put(arguments);
        return cpuctl_error_set(error, r, "out of memory");
    }
    return vm_execute(resize->vm, "device_add", arguments, NULL, error);
}

static struct resize_vcpu *by_slot(const struct resize *resize, const char *slot)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%u", resize->vcpus[i].index);
        if (strcmp(text, slot) == 0)
            return &resize->vcpus[i];
    }
    return NULL;
}

static struct resize_vcpu *by_device(const struct resize *resize, const char *device)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++) {
        const char *name = resize->vm->vcpus[resize->vcpus[i].index].device;

        if (name && strcmp(name, device) == 0)
            return &resize->vcpus[i];
    }
    return NULL;
}

/* ACPI_DEVICE_OST: the guest's answer. */
static enum resize_event take_ost(struct resize *resize, struct json_object *data,
                                  struct resize_vcpu **ret_vcpu, char *reason, size_t size)
{
    struct json_object *info = NULL;
    const char *slot, *type;
    uint64_t source, status;
    enum ost_outcome outcome;

    if (qmp_get_object(data, NULL, "info", QMP_REQUIRED, &info, NULL) < 0 ||
        qmp_get_string(info, NULL, "slot", QMP_REQUIRED, &slot, NULL) < 0 ||
        qmp_get_string(info, NULL, "slot-type", QMP_REQUIRED, &type, NULL) < 0 ||
        qmp_get_uint(info, NULL, "source", QMP_REQUIRED, UINT32_MAX, &source, NULL) < 0 ||
        qmp_get_uint(info, NULL, "status", QMP_REQUIRED, UINT32_MAX, &status, NULL) < 0 ||
        strcmp(type, "CPU") != 0)
        return RESIZE_EVENT_NONE;
    *ret_vcpu = by_slot(resize, slot);
    outcome = ost_outcome((uint32_t)source, (uint32_t)status);
    if (resize->adding ? !ost_is_insertion((uint32_t)source) : !ost_is_removal((uint32_t)source))
        return RESIZE_EVENT_NONE;
    if (outcome == OST_FAILURE) {
        snprintf(reason, size, "the guest answered '%s' (_OST source 0x%x, status 0x%x)",
                 ost_status_text((uint32_t)source, (uint32_t)status), (unsigned int)source,
                 (unsigned int)status);
        return RESIZE_EVENT_REFUSED;
    }
    return outcome == OST_SUCCESS && resize->adding ? RESIZE_EVENT_TAKEN : RESIZE_EVENT_NONE;
}

/* DEVICE_DELETED and DEVICE_UNPLUG_GUEST_ERROR: by the name, or of a device without one the path.
 */
static enum resize_event take_device(struct resize *resize, struct json_object *data,
                                     enum resize_event event, struct resize_vcpu **ret_vcpu,
                                     char *reason, size_t size)
{
    const char *device;

    if (qmp_get_string(data, NULL, "device", QMP_OPTIONAL, &device, NULL) <= 0 &&
        qmp_get_string(data, NULL, "path", QMP_OPTIONAL, &device, NULL) <= 0)
        return RESIZE_EVENT_NONE;
    *ret_vcpu = by_device(resize, device);
    if (event == RESIZE_EVENT_REFUSED)
        snprintf(reason, size, "the guest refused to eject it");
    return event;
}

int resize_wait(struct resize *resize, struct resize_vcpu **ret_vcpu, char *reason, size_t size,
                struct cpuctl_error *error)
{
    _cleanup_json_ struct json_object *event = NULL;
    struct json_object *data = NULL;
    struct qmp_error cause = { 0 };
    const char *name = "";
    int r = qmp_client_wait_event(resize->vm->monitor, resize_left(resize), &event, &cause);

    *ret_vcpu = NULL;
    if (r < 0)
        return vm_error(error, r, "internal error: ", &cause);
    qmp_get_string(event, NULL, "event", QMP_REQUIRED, &name, NULL);
    qmp_get_object(event, NULL, "data", QMP_OPTIONAL, &data, NULL);
    if (strcmp(name, "ACPI_DEVICE_OST") == 0)
        return take_ost(resize, data, ret_vcpu, reason, size);
    if (strcmp(name, "DEVICE_DELETED") == 0)
        return take_device(resize, data, RESIZE_EVENT_DELETED, ret_vcpu, reason, size);
    if (strcmp(name, "DEVICE_UNPLUG_GUEST_ERROR") == 0)
        return take_device(resize, data, RESIZE_EVENT_REFUSED, ret_vcpu, reason, size);
    if (strcmp(name, "RESET") == 0)
        return RESIZE_EVENT_RESET;
    return strcmp(name, "SHUTDOWN") == 0 ? RESIZE_EVENT_SHUTDOWN : RESIZE_EVENT_NONE;
}
