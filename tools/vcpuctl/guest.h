/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's CPUs by its agent, cpuctl-agent or a stock qemu-ga. The agent is not trusted: what it
 * says is checked as libvirt checks it.
 */
#ifndef VCPUCTL_GUEST_H
#define VCPUCTL_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "vm.h"

/** What the guest says of its CPUs, by the guest's numbers. */
struct guest_cpus {
    struct cpuctl_set *present;    /**< are there as the guest's ACPI sees it */
    struct cpuctl_set *online;     /**< are used by its scheduler */
    struct cpuctl_set *offlinable; /**< can be taken offline */
};

void guest_cpus_release(struct guest_cpus *cpus);

/**
 * Asks guest-get-vcpus. @ret_cpus: the caller releases it; untouched on failure. Returns 0, -ENODEV
 * or -ENOTCONN (vm_agent()), -EPROTO (what it says can't be) or another negative errno.
 */
int guest_read(struct vm *vm, struct guest_cpus *ret_cpus, struct cpuctl_error *error);

/**
 * Brings @cpus online or takes them offline, in rising or falling order. What is so already stays.
 * @timeout_usec: for all of it. @error: why the first one that failed did, in the guest's words
 * where it has any. Returns 0, -EREMOTEIO (the guest refused one; the others may have been changed:
 * guest_read() tells) or another negative errno.
 */
int guest_change(struct vm *vm, const struct cpuctl_set *cpus, bool online, uint64_t timeout_usec,
                 struct cpuctl_error *error);

#endif
