/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a plan is made of; for the library's own files. */
#ifndef CPUCTL_INTERNAL_PLAN_H
#define CPUCTL_INTERNAL_PLAN_H

#include "cleanup.h"
#include "cpuctl.h"
#include "state.h"

struct cpuctl_plan {
    struct cpuctl_plan_entry *entries; /**< their reasons are literals */
    size_t n_entries;
    size_t n_allocated;
};

DEFINE_CLEANUP(struct cpuctl_plan *, cpuctl_plan_free);

/** Appends an entry; @reason: a literal. Returns 0 or -ENOMEM. */
int plan_add(struct cpuctl_plan *plan, unsigned int cpu, bool online, bool skipped,
             const char *reason);

/**
 * Why a plan should leave @cpu alone unless it is forced or the CPU was named: a literal, or NULL
 * when the CPU is neither isolated nor nohz_full.
 */
const char *plan_reserved(const struct cpuctl_state *state, unsigned int cpu);

#endif
