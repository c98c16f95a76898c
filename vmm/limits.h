/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many vCPUs, and which APIC IDs, this VM can have, and who says so. */
#ifndef VMM_LIMITS_H
#define VMM_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct cpuctl_error;
struct cpuctl_root;
struct kvm_host;
struct smp;

/** The highest APIC ID that messages reach without, and with, extended destination IDs. */
#define LIMITS_APIC_ID_MAX     254U
#define LIMITS_APIC_ID_MAX_EXT 32767U

/** What is asked for beside the topology. */
struct limits {
    bool ext_dest_id;           /**< the guest is offered extended destination IDs */
    bool xapic_only;            /**< the guest is not offered x2APIC */
    bool max_given;             /**< --max-vcpus is given */
    unsigned int max_vcpus;     /**< its value; 0: the host's possible CPUs */
    unsigned int host_possible; /**< how many those are */
};

/** How many CPUs the host below @root can have (sysfs: cpu/possible). Returns 0 or a negative errno
 * with a sentence. */
int limits_host_possible(struct cpuctl_root *root, unsigned int *ret_count,
                         struct cpuctl_error *error);

/**
 * Whether KVM, as @host describes it, can give what @smp asks for. Pure. Returns 0, or -ERANGE with
 * a sentence that names the number, the limit and where the limit comes from.
 */
int limits_check(const struct kvm_host *host, const struct smp *smp, const struct limits *limits,
                 struct cpuctl_error *error);

/**
 * Lowers the VM's own limit on APIC IDs (KVM_CAP_MAX_VCPU_ID) to what @smp can need; before the
 * first vCPU. Returns 0, or KVM's error with a sentence: -EINVAL from a kernel without such a limit
 * per VM (before 6.0), and when it was set to something else before.
 */
int limits_lower(int vm, const struct smp *smp, struct cpuctl_error *error);

/**
 * Bytes of host memory that a VM's table by APIC ID takes where KVM keeps one: 8 bytes an ID,
 * rounded up to pages whose number is a power of two. Such tables are those of VMX's IPI
 * virtualization (vmx_alloc_ipiv_pid_table() in arch/x86/kvm/vmx/vmx.c) and x2AVIC
 * (avic_alloc_physical_id_table() in arch/x86/kvm/svm/avic.c, as of Linux 6.18). Pure.
 */
uint64_t limits_table_size(uint32_t ids);

#endif
