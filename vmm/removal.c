/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU's removal. */
#include "removal.h"

#include <errno.h>

#include "cpus.h"
#include "ost.h"

int removal_request(struct cpu *cpu)
{
    if (!cpu->enabled)
        return -ENOENT;
    if (cpu->index == 0)
        return -EPERM;
    if (cpu->removal_requested && (cpu->remove_event || cpu->removal == CPU_REMOVAL_IN_PROGRESS))
        return 0;
    cpu->removal = CPU_REMOVAL_REQUESTED;
    cpu->removal_requested = true;
    cpu->remove_event = true;
    return 1;
}

int removal_withdraw(struct cpu *cpu)
{
    if (!cpu->removal_requested)
        return 0;
    if (!cpu->remove_event)
        return -EALREADY;
    cpu->removal = CPU_REMOVAL_NONE;
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

void removal_ost(struct cpu *cpu, uint32_t source, uint32_t status)
{
    cpu->ost_known = true;
    cpu->ost_event = source;
    cpu->ost_status = status;
    /* An answer that comes while an event waits belongs to an older request, and the new one
     * stands. Success alone removes nothing: it follows the eject, on the empty slot. */
    if (!ost_is_removal(source) || !cpu->removal_requested || cpu->remove_event)
        return;
    switch (ost_outcome(source, status)) {
    case OST_SUCCESS:
        break;
    case OST_IN_PROGRESS:
        cpu->removal = CPU_REMOVAL_IN_PROGRESS;
        break;
    case OST_FAILURE:
        cpu->removal = CPU_REMOVAL_REJECTED;
        cpu->removal_requested = false;
        break;
    }
}
