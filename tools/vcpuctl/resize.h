/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plugging and unplugging vCPUs of a running VM, coordinated with its guest.
 *
 * A removal: the agent takes the CPUs offline, or says why it can't; the VMM asks the guest to
 * eject them; then the guest's present and online CPUs are looked at. Without an agent it goes by
 * ACPI alone. What a guest refuses ends the removal, and what was taken is put back. An addition:
 * the VMM plugs, the guest answers by _OST, and the agent tells that they are online.
 *
 * Every step may be repeated: a run that ran out of time is continued by the next for the same
 * goal.
 */
#ifndef VCPUCTL_RESIZE_H
#define VCPUCTL_RESIZE_H

#include "guest.h"
#include "vm.h"

/** What became of a vCPU. */
enum resize_outcome {
    RESIZE_UNTOUCHED, /**< its turn did not come */
    RESIZE_DONE,      /**< plugged and online, or removed */
    RESIZE_UNSURE,    /**< done as far as ACPI tells; there is no agent to ask */
    RESIZE_PENDING,   /**< asked for, and the guest has not answered in time */
    RESIZE_REFUSED,   /**< VMM or guest refused it: see reason */
    RESIZE_PUT_BACK,  /**< was removed, and is there again */
};

struct resize_vcpu {
    unsigned int index;
    enum resize_outcome outcome;
    bool offline;     /**< removal: the agent took it offline, and it has not come back */
    bool plugged;     /**< addition: the VMM has it, whatever the guest does */
    bool leaving;     /**< addition: it is there, and its removal is to be taken back */
    char reason[512]; /**< a sentence, or "" */
};

/** Tells of a vCPU while it goes on; @last: it is settled. */
typedef void resize_progress(void *user, unsigned int index, const char *text, bool last);

/** One resize. The caller fills the first part. */
struct resize {
    struct vm *vm;
    uint64_t timeout_usec;          /**< for the guest's part of all of it */
    bool no_wait;                   /**< additions: do not wait for the guest */
    bool keep_partial;              /**< removals: leave what is gone if another can't go */
    const struct cpuctl_set *fixed; /**< vCPUs that may not be removed besides 0, or NULL */
    resize_progress *progress;
    void *user;

    bool adding;
    bool listed; /**< resize_plan_set(): no other vCPU is touched */
    uint64_t deadline_usec;
    struct resize_vcpu *vcpus; /**< what is to change, in this order */
    unsigned int n_vcpus;
    bool agent;         /**< there is one */
    char no_agent[512]; /**< why there is none, or "" */
};

/**
 * Plans to have @count vCPUs plugged: the lowest free ones are added, the highest removable ones
 * removed. Reads the VM's vCPUs. Returns how many change, -ERANGE (more than the VM can have),
 * -EOPNOTSUPP (not enough that can be removed) or another negative errno.
 */
int resize_plan_count(struct resize *resize, unsigned int count, struct cpuctl_error *error);
/**
 * Plans to plug or unplug exactly @set. Returns as above; -EINVAL: one is so already. A plugged one
 * whose removal is pending can be asked for (cpuvmm alone tells of such).
 */
int resize_plan_set(struct resize *resize, const struct cpuctl_set *set, bool plugged,
                    struct cpuctl_error *error);
/**
 * Carries it out. Returns 0 (all of it is so), -EREMOTEIO (refused), -ETIMEDOUT (pending), -EINTR
 * or another negative errno; the vCPUs' outcomes tell what was done, also then.
 */
int resize_run(struct resize *resize, struct cpuctl_error *error);
/** Whether a part of the plan was carried out, or may still be. */
bool resize_is_partial(const struct resize *resize);
/** "removed", "online", "pending" …: the word for a vCPU's outcome. */
const char *resize_outcome_name(const struct resize *resize, const struct resize_vcpu *vcpu);
void resize_release(struct resize *resize);

#endif
