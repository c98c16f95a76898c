/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* min-online, the rate of changes, and the hot-add policy: decisions only, nothing is done here. */
#include "agent/policy.h"

#include <errno.h>

#include "agent/config.h"
#include "libcpuctl/cpuctl.h"

#define USEC_PER_SEC 1000000ULL

static uint64_t interval_usec(const struct policy *policy)
{
    return policy->config->change_interval * USEC_PER_SEC;
}

/* What one change costs, so that max-changes of them empty a full bucket. */
static uint64_t cost_usec(const struct policy *policy)
{
    return interval_usec(policy) / policy->config->max_changes;
}

void policy_init(struct policy *policy, const struct config *config, uint64_t now_usec)
{
    *policy = (struct policy){ .config = config, .last_usec = now_usec };
    policy->credit_usec = interval_usec(policy);
}

static void refill(struct policy *policy, uint64_t now_usec)
{
    uint64_t full = interval_usec(policy);
    uint64_t passed = now_usec > policy->last_usec ? now_usec - policy->last_usec : 0;

    policy->last_usec = now_usec;
    policy->credit_usec =
        passed >= full - policy->credit_usec ? full : policy->credit_usec + passed;
}

int policy_check_count(const struct policy *policy, unsigned int count, struct cpuctl_error *error)
{
    if (count < policy->config->min_online)
        return cpuctl_error_set(
            error, -EPERM,
            "%u CPUs online are fewer than the %u that min-online in the guest's "
            "agent.conf demands",
            count, policy->config->min_online);
    return 0;
}

int policy_check(struct policy *policy, const struct cpuctl_set *online, unsigned int cpu,
                 bool to_online, uint64_t now_usec, struct cpuctl_error *error)
{
    const struct config *config = policy->config;
    unsigned int count = cpuctl_set_count(online);

    if (cpuctl_set_has(online, cpu) == to_online)
        return 0;
    if (!to_online && count <= config->min_online)
        return cpuctl_error_set(
            error, -EPERM,
            "CPU %u stays online: %u CPUs are online, and min-online in the guest's "
            "agent.conf is %u",
            cpu, count, config->min_online);
    if (config->max_changes == 0)
        return 0;
    refill(policy, now_usec);
    if (policy->credit_usec < cost_usec(policy)) {
        uint64_t wait = cost_usec(policy) - policy->credit_usec;

        return cpuctl_error_set(
            error, -EAGAIN,
            "CPU %u is left as it is: the guest's agent.conf allows %u changes in %u "
            "seconds (max-changes); the next one is possible in %llu ms",
            cpu, config->max_changes, config->change_interval,
            (unsigned long long)((wait + 999) / 1000));
    }
    return 0;
}

void policy_charge(struct policy *policy, uint64_t now_usec)
{
    uint64_t cost;

    if (policy->config->max_changes == 0)
        return;
    refill(policy, now_usec);
    cost = cost_usec(policy);
    policy->credit_usec = policy->credit_usec > cost ? policy->credit_usec - cost : 0;
}

bool policy_wants_hot(const struct policy *policy, unsigned int cpu,
                      const struct cpuctl_set *choice)
{
    const struct config *config = policy->config;

    if (choice && cpuctl_set_has(choice, cpu))
        return false;
    if (config->hotplug == HOTPLUG_LIST)
        return cpuctl_set_has(config->hotplug_cpus, cpu);
    return config->hotplug == HOTPLUG_ONLINE;
}
