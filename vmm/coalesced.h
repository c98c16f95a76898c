/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers whose writes can wait (KVM_CAP_COALESCED_MMIO, KVM_CAP_COALESCED_PIO in Linux'
 * Documentation/virt/kvm/api.rst): KVM notes them in a ring, and lets the guest go on. Those are
 * registers which only decide what the next access to another one is about, and ports where nobody
 * is.
 */
#ifndef VMM_COALESCED_H
#define VMM_COALESCED_H

struct bus;
struct kvm_host;
struct kvm_run;

/** Tells KVM of VM @vm which registers those are. What it can not do it leaves to exits. */
void coalesced_register(const struct kvm_host *host, int vm);
/**
 * Carries out what KVM has noted. Before any other access is, or the device is reset; with the VM's
 * lock held. @run: of any vCPU of the VM.
 */
void coalesced_drain(const struct kvm_host *host, struct kvm_run *run, const struct bus *pio,
                     const struct bus *mmio);

#endif
