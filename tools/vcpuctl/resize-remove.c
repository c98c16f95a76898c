/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Removing vCPUs: offline in the guest, ejected, gone; or put back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "resize-internal.h"
#include "tools/interrupt.h"

/* How often the agent is asked for the outcome, microseconds. */
#define PERIOD 100000U
/* What putting back may take when the time has run out, microseconds. */
#define PUT_BACK_TIMEOUT (15U * 1000000U)

/* ---- the guest's half ---- */

/* The plan's vCPUs that the guest has online under the same number. */
static int find_online(struct resize *resize, struct cpuctl_set **ret_set,
                       struct cpuctl_error *error)
{
    _cleanup_(guest_cpus_release) struct guest_cpus cpus = { 0 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = resize_with(resize, RESIZE_UNTOUCHED);
    int r = set ? guest_read(resize->vm, &cpus, error) : -ENOMEM;

    if (!set)
        return cpuctl_error_set(error, r, "out of memory");
    if (r < 0)
        return r;
    cpuctl_set_and(set, cpus.online);
    *ret_set = TAKE_PTR(set);
    return 0;
}

/* Brings @set online again; what is gone is left out. What stays offline is told of. */
static void bring_online(struct resize *resize, struct cpuctl_set *set)
{
    _cleanup_(guest_cpus_release) struct guest_cpus cpus = { 0 };
    struct cpuctl_error error = { 0 };
    int r = guest_read(resize->vm, &cpus, &error);

    if (r == 0) {
        cpuctl_set_and(set, cpus.present);
        cpuctl_set_andnot(set, cpus.online);
        r = guest_change(resize->vm, set, true, PUT_BACK_TIMEOUT, &error);
    }
    for (unsigned int i = 0; i < resize->n_vcpus; i++) {
        struct resize_vcpu *vcpu = &resize->vcpus[i];
        char reason[1200];

        vcpu->offline = vcpu->offline && r < 0 && cpuctl_set_has(set, vcpu->index);
        if (!vcpu->offline)
            continue;
        snprintf(reason, sizeof(reason), "%s%sthe guest may have it offline still: %s",
                 vcpu->reason, *vcpu->reason ? "; " : "", error.text);
        resize_settle(resize, vcpu, vcpu->outcome, reason);
    }
}

/* When the agent has been asked, and its answer was not waited for. */
static void settle_asked(struct resize *resize)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++)
        if (resize->vcpus[i].offline)
            resize_settle(resize, &resize->vcpus[i], RESIZE_PENDING,
                          "the guest's agent has been asked to take it offline");
}

/* Who of @set the guest has not taken offline: it goes by falling numbers, as the plan does. */
static struct resize_vcpu *find_refused(struct resize *resize, const struct cpuctl_set *set)
{
    _cleanup_(guest_cpus_release) struct guest_cpus cpus = { 0 };
    bool known = guest_read(resize->vm, &cpus, NULL) == 0;
    struct resize_vcpu *first = NULL;

    for (unsigned int i = 0; i < resize->n_vcpus; i++) {
        struct resize_vcpu *vcpu = &resize->vcpus[i];

        if (!cpuctl_set_has(set, vcpu->index))
            continue;
        if (known && cpuctl_set_has(cpus.online, vcpu->index))
            return vcpu;
        first = first ? first : vcpu;
    }
    return first;
}

/* The agent's part. Returns 0, or a negative errno after everything is online again, unless a part
 * is to be kept. */
static int take_offline(struct resize *resize, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    struct resize_vcpu *first = &resize->vcpus[0];
    int r = find_online(resize, &set, error);

    if (r < 0 || cpuctl_set_is_empty(set))
        return r;
    resize_tell(resize, first, "the guest takes it offline");
    r = guest_change(resize->vm, set, false, resize_left(resize), error);
    for (unsigned int i = 0; i < resize->n_vcpus; i++)
        resize->vcpus[i].offline = cpuctl_set_has(set, resize->vcpus[i].index);
    if (r == -EREMOTEIO) {
        resize_settle(resize, find_refused(resize, set), RESIZE_REFUSED, error->text);
        if (!resize->keep_partial)
            bring_online(resize, set);
    }
    if (r == -EINTR)
        settle_asked(resize);
    return r;
}

/* An agent that does not do its part is done without: ACPI is enough for a guest's kernel. */
static int guest_half(struct resize *resize, struct cpuctl_error *error)
{
    int r;

    if (!resize->agent)
        return 0;
    r = take_offline(resize, error);
    if (r == -EREMOTEIO || r == -ENOMEM || r == -EINTR)
        return r;
    if (r < 0) {
        resize->agent = false;
        snprintf(resize->no_agent, sizeof(resize->no_agent), "%s", error->text);
    }
    return 0;
}

/* ---- the VMM's half ---- */

static int request(struct resize *resize, const struct resize_vcpu *vcpu,
                   struct cpuctl_error *error)
{
    struct json_object *arguments = json_object_new_object();
    const char *device = resize->vm->vcpus[vcpu->index].device;
    int r;

    if (!arguments || qmp_object_add(arguments, "id", json_object_new_string(device)) < 0) {
        json_object_put(arguments);
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    }
    r = vm_execute(resize->vm, "device_del", arguments, NULL, error);
    /* asked for before, and the guest has not answered: goes on waiting (QEMU's qmp_device_del())
     */
    if (r == -EREMOTEIO && strstr(error->text, "already in the process of unplug"))
        return 0;
    return r;
}

/* After a reset: whether the reset has completed the removal. */
static int look_again(struct resize *resize, struct resize_vcpu *vcpu, struct cpuctl_error *error)
{
    int r = vm_read_vcpus(resize->vm, error);

    if (r < 0)
        return r;
    return resize->vm->vcpus[vcpu->index].plugged ? RESIZE_EVENT_NONE : RESIZE_EVENT_DELETED;
}

static int eject(struct resize *resize, struct resize_vcpu *vcpu, struct cpuctl_error *error)
{
    char reason[256];
    int r;

    if (interrupt_pending())
        return -EINTR;
    r = request(resize, vcpu, error);
    if (r < 0)
        return resize_settle_asked(resize, vcpu, r, error);
    vcpu->outcome = RESIZE_PENDING;
    resize_tell(resize, vcpu, "the guest is asked to eject it");
    for (;;) {
        struct resize_vcpu *about;

        r = resize_wait(resize, &about, reason, sizeof(reason), error);
        if (r == RESIZE_EVENT_RESET) {
            about = vcpu;
            r = look_again(resize, vcpu, error);
        }
        if (r < 0)
            return resize_settle_late(resize, vcpu, r,
                                      "the guest has been asked to eject it and has not answered",
                                      error);
        if (r == RESIZE_EVENT_SHUTDOWN)
            return resize_settle_shutdown(resize, vcpu, error);
        if (about != vcpu)
            continue;
        if (r == RESIZE_EVENT_DELETED) {
            vcpu->outcome = RESIZE_UNSURE;
            return 0;
        }
        if (r == RESIZE_EVENT_REFUSED) {
            resize_settle(resize, vcpu, RESIZE_REFUSED, reason);
            return cpuctl_error_set(error, -EREMOTEIO,
                                    "operation failed: vcpu '%u' can't be unplugged: %s",
                                    vcpu->index, reason);
        }
    }
}

/*
 * Where a part is to be kept: ejects those before the one that the guest did not take offline.
 * Returns that refusal again, or how else it ended.
 */
static int eject_before_refused(struct resize *resize, struct cpuctl_error *error)
{
    const struct cpuctl_error refusal = *error;
    unsigned int n = 0;

    while (n < resize->n_vcpus && resize->vcpus[n].outcome != RESIZE_REFUSED)
        n++;
    for (unsigned int i = 0; n < resize->n_vcpus && i < n; i++) {
        int r = eject(resize, &resize->vcpus[i], error);

        if (r < 0)
            return r;
    }
    *error = refusal;
    return -EREMOTEIO;
}

/* ---- putting back ---- */

/* What is plugged again and the guest, which has @present, does not have. */
static void settle_not_taken(struct resize *resize, const struct cpuctl_set *present)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++)
        if (resize->vcpus[i].outcome == RESIZE_PUT_BACK &&
            !cpuctl_set_has(present, resize->vcpus[i].index))
            resize_settle(resize, &resize->vcpus[i], RESIZE_PUT_BACK,
                          "it is plugged, and the guest has not taken it yet");
}

/* Plugs again what is gone, unless that is to stay, and brings online what was not to go. */
static void put_back(struct resize *resize)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
    struct cpuctl_error error = { 0 };

    if (vm_read_vcpus(resize->vm, &error) < 0)
        return;
    for (unsigned int i = resize->n_vcpus; i-- > 0;) {
        struct resize_vcpu *vcpu = &resize->vcpus[i];
        bool gone = vcpu->outcome == RESIZE_UNSURE;
        int r = 0;

        if (gone && resize->keep_partial)
            continue;
        if (gone)
            r = resize_plug(resize, vcpu->index, &error);
        if (gone)
            resize_settle(resize, vcpu, r < 0 ? RESIZE_UNSURE : RESIZE_PUT_BACK,
                          r < 0 ? error.text : NULL);
        if (set && vcpu->offline && (!gone || r == 0))
            cpuctl_set_add(set, vcpu->index);
    }
    resize->deadline_usec = qmp_client_now() + PUT_BACK_TIMEOUT;
    /* the guest takes plugged ones in its own time */
    while (set && resize->agent) {
        _cleanup_(guest_cpus_release) struct guest_cpus cpus = { 0 };

        if (guest_read(resize->vm, &cpus, &error) < 0)
            break;
        if (cpuctl_set_is_subset(set, cpus.present))
            break;
        if (resize_pause(resize, PERIOD) < 0) {
            settle_not_taken(resize, cpus.present);
            break;
        }
    }
    if (set && resize->agent)
        bring_online(resize, set);
}

/* ---- the outcome ---- */

/*
 * Waits until the guest has no more CPUs than are plugged. If its numbers are not ours, the CPU
 * that we had it take offline is still there: it comes online again, as another one went.
 */
static int wait_gone(struct resize *resize, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *gone = resize_with(resize, RESIZE_UNSURE);
    unsigned int plugged;
    int r = gone ? vm_read_vcpus(resize->vm, error) : -ENOMEM;

    if (r < 0)
        return gone ? r : cpuctl_error_set(error, r, "out of memory");
    plugged = vm_count_plugged(resize->vm);
    for (;;) {
        _cleanup_(guest_cpus_release) struct guest_cpus cpus = { 0 };
        unsigned int present;

        r = guest_read(resize->vm, &cpus, error);
        if (r < 0)
            return r;
        present = cpuctl_set_count(cpus.present);
        if (present == plugged) {
            cpuctl_set_and(gone, cpus.present);
            cpuctl_set_andnot(gone, cpus.online);
            return cpuctl_set_is_empty(gone)
                       ? 0
                       : guest_change(resize->vm, gone, true, resize_left(resize), error);
        }
        r = resize_pause(resize, PERIOD);
        if (r < 0)
            return cpuctl_error_set(error, r,
                                    "operation failed: the VMM has removed the vCPUs and has %u, "
                                    "and the guest says that it has %u",
                                    plugged, present);
    }
}

static void settle_gone(struct resize *resize, enum resize_outcome outcome, const char *reason)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++)
        if (resize->vcpus[i].outcome == RESIZE_UNSURE)
            resize_settle(resize, &resize->vcpus[i], outcome, reason);
}

/* Those whose turn did not come, when the run ends early: the next one goes on with them. */
static void settle_offline(struct resize *resize)
{
    for (unsigned int i = 0; i < resize->n_vcpus; i++)
        if (resize->vcpus[i].outcome == RESIZE_UNTOUCHED && resize->vcpus[i].offline &&
            !resize->vcpus[i].reason[0])
            resize_settle(resize, &resize->vcpus[i], RESIZE_PENDING,
                          "the guest has it offline and has not been asked to eject it yet");
}

int resize_remove(struct resize *resize, struct cpuctl_error *error)
{
    int r;

    if (resize->n_vcpus == 0)
        return 0;
    if (resize->vm->kind == VM_QEMU && !resize->vm->kvm)
        return cpuctl_error_set(
            error, -EOPNOTSUPP,
            "Operation not supported: this QEMU emulates its CPUs (TCG) and never "
            "completes the removal of one; setvcpus --guest takes them offline in "
            "the guest");
    r = guest_half(resize, error);
    if (r == -EREMOTEIO && resize->keep_partial)
        r = eject_before_refused(resize, error);
    for (unsigned int i = 0; r == 0 && i < resize->n_vcpus; i++)
        r = eject(resize, &resize->vcpus[i], error);
    if (r == -EREMOTEIO)
        put_back(resize);
    if (r < 0) {
        settle_gone(resize, RESIZE_DONE, NULL);
        settle_offline(resize);
        return r;
    }
    if (resize->agent)
        r = wait_gone(resize, error);
    if (r == 0)
        settle_gone(resize, resize->agent ? RESIZE_DONE : RESIZE_UNSURE, NULL);
    else
        settle_gone(resize, RESIZE_UNSURE, error->text);
    return r;
}
