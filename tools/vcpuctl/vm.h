/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A running VM as its QMP socket shows it, QEMU's or cpuvmm's: which vCPUs there can be, which are
 * plugged, what was asked of the guest about them, and what it answered.
 *
 * Sentences of errors are libvirt's where it has one.
 */
#ifndef VCPUCTL_VM_H
#define VCPUCTL_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcpuctl/cleanup.h"
#include "qmp/client.h"

struct cpuctl_error;

/** How long one QMP command may take, in microseconds; none of ours waits for the guest. */
#define VM_TIMEOUT (10U * 1000000U)
/** How long an agent may take to get in step, and for one command, in microseconds. */
#define VM_AGENT_TIMEOUT (15U * 1000000U)

enum vm_kind { VM_QEMU, VM_CPUVMM };

/** What was asked of the guest about a vCPU, as far as the VMM tells. */
enum vm_request { VM_REQUEST_NONE, VM_REQUEST_INSERTION, VM_REQUEST_REMOVAL };
enum vm_phase {
    VM_PHASE_NONE,
    VM_PHASE_REQUESTED,
    VM_PHASE_IN_PROGRESS,
    VM_PHASE_REJECTED,
    VM_PHASE_DONE
};

/** A vCPU that the VM has or can have. */
struct vm_vcpu {
    unsigned int index; /**< its slot: QEMU's cpu-index, ACPI's _UID */
    bool plugged;
    char *device;              /**< plugged: the ID or path that device_del takes */
    char *type;                /**< not plugged: the driver for device_add … */
    struct json_object *props; /**< … and its properties */
    int node;                  /**< NUMA node, or -1 */
    uint32_t apic_id;
    int thread_id; /**< host's thread, or 0 */
    enum vm_request request;
    enum vm_phase phase;
    bool ost_known; /**< whether the guest has said anything by _OST */
    uint32_t ost_source, ost_status;
};

struct vm {
    struct qmp_client *monitor;
    struct qmp_client *agent; /**< NULL until vm_agent() */
    char *agent_path;         /**< NULL: the VM has none */
    pid_t process;            /**< the VMM's, which all its threads belong to; 0: not known */
    uint64_t agent_timeout;   /**< for what only asks the agent, VM_AGENT_TIMEOUT at first */
    enum vm_kind kind;
    bool kvm; /**< false: the VMM emulates the CPUs (TCG) */
    unsigned int n_vcpus;
    struct vm_vcpu *vcpus; /**< by index */
};

/**
 * Connects to the VMM behind @qmp. @agent: the agent's socket, or NULL. Does not read the vCPUs.
 * Returns 0 or a negative errno.
 */
int vm_open(const char *qmp, const char *agent, struct vm **ret_vm, struct cpuctl_error *error);
/** Takes NULL. */
void vm_free(struct vm *vm);
DEFINE_CLEANUP(struct vm *, vm_free);

/** Reads vcpus anew. Returns 0 or a negative errno; then they are as before. */
int vm_read_vcpus(struct vm *vm, struct cpuctl_error *error);
/** How many are plugged. */
unsigned int vm_count_plugged(const struct vm *vm);

/**
 * Runs a QMP command. @arguments: taken over, may be NULL. Returns as qmp_client_execute(); the
 * sentence of an error reply is libvirt's: "internal error: unable to execute QEMU command …".
 */
int vm_execute(struct vm *vm, const char *name, struct json_object *arguments,
               struct json_object **ret_value, struct cpuctl_error *error);

/**
 * The agent's connection, opened at the first call. Returns 0, -ENODEV (the VM has no channel),
 * -ENOTCONN (nobody in the guest has it open) or another negative errno.
 */
int vm_agent(struct vm *vm, struct qmp_client **ret_agent, struct cpuctl_error *error);

/** Closes the agent's connection, so that somebody else can have it. */
void vm_leave_agent(struct vm *vm);

/** Passes a peer's sentence on as one line, after @prefix. Returns @r. */
int vm_error(struct cpuctl_error *error, int r, const char *prefix, const struct qmp_error *cause);

#endif
