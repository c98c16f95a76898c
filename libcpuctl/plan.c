/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans for named CPUs. Plans for a number of CPUs are in plan-count.c. */
#include <errno.h>
#include <stdlib.h>

#include "array.h"
#include "error.h"
#include "plan.h"

void cpuctl_plan_free(struct cpuctl_plan *plan)
{
    if (!plan)
        return;
    free(plan->entries);
    free(plan);
}

size_t cpuctl_plan_size(const struct cpuctl_plan *plan)
{
    return plan->n_entries;
}

const struct cpuctl_plan_entry *cpuctl_plan_get(const struct cpuctl_plan *plan, size_t index)
{
    return index < plan->n_entries ? &plan->entries[index] : NULL;
}

int plan_add(struct cpuctl_plan *plan, unsigned int cpu, bool online, bool skipped,
             const char *reason)
{
    if (array_grow(plan->entries, &plan->n_allocated, plan->n_entries) < 0)
        return -ENOMEM;
    plan->entries[plan->n_entries++] = (struct cpuctl_plan_entry){
        .cpu = cpu,
        .online = online,
        .skipped = skipped,
        .reason = reason,
    };
    return 0;
}

const char *plan_reserved(const struct cpuctl_state *state, unsigned int cpu)
{
    if (cpuctl_set_has(cpuctl_state_get(state, CPUCTL_ISOLATED), cpu))
        return "isolated, and not forced";
    if (cpuctl_set_has(cpuctl_state_get(state, CPUCTL_NOHZ_FULL), cpu))
        return "nohz_full, and not forced";
    return NULL;
}

/** Adds a CPU that was named. */
static int add_named(struct cpuctl_plan *plan, const struct cpuctl_state *state, unsigned int cpu,
                     bool online)
{
    const char *reason = "asked for";

    if (!cpuctl_set_has(cpuctl_state_get(state, CPUCTL_PRESENT), cpu))
        reason = "asked for, but not present";
    else if (cpuctl_set_has(cpuctl_state_get(state, CPUCTL_ONLINE), cpu) == online)
        reason = online ? "asked for, and online already" : "asked for, and offline already";
    return plan_add(plan, cpu, online, false, reason);
}

static int plan_start(struct cpuctl_root *root, struct cpuctl_plan **ret_plan,
                      struct cpuctl_state **ret_state, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = calloc(1, sizeof(*plan));
    int r;

    if (!plan)
        return error_set(error, -ENOMEM, "out of memory for a plan");
    r = cpuctl_state_read(root, ret_state, error);
    if (r < 0)
        return r;
    *ret_plan = TAKE_PTR(plan);
    return 0;
}

int cpuctl_plan_change(struct cpuctl_root *root, const struct cpuctl_set *set, bool online,
                       unsigned int flags, struct cpuctl_plan **ret_plan,
                       struct cpuctl_error *error)
{
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    int r;

    if (flags & ~CPUCTL_PLAN_FORCE)
        return error_set(error, -EINVAL, "unknown flags 0x%x for a plan", flags);
    r = plan_start(root, &plan, &state, error);
    if (r < 0)
        return r;
    if (online) {
        cpuctl_set_foreach (cpu, set)
            if (r == 0)
                r = add_named(plan, state, (unsigned int)cpu, true);
    } else {
        int cpu = cpuctl_set_prev(set, CPUCTL_CPUS_MAX);

        for (; cpu >= 0 && r == 0; cpu = cpu > 0 ? cpuctl_set_prev(set, (unsigned int)cpu - 1) : -1)
            r = add_named(plan, state, (unsigned int)cpu, false);
    }
    if (r < 0)
        return error_set(error, r, "out of memory for a plan");
    *ret_plan = TAKE_PTR(plan);
    return 0;
}

/** Adds what is online beyond @set, by falling number. */
static int add_others(struct cpuctl_plan *plan, const struct cpuctl_state *state,
                      const struct cpuctl_set *set, bool force)
{
    const struct cpuctl_set *online = cpuctl_state_get(state, CPUCTL_ONLINE);
    int cpu = cpuctl_set_prev(online, CPUCTL_CPUS_MAX), r = 0;

    for (; cpu >= 0 && r == 0;
         cpu = cpu > 0 ? cpuctl_set_prev(online, (unsigned int)cpu - 1) : -1) {
        const char *reserved = plan_reserved(state, (unsigned int)cpu);
        bool skip = reserved && !force;

        if (!cpuctl_set_has(set, (unsigned int)cpu))
            r = plan_add(plan, (unsigned int)cpu, false, skip,
                         skip ? reserved : "online, and not among those asked for");
    }
    return r;
}

int cpuctl_plan_exactly(struct cpuctl_root *root, const struct cpuctl_set *set, unsigned int flags,
                        struct cpuctl_plan **ret_plan, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    int r;

    if (flags & ~CPUCTL_PLAN_FORCE)
        return error_set(error, -EINVAL, "unknown flags 0x%x for a plan", flags);
    if (cpuctl_set_is_empty(set))
        return error_set(error, -EINVAL, "no CPU was named: at least one has to be online");
    r = plan_start(root, &plan, &state, error);
    if (r < 0)
        return r;
    if (!cpuctl_set_intersects(set, cpuctl_state_get(state, CPUCTL_PRESENT))) {
        _cleanup_free_ char *list = cpuctl_set_format_list(set);

        return error_set(error, -ENODEV,
                         "none of the CPUs %s is present: none would be left online",
                         list ? list : "named");
    }
    cpuctl_set_foreach (cpu, set)
        if (r == 0)
            r = add_named(plan, state, (unsigned int)cpu, true);
    if (r == 0)
        r = add_others(plan, state, set, flags & CPUCTL_PLAN_FORCE);
    if (r < 0)
        return error_set(error, r, "out of memory for a plan");
    *ret_plan = TAKE_PTR(plan);
    return 0;
}
