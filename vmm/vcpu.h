/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One vCPU of KVM: its registers at start, its thread, its exits, and how it is parked. KVM can not
 * destroy a vCPU, so one that was ejected is kept and used again for the same APIC ID.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cpuctl_error;
struct kvm_cpuid2;
struct kvm_regs;
struct kvm_sregs;
struct vcpu;
struct vm;

/**
 * Creates the vCPU of CPU @index with @cpuid, waiting for INIT unless it is the boot CPU, and in
 * x2APIC mode where the VM can have APIC IDs above 254. Returns 0 or a negative errno with a
 * sentence.
 */
int vcpu_new(struct vm *vm, unsigned int index, uint32_t apic_id, struct kvm_cpuid2 *cpuid,
             struct vcpu **ret_vcpu, struct cpuctl_error *error);
/**
 * Lets KVM draw its map of APIC IDs anew, with all vCPUs: it leaves out those that were made after
 * the guest set up its APICs, which then get neither INIT nor SIPI, unless the vCPU was switched to
 * x2APIC mode. It costs a time that grows with the number of vCPUs. Before the vCPU's first thread.
 * Returns 0 or a negative errno.
 */
int vcpu_announce(struct vcpu *vcpu);
/** Its thread must have ended. */
void vcpu_free(struct vcpu *vcpu);

/** Starts the thread. Lock held. Returns 0 or a negative errno. */
int vcpu_start(struct vcpu *vcpu);
/** Lets the thread leave the guest soon, at the latest when the lock is given up, and look at the
 * VM's state. Lock held. */
void vcpu_kick(struct vcpu *vcpu);
/** The signal for that; the lock need not be held. */
void vcpu_kick_thread(pid_t thread);
/** Asks the thread to end; the caller then waits for vcpu_ended(). Lock held. */
void vcpu_end(struct vcpu *vcpu);
/** Whether the thread will touch nothing of the VM any more, or there is none. Lock held. */
bool vcpu_ended(const struct vcpu *vcpu);
/** Whether the thread is out of the guest and waits. Lock held. */
bool vcpu_idle(const struct vcpu *vcpu);
/** Joins a thread that has ended. */
void vcpu_join(struct vcpu *vcpu);
/** The thread's ID as the host's tools show it, 0 when there is no thread. Lock held, and given up
 * while the thread begins. */
int vcpu_thread_id(const struct vcpu *vcpu);

/**
 * Brings the vCPU back to its state after power-on, and ends whatever KVM writes into the guest's
 * memory for it. The thread is idle or has ended. Returns 0 or a negative errno.
 */
int vcpu_reset(struct vcpu *vcpu);

/** The registers, for the boot code. Returns 0 or a negative errno. */
int vcpu_get_sregs(struct vcpu *vcpu, struct kvm_sregs *ret_sregs);
int vcpu_set_registers(struct vcpu *vcpu, const struct kvm_sregs *sregs,
                       const struct kvm_regs *regs);

/** Carries out the writes of all vCPUs that KVM has collected (coalesced.h). Lock held. */
void vcpu_drain_writes(struct vcpu *vcpu);

/** Installs the handler of the signal that kicks; once, before the first vCPU. */
int vcpu_init_signal(void);

#endif
