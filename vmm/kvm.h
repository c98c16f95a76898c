/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one door to KVM: each ioctl as a function that returns 0 (or a value) or a negative errno.
 * Kernel: Documentation/virt/kvm/api.rst.
 */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A page of x86: the unit of KVM_CAP_COALESCED_MMIO, and what the ring that it tells of has. */
#define KVM_PAGE_SIZE 4096U

/** What /dev/kvm says of itself. */
struct kvm_host {
    int fd;
    unsigned int nr_vcpus;    /**< KVM_CAP_NR_VCPUS: advice */
    unsigned int max_vcpus;   /**< KVM_CAP_MAX_VCPUS: how many vCPUs a VM can have */
    unsigned int max_vcpu_id; /**< KVM_CAP_MAX_VCPU_ID: APIC IDs are below this */
    size_t run_size;          /**< the size of a vCPU's shared mapping, bytes */
    size_t ring_offset;       /**< where in it the ring of coalesced writes is, or 0: none */
    bool coalesced_pio;       /**< KVM_CAP_COALESCED_PIO */
};

/** Opens @path (NULL: /dev/kvm). Returns 0, -ENOENT, -EACCES, -EPROTO (another API version), …. */
int kvm_host_open(const char *path, struct kvm_host *ret_host);
void kvm_host_close(struct kvm_host *host);
/** KVM_CHECK_EXTENSION on @fd (of the host or a VM). Returns the value, 0 for unknown ones. */
int kvm_check(int fd, int capability);

/** KVM_CREATE_VM. Returns the VM's file descriptor. */
int kvm_create_vm(const struct kvm_host *host);
/** KVM_ENABLE_CAP on a VM with up to two arguments. */
int kvm_vm_enable(int vm, uint32_t capability, uint64_t arg0, uint64_t arg1);
/** Any other ioctl whose argument is a pointer or a number. Returns its value or a negative errno.
 */
int kvm_call(int fd, unsigned long request, void *argument);
int kvm_call_value(int fd, unsigned long request, unsigned long value);

/**
 * KVM_GET_SUPPORTED_CPUID: a new table, freed by the caller with free(). Returns 0 or a negative
 * errno.
 */
int kvm_supported_cpuid(const struct kvm_host *host, struct kvm_cpuid2 **ret_table);

/** KVM_SET_USER_MEMORY_REGION. */
int kvm_set_memory(int vm, uint32_t slot, uint64_t address, uint64_t size, void *host,
                   uint32_t flags);
/** KVM_IOEVENTFD. @size: 0 (any), 1, 2, 4 or 8 bytes. */
int kvm_ioeventfd(int vm, uint64_t address, uint32_t size, int eventfd, bool pio, bool assign);
/** KVM_IRQFD: a signal on @eventfd raises @gsi by its route. */
int kvm_irqfd(int vm, uint32_t gsi, int eventfd, bool assign);
/** KVM_SIGNAL_MSI. Returns > 0: delivered; 0: no such destination, or blocked by it. */
int kvm_signal_msi(int vm, uint64_t address, uint32_t data);

#endif
