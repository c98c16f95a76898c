/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of the guest about a CPU. */
#include "cpu-request.h"

#include <errno.h>

#include "cpus.h"
#include "ost.h"

void insertion_request(struct cpu *cpu)
{
    cpu->request = CPU_REQUEST_INSERTION;
    cpu->phase = CPU_PHASE_REQUESTED;
    cpu->insert_event = true;
}

static bool insertion_pending(const struct cpu *cpu)
{
    return cpu->request == CPU_REQUEST_INSERTION &&
           (cpu->phase == CPU_PHASE_REQUESTED || cpu->phase == CPU_PHASE_IN_PROGRESS);
}

void insertion_complete(struct cpu *cpu)
{
    if (insertion_pending(cpu))
        cpu->phase = CPU_PHASE_DONE;
}

int removal_request(struct cpu *cpu)
{
    if (!cpu->enabled)
        return -ENOENT;
    if (cpu->index == 0)
        return -EPERM;
    if (cpu->removal_requested && (cpu->remove_event || cpu->phase == CPU_PHASE_IN_PROGRESS))
        return 0;
    cpu->request = CPU_REQUEST_REMOVAL;
    cpu->phase = CPU_PHASE_REQUESTED;
    /* Still requested, without an event: that one was acknowledged. */
    cpu->removals_seen = cpu->removal_requested ? cpu->removals_seen + 1 : 0;
    cpu->removal_requested = true;
    cpu->remove_event = true;
    cpu->remove_found = false;
    return 1;
}

int removal_withdraw(struct cpu *cpu)
{
    if (!cpu->removal_requested)
        return 0;
    /* From finding the event to acknowledging it is some way in a guest's AML. */
    if (!cpu->remove_event || cpu->remove_found || cpu->removals_seen > 0)
        return -EALREADY;
    cpu->request = CPU_REQUEST_NONE;
    cpu->phase = CPU_PHASE_NONE;
    cpu->removal_requested = false;
    cpu->remove_event = false;
    return 0;
}

int removal_eject(struct cpu *cpu)
{
    if (!cpu->enabled || !cpu->removal_requested)
        return -EPERM;
    cpu->enabled = false;
    cpu->removal_requested = false;
    cpu->insert_event = false;
    cpu->remove_event = false;
    return 0;
}

/*
 * The guest handles one event after the other and answers each. One that is refused leaves those
 * after it, for which it may eject yet.
 */
static void answer_removal(struct cpu *cpu, enum ost_outcome outcome)
{
    /* Success alone removes nothing: it follows the eject, on the empty slot. */
    static const enum cpu_phase phases[] = {
        [OST_SUCCESS] = CPU_PHASE_REQUESTED,
        [OST_IN_PROGRESS] = CPU_PHASE_IN_PROGRESS,
        [OST_FAILURE] = CPU_PHASE_REJECTED,
    };
    bool older = cpu->removals_seen > 0;

    if (older && outcome == OST_FAILURE)
        cpu->removals_seen--;
    /* While the last event waits, this is about an earlier one. */
    if (cpu->remove_event)
        return;
    cpu->phase = phases[outcome];
    if (outcome == OST_FAILURE)
        cpu->removal_requested = older;
}

static void answer_insertion(struct cpu *cpu, enum ost_outcome outcome)
{
    static const enum cpu_phase phases[] = {
        [OST_SUCCESS] = CPU_PHASE_DONE,
        [OST_IN_PROGRESS] = CPU_PHASE_IN_PROGRESS,
        [OST_FAILURE] = CPU_PHASE_REJECTED,
    };

    cpu->phase = phases[outcome];
}

void cpu_request_ost(struct cpu *cpu, uint32_t source, uint32_t status)
{
    enum ost_outcome outcome = ost_outcome(source, status);

    cpu->ost_known = true;
    cpu->ost_event = source;
    cpu->ost_status = status;
    /* An ejection that began in the guest (OST_OSPM_EJECT) is no answer to the host's request. */
    if (source == OST_EJECT_REQUEST && cpu->removal_requested)
        answer_removal(cpu, outcome);
    /* An answer that comes while the event waits belongs to an older request. */
    if (ost_is_insertion(source) && insertion_pending(cpu) && !cpu->insert_event)
        answer_insertion(cpu, outcome);
}
