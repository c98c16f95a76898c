/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vCPU's state after power-on: read when it is made, written back when it is parked or reset. */
#ifndef VMM_VCPU_STATE_H
#define VMM_VCPU_STATE_H

#include <linux/kvm.h>
#include <stdbool.h>

struct vcpu_state {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_debugregs debug;
    struct kvm_vcpu_events events;
    struct kvm_lapic_state lapic;
    struct kvm_mp_state mp;
    bool has_xcr; /* there are extended states: XSAVE */
};

/** Reads @state of the vCPU @fd. Returns 0 or a negative errno. */
int vcpu_state_get(int fd, struct vcpu_state *ret_state);
/**
 * Writes it, with floating-point and vector registers and MSRs as after power-on, and switches off
 * what KVM writes into the guest's memory: kvmclock, steal time, asynchronous page faults, PV EOI.
 * The TSC is left alone. Returns 0 or a negative errno.
 */
int vcpu_state_set(int fd, const struct vcpu_state *state);

#endif
