/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a vCPU from all sides, and where they disagree. */
#include "truth.h"

#include <stdio.h>

#include "vmm/ost.h"

static enum truth truth_of(bool is_so)
{
    return is_so ? TRUTH_YES : TRUTH_NO;
}

const char *truth_word(enum truth truth)
{
    static const char *const words[] = {
        [TRUTH_UNKNOWN] = NULL, [TRUTH_NO] = "no", [TRUTH_YES] = "yes"
    };

    return words[truth];
}

static void look_at_guest(const struct guest_cpus *guest, struct truth_row *row, int number)
{
    row->guest_number = number;
    row->mine = number == (int)row->vcpu->index;
    row->present = truth_of(number >= 0);
    row->online = truth_of(number >= 0 && cpuctl_set_has(guest->online, (unsigned int)number));
}

void truth_look(const struct vm *vm, const struct guest_cpus *guest, struct truth_row *rows)
{
    int other = -1;

    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        rows[i].vcpu = &vm->vcpus[i];
        rows[i].guest_number = -1;
        rows[i].mine = false;
        rows[i].present = rows[i].online = TRUTH_UNKNOWN;
        rows[i].plugged = truth_of(vm->vcpus[i].plugged);
        if (guest)
            look_at_guest(guest, &rows[i], cpuctl_set_has(guest->present, i) ? (int)i : -1);
    }
    /* pair a CPU that only the VMM has under its number with one that only the guest has */
    for (unsigned int i = 0; guest && i < vm->n_vcpus; i++) {
        if (rows[i].plugged != TRUTH_YES || rows[i].present == TRUTH_YES)
            continue;
        do
            other = cpuctl_set_next(guest->present, (unsigned int)(other + 1));
        while (other >= 0 && other < (int)vm->n_vcpus && vm->vcpus[other].plugged);
        if (other < 0)
            return;
        look_at_guest(guest, &rows[i], other);
        if (other < (int)vm->n_vcpus)
            look_at_guest(guest, &rows[other], -1);
    }
}

/* Plugged, and asked to go. */
static void say_leaving(const struct truth_row *row, char *text, size_t size)
{
    const struct vm_vcpu *vcpu = row->vcpu;
    bool answered = vcpu->ost_known && ost_is_removal(vcpu->ost_source);

    if (vcpu->phase == VM_PHASE_REJECTED ||
        (answered && ost_outcome(vcpu->ost_source, vcpu->ost_status) == OST_FAILURE))
        snprintf(text, size, "to be removed, and the guest refused: %s",
                 ost_status_text(vcpu->ost_source, vcpu->ost_status));
    else if (vcpu->phase == VM_PHASE_REQUESTED)
        snprintf(text, size, "to be removed; the guest has not taken the request yet");
    else if (vcpu->phase == VM_PHASE_IN_PROGRESS || answered)
        snprintf(text, size, "to be removed; the guest is at it and has not ejected it yet");
    else if (row->present == TRUTH_NO)
        snprintf(text, size, "to be removed; the guest does not have it, and the VMM does");
    else if (row->online == TRUTH_NO)
        snprintf(text, size, "to be removed; the guest has it offline and has not ejected it");
    else
        snprintf(text, size, "to be removed; the guest has not answered");
}

/* Whether the VMM has asked the guest for it and still waits. */
static bool is_being_removed(const struct vm_vcpu *vcpu)
{
    return vcpu->request == VM_REQUEST_REMOVAL &&
           (vcpu->phase == VM_PHASE_REQUESTED || vcpu->phase == VM_PHASE_IN_PROGRESS);
}

/* Plugged, and the guest does not have it. */
static void say_not_taken(const struct truth_row *row, char *text, size_t size)
{
    const struct vm_vcpu *vcpu = row->vcpu;

    if (vcpu->ost_known && ost_is_insertion(vcpu->ost_source) &&
        ost_outcome(vcpu->ost_source, vcpu->ost_status) == OST_FAILURE)
        snprintf(text, size, "plugged, but the guest did not take it: %s",
                 ost_status_text(vcpu->ost_source, vcpu->ost_status));
    else if (vcpu->ost_known && ost_is_insertion(vcpu->ost_source))
        snprintf(text, size,
                 "plugged, and the guest's ACPI took it, but its agent does not list it");
    else
        snprintf(text, size,
                 "plugged, but the guest has not taken it and never answered (no _OST)");
}

void truth_sentence(const struct truth_row *row, char *text, size_t size)
{
    unsigned int index = row->vcpu->index;

    text[0] = '\0';
    if (row->plugged == TRUTH_NO && row->online == TRUTH_YES)
        snprintf(text, size,
                 "the guest's agent says that it is online, but the VMM has no such vCPU");
    else if (row->plugged == TRUTH_NO && row->present == TRUTH_YES)
        snprintf(text, size, "unplugged, but the guest still lists it");
    else if (row->plugged == TRUTH_YES && row->requested == TRUTH_NO)
        say_leaving(row, text, size);
    else if (row->plugged == TRUTH_NO && row->requested == TRUTH_YES)
        snprintf(text, size,
                 "asked for, but the VMM does not have it: it could not be plugged, or the "
                 "guest gave it back");
    else if (row->plugged == TRUTH_YES && is_being_removed(row->vcpu))
        snprintf(text, size, "asked for, but its removal is under way: the guest %s",
                 row->vcpu->phase == VM_PHASE_REQUESTED ? "has not taken the request yet"
                                                        : "is at it and has not ejected it yet");
    else if (row->plugged == TRUTH_YES && row->present == TRUTH_NO)
        say_not_taken(row, text, size);
    else if (row->plugged == TRUTH_YES && row->online == TRUTH_NO)
        snprintf(text, size,
                 "the guest has it offline; guestvcpus --cpulist %d --enable brings it online",
                 row->guest_number);
    else if (row->plugged == TRUTH_YES && row->vcpu->request == VM_REQUEST_REMOVAL &&
             row->vcpu->phase == VM_PHASE_REJECTED)
        snprintf(text, size, "the guest refused to give it: %s",
                 ost_status_text(row->vcpu->ost_source, row->vcpu->ost_status));
    else if (row->configured != TRUTH_UNKNOWN && row->configured != row->plugged)
        snprintf(text, size, "%s; the next start %s it, by the definition",
                 row->plugged == TRUTH_YES ? "plugged" : "not plugged",
                 row->configured == TRUTH_YES ? "has" : "does not have");
    else if (row->guest_number >= 0 && !row->mine)
        snprintf(text, size, "the guest calls vCPU %u CPU %d", index, row->guest_number);
}
