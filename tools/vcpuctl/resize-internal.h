/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of a resize share. */
#ifndef VCPUCTL_RESIZE_INTERNAL_H
#define VCPUCTL_RESIZE_INTERNAL_H

#include "resize.h"

/** What the VMM tells of a vCPU. */
enum resize_event {
    RESIZE_EVENT_NONE,     /**< of something else */
    RESIZE_EVENT_TAKEN,    /**< the guest has it: device check, success */
    RESIZE_EVENT_REFUSED,  /**< the guest does not take it, or give it: see the reason */
    RESIZE_EVENT_DELETED,  /**< it is unplugged */
    RESIZE_EVENT_RESET,    /**< the guest starts anew */
    RESIZE_EVENT_SHUTDOWN, /**< the VM ends */
};

/** The addition and the removal; see resize_run(). */
int resize_add(struct resize *resize, struct cpuctl_error *error);
int resize_remove(struct resize *resize, struct cpuctl_error *error);

/** Whether the guest has been asked to give @vcpu and has not done it. cpuvmm alone tells of that.
 */
bool resize_is_leaving(const struct vm_vcpu *vcpu);
/** Microseconds until the deadline; 0: it has passed. */
uint64_t resize_left(const struct resize *resize);
/** Sleeps for @usec, but not beyond the deadline. Returns 0, -ETIMEDOUT or -EINTR. */
int resize_pause(const struct resize *resize, uint64_t usec);
/** Notes what became of @vcpu and tells of it; @reason may be NULL. */
void resize_settle(struct resize *resize, struct resize_vcpu *vcpu, enum resize_outcome outcome,
                   const char *reason);
/**
 * Notes what a failure of device_add or device_del, @r, means for @vcpu: the VMM has refused it, or
 * has not answered. Returns @r.
 */
int resize_settle_asked(struct resize *resize, struct resize_vcpu *vcpu, int r,
                        const struct cpuctl_error *error);
/**
 * Notes that @vcpu is pending as the wait for the guest ended with @r, and says so in @error where
 * time ran out. Returns @r.
 */
int resize_settle_late(struct resize *resize, struct resize_vcpu *vcpu, int r, const char *reason,
                       struct cpuctl_error *error);
/** The same where the VM ends meanwhile. Returns -ECONNRESET. */
int resize_settle_shutdown(struct resize *resize, struct resize_vcpu *vcpu,
                           struct cpuctl_error *error);
/** Tells of @vcpu while it goes on. */
void resize_tell(const struct resize *resize, const struct resize_vcpu *vcpu, const char *text);
/** device_add of slot @index. */
int resize_plug(struct resize *resize, unsigned int index, struct cpuctl_error *error);
/**
 * Waits for the VMM's next event and finds the vCPU of the plan that it is about (*ret_vcpu; NULL:
 * none). @reason: of a refusal. Returns an enum resize_event, or a negative errno.
 */
int resize_wait(struct resize *resize, struct resize_vcpu **ret_vcpu, char *reason, size_t size,
                struct cpuctl_error *error);
/** The set of the plan's vCPUs with this outcome. NULL: memory is short. */
struct cpuctl_set *resize_with(const struct resize *resize, enum resize_outcome outcome);

#endif
