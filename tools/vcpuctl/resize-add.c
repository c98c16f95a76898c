/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Adding vCPUs: plugged, taken by the guest, online. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "resize-internal.h"
#include "tools/interrupt.h"

/* How long a guest's own policy may take to bring a new CPU online before we ask for it, and how
 * often the agent is asked meanwhile; microseconds. */
#define GRACE  1000000U
#define PERIOD 100000U

/* Waits for the guest's _OST about @vcpu; what it has taken is RESIZE_UNSURE. */
static int wait_taken(struct resize *resize, struct resize_vcpu *vcpu, struct cpuctl_error *error)
{
    for (;;) {
        struct resize_vcpu *about;
        char reason[256];
        int r = resize_wait(resize, &about, reason, sizeof(reason), error);

        if (r < 0)
            return resize_settle_late(
                resize, vcpu, r, "it is plugged, and the guest has not answered (no _OST)", error);
        if (r == RESIZE_EVENT_SHUTDOWN)
            return resize_settle_shutdown(resize, vcpu, error);
        if (r == RESIZE_EVENT_RESET) /* a guest that starts anew takes what is plugged */
            break;
        if (about == vcpu && r == RESIZE_EVENT_TAKEN)
            break;
        if (about == vcpu && r == RESIZE_EVENT_REFUSED) {
            char kept[320];

            snprintf(kept, sizeof(kept), "%s; it stays plugged", reason);
            resize_settle(resize, vcpu, RESIZE_REFUSED, kept);
            return cpuctl_error_set(error, -EREMOTEIO,
                                    "operation failed: the guest did not take vcpu '%u': %s",
                                    vcpu->index, reason);
        }
    }
    vcpu->outcome = RESIZE_UNSURE;
    resize_tell(resize, vcpu, "the guest has taken it; it is not online yet");
    return 0;
}

/*
 * One after the other: a guest numbers CPUs in the order in which it sees them first, and of
 * several at once the hotplug controller shows it any first (docs/specs/acpi_cpu_hotplug: command 0
 * searches from the selector on).
 */
static int plug_all(struct resize *resize, struct cpuctl_error *error)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++) {
        struct resize_vcpu *vcpu = &resize->vcpus[i];
        int r;

        if (interrupt_pending())
            return -EINTR;
        if (vcpu->leaving)
            continue;
        r = resize_plug(resize, vcpu->index, error);
        if (r < 0)
            return resize_settle_asked(resize, vcpu, r, error);
        vcpu->plugged = true;
        vcpu->outcome = RESIZE_PENDING;
        if (resize->no_wait) {
            resize_settle(resize, vcpu, RESIZE_PENDING, "plugged; not waited for the guest");
            continue;
        }
        resize_tell(resize, vcpu, "plugged; the guest has not taken it yet");
        r = wait_taken(resize, vcpu, error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Takes the removal of vCPU @index back, if the guest has not begun with it. */
static int withdraw(struct resize *resize, unsigned int index, struct cpuctl_error *error)
{
    const char *device = resize->vm->vcpus[index].device;
    struct json_object *arguments = json_object_new_object();
    struct cpuctl_error why = { 0 };
    int r;

    if (!arguments || qmp_object_add(arguments, "id", json_object_new_string(device)) < 0) {
        json_object_put(arguments);
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    }
    r = vm_execute(resize->vm, "__org.cpuctl_cancel-device-del", arguments, NULL, &why);
    return r < 0
               ? cpuctl_error_set(error, r, "operation failed: vcpu '%u' is being removed: %.400s",
                                  index, why.text)
               : 0;
}

/* Of a list: what it names and another run asked the guest to give. */
static int withdraw_listed(struct resize *resize, struct cpuctl_error *error)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++) {
        struct resize_vcpu *vcpu = &resize->vcpus[i];
        int r = vcpu->leaving ? withdraw(resize, vcpu->index, error) : 0;

        if (r < 0)
            return resize_settle_asked(resize, vcpu, r, error);
        if (!vcpu->leaving)
            continue;
        vcpu->plugged = true;
        vcpu->outcome = RESIZE_UNSURE;
        if (resize->no_wait)
            resize_settle(resize, vcpu, RESIZE_PENDING,
                          "its removal is taken back; not waited for the guest");
    }
    return 0;
}

/*
 * Of a count: what an earlier run asked for and the guest has not done. Otherwise a vCPU that
 * counts as plugged would go later.
 */
static int withdraw_all(struct resize *resize, struct cpuctl_error *error)
{
    int r = 0;

    for (unsigned int i = 0; r == 0 && i < resize->vm->n_vcpus; i++)
        if (resize_is_leaving(&resize->vm->vcpus[i]))
            r = withdraw(resize, i, error);
    return r;
}

/* Those that another run removes and that are not ours to keep. NULL: memory is short. */
static struct cpuctl_set *find_leaving(const struct resize *resize)
{
    struct cpuctl_set *set = cpuctl_set_new();
    int r = set ? 0 : -ENOMEM;

    for (unsigned int i = 0; resize->listed && r == 0 && i < resize->vm->n_vcpus; i++)
        if (resize_is_leaving(&resize->vm->vcpus[i]))
            r = cpuctl_set_add(set, i);
    for (unsigned int i = 0; set && i < resize->n_vcpus; i++)
        cpuctl_set_remove(set, resize->vcpus[i].index);
    if (r == 0)
        return set;
    cpuctl_set_free(set);
    return NULL;
}

/* The guest's CPUs that are present and not online. NULL: memory is short. */
static struct cpuctl_set *offline(const struct guest_cpus *cpus)
{
    struct cpuctl_set *set = cpuctl_set_dup(cpus->present);

    if (set)
        cpuctl_set_andnot(set, cpus->online);
    return set;
}

/*
 * Waits until the guest has as many CPUs as are @plugged, and every one online. The guest's numbers
 * need not be ours, therefore it is numbers of CPUs that are compared. Those of @leaving, under the
 * same numbers as when they are removed, count for nothing and are left alone.
 */
static int wait_online(struct resize *resize, unsigned int plugged,
                       const struct cpuctl_set *leaving, struct cpuctl_error *error)
{
    uint64_t begin = qmp_client_now();
    bool asked = false;

    for (;;) {
        _cleanup_(guest_cpus_release) struct guest_cpus cpus = { 0 };
        _cleanup_(cpuctl_set_freep) struct cpuctl_set *left = NULL;
        unsigned int present, online;
        int r = guest_read(resize->vm, &cpus, error);

        if (r < 0)
            return r;
        cpuctl_set_andnot(cpus.present, leaving);
        cpuctl_set_andnot(cpus.online, leaving);
        left = offline(&cpus);
        if (!left)
            return cpuctl_error_set(error, -ENOMEM, "out of memory");
        present = cpuctl_set_count(cpus.present);
        online = cpuctl_set_count(cpus.online);
        if (present >= plugged && online == present)
            return 0;
        if (!asked && present >= plugged &&
            (resize->n_vcpus == 0 || qmp_client_now() - begin >= GRACE)) {
            asked = true;
            r = guest_change(resize->vm, left, true, resize_left(resize), error);
            if (r < 0)
                return r;
            continue;
        }
        r = resize_pause(resize, PERIOD);
        if (r < 0)
            return cpuctl_error_set(error, r, "of %u plugged vCPUs the guest has %u, and %u online",
                                    plugged, present, online);
    }
}

/* Settles what the guest has taken, by what the agent says in the end. */
static void settle_taken(struct resize *resize, enum resize_outcome outcome, const char *reason)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++)
        if (resize->vcpus[i].outcome == RESIZE_UNSURE)
            resize_settle(resize, &resize->vcpus[i], outcome, reason);
}

int resize_add(struct resize *resize, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *leaving = find_leaving(resize);
    unsigned int plugged = vm_count_plugged(resize->vm);
    int r;

    if (!leaving)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    plugged -= cpuctl_set_count(leaving);
    for (unsigned int i = 0; i < resize->n_vcpus; i++)
        plugged += !resize->vcpus[i].leaving;
    r = resize->listed ? withdraw_listed(resize, error) : withdraw_all(resize, error);
    if (r == 0)
        r = plug_all(resize, error);
    if (resize->no_wait)
        return r;
    if (r < 0 || !resize->agent) {
        settle_taken(resize, RESIZE_UNSURE, NULL);
        return r;
    }
    r = wait_online(resize, plugged, leaving, error);
    if (r == -EINTR)
        settle_taken(resize, RESIZE_PENDING,
                     "the guest has taken it; whether it is online was not waited for");
    else
        settle_taken(resize, r == 0 ? RESIZE_DONE : RESIZE_PENDING, r < 0 ? error->text : NULL);
    return r;
}
