/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policy, plan, change and audit of one CPU. */
#include "agent/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/audit.h"
#include "agent/hotplug.h"
#include "libcpuctl/cleanup.h"

DEFINE_CLEANUP(struct cpuctl_plan *, cpuctl_plan_free);
DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);
DEFINE_CLEANUP(struct cpuctl_state *, cpuctl_state_free);

void applied_done(struct applied *applied)
{
    cpuctl_change_free(applied->change);
    *applied = (struct applied){ 0 };
}

/* Returns 0, 1 (refused: @applied has the reason) or a negative errno. */
static int ask_policy(struct agent *agent, unsigned int cpu, bool online, struct applied *applied)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    const struct cpuctl_set *are_online;
    uint64_t now = agent_now_usec();
    int r;

    r = cpuctl_state_read(agent->root, &state, &applied->error);
    if (r < 0)
        return r;
    /* A CPU that isn't there is refused by the change itself, and is no use of the limits. */
    if (!cpuctl_set_has(cpuctl_state_get(state, CPUCTL_PRESENT), cpu))
        return 0;
    are_online = cpuctl_state_get(state, CPUCTL_ONLINE);
    r = policy_check(&agent->policy, are_online, cpu, online, now, &applied->error);
    if (r < 0) {
        applied->result = (struct cpuctl_result){
            .cpu = cpu,
            .online = online,
            .outcome = CPUCTL_REFUSED,
            .code = r,
            .reason = applied->error.text,
        };
        return 1;
    }
    if (cpuctl_set_has(are_online, cpu) != online)
        policy_charge(&agent->policy, now);
    return 0;
}

static int change_one(struct agent *agent, unsigned int cpu, bool online, struct applied *applied)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    const struct cpuctl_result *result;
    int r;

    if (!set)
        return cpuctl_error_set(&applied->error, -ENOMEM, "out of memory");
    r = cpuctl_set_add(set, cpu);
    if (r < 0)
        return cpuctl_error_set(&applied->error, r, "CPU %u: %s", cpu, strerror(-r));
    r = cpuctl_plan_change(agent->root, set, online, 0, &plan, &applied->error);
    if (r < 0)
        return r;
    r = cpuctl_change_new(agent->root, plan, &applied->change, &applied->error);
    if (r < 0)
        return r;
    r = cpuctl_change_step(applied->change, &result);
    if (r <= 0)
        return cpuctl_error_set(&applied->error, r < 0 ? r : -EIO,
                                "CPU %u: the change did not begin", cpu);
    applied->result = *result;
    return 0;
}

int apply_cpu(struct agent *agent, unsigned int cpu, bool online, const char *requester,
              struct applied *ret)
{
    bool by_host = strcmp(requester, REQUESTER_HOST) == 0;
    int r = 0;

    *ret = (struct applied){ 0 };
    if (by_host)
        r = ask_policy(agent, cpu, online, ret);
    if (r == 0)
        r = change_one(agent, cpu, online, ret);
    if (r < 0)
        return r;
    audit_change(&agent->events, requester, &ret->result);
    if (by_host && (ret->result.outcome == CPUCTL_DONE || ret->result.outcome == CPUCTL_ALREADY))
        hotplug_host_wants(agent, cpu, online);
    return 0;
}
