/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a host may do to the CPUs, and what becomes of hot-added ones. */
#ifndef AGENT_POLICY_H
#define AGENT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct cpuctl_error;
struct cpuctl_set;

/**
 * The limits and what was used up of them. The rate is a token bucket: it holds max-changes, and
 * gets as many back evenly over change-interval; so a host can never have more than twice the
 * number in any interval, nor more than the number in the long run.
 */
struct policy {
    const struct config *config;
    uint64_t credit_usec; /**< what is in the bucket, as time */
    uint64_t last_usec;   /**< when it was last looked at, CLOCK_MONOTONIC */
};

void policy_init(struct policy *policy, const struct config *config, uint64_t now_usec);

/**
 * Whether the host may have @cpu brought online or taken offline now; @online: the CPUs that are
 * online. What changes nothing is always allowed. Returns 0, -EPERM (min-online) or -EAGAIN (too
 * many changes), with a sentence for the host's operator in @error.
 */
int policy_check(struct policy *policy, const struct cpuctl_set *online, unsigned int cpu,
                 bool to_online, uint64_t now_usec, struct cpuctl_error *error);
/** A change is being tried: takes it off what is allowed. */
void policy_charge(struct policy *policy, uint64_t now_usec);
/** Whether @count CPUs online are enough for the host to ask for. Returns 0 or -EPERM. */
int policy_check_count(const struct policy *policy, unsigned int count, struct cpuctl_error *error);
/**
 * Whether hot-added @cpu is to be brought online. @choice: the CPUs that an operator wants offline
 * (NULL: none).
 */
bool policy_wants_hot(const struct policy *policy, unsigned int cpu,
                      const struct cpuctl_set *choice);

#endif
