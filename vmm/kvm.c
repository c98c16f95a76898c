/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one door to KVM. */
#include "kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libcpuctl/cleanup.h"

/* Where KVM_GET_SUPPORTED_CPUID begins to be asked, and the most that is believed:
 * KVM_MAX_CPUID_ENTRIES in arch/x86/kvm/cpuid.c is 256. */
#define CPUID_ENTRIES_FIRST 64
#define CPUID_ENTRIES_MAX   1024

int kvm_call(int fd, unsigned long request, void *argument)
{
    int r = ioctl(fd, request, argument);

    return r < 0 ? -errno : r;
}

int kvm_call_value(int fd, unsigned long request, unsigned long value)
{
    int r = ioctl(fd, request, value);

    return r < 0 ? -errno : r;
}

int kvm_check(int fd, int capability)
{
    int r = kvm_call_value(fd, KVM_CHECK_EXTENSION, (unsigned long)capability);

    return r < 0 ? 0 : r;
}

int kvm_host_open(const char *path, struct kvm_host *ret_host)
{
    _cleanup_close_ int fd = open(path ? path : "/dev/kvm", O_RDWR | O_CLOEXEC);
    int r;

    if (fd < 0)
        return -errno;
    r = kvm_call_value(fd, KVM_GET_API_VERSION, 0);
    if (r < 0)
        return r == -ENOTTY ? -EPROTO : r;
    if (r != KVM_API_VERSION)
        return -EPROTO;
    r = kvm_call_value(fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (r < 0)
        return r;

    *ret_host = (struct kvm_host){
        .nr_vcpus = (unsigned int)kvm_check(fd, KVM_CAP_NR_VCPUS),
        .max_vcpus = (unsigned int)kvm_check(fd, KVM_CAP_MAX_VCPUS),
        .max_vcpu_id = (unsigned int)kvm_check(fd, KVM_CAP_MAX_VCPU_ID),
        .run_size = (size_t)r,
        .ring_offset = (size_t)kvm_check(fd, KVM_CAP_COALESCED_MMIO) * KVM_PAGE_SIZE,
        .coalesced_pio = kvm_check(fd, KVM_CAP_COALESCED_PIO) > 0,
    };
    if (ret_host->ring_offset + KVM_PAGE_SIZE > ret_host->run_size)
        ret_host->ring_offset = 0;
    ret_host->coalesced_pio = ret_host->coalesced_pio && ret_host->ring_offset > 0;
    /* The defaults that api.rst gives for kernels without the capability. */
    if (ret_host->nr_vcpus == 0)
        ret_host->nr_vcpus = 4;
    if (ret_host->max_vcpus == 0)
        ret_host->max_vcpus = ret_host->nr_vcpus;
    if (ret_host->max_vcpu_id == 0)
        ret_host->max_vcpu_id = ret_host->max_vcpus;
    ret_host->fd = take_fd(&fd);
    return 0;
}

void kvm_host_close(struct kvm_host *host)
{
    if (host->fd >= 0)
        close(host->fd);
    host->fd = -1;
}

int kvm_create_vm(const struct kvm_host *host)
{
    int r;

    /* EINTR: the kernel was setting up its MMU when a signal came. */
    do
        r = kvm_call_value(host->fd, KVM_CREATE_VM, 0);
    while (r == -EINTR);
    return r;
}

int kvm_vm_enable(int vm, uint32_t capability, uint64_t arg0, uint64_t arg1)
{
    struct kvm_enable_cap cap = { .cap = capability, .args = { arg0, arg1 } };

    return kvm_call(vm, KVM_ENABLE_CAP, &cap);
}

int kvm_supported_cpuid(const struct kvm_host *host, struct kvm_cpuid2 **ret_table)
{
    for (uint32_t n = CPUID_ENTRIES_FIRST; n <= CPUID_ENTRIES_MAX; n *= 2) {
        _cleanup_free_ struct kvm_cpuid2 *table =
            calloc(1, sizeof(*table) + n * sizeof(table->entries[0]));
        int r;

        if (!table)
            return -ENOMEM;
        table->nent = n;
        r = kvm_call(host->fd, KVM_GET_SUPPORTED_CPUID, table);
        if (r == -E2BIG)
            continue;
        if (r < 0)
            return r;
        *ret_table = TAKE_PTR(table);
        return 0;
    }
    return -E2BIG;
}

int kvm_set_memory(int vm, uint32_t slot, uint64_t address, uint64_t size, void *host,
                   uint32_t flags)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot,
        .flags = flags,
        .guest_phys_addr = address,
        .memory_size = size,
        .userspace_addr = (uintptr_t)host,
    };

    return kvm_call(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

int kvm_ioeventfd(int vm, uint64_t address, uint32_t size, int eventfd, bool pio, bool assign)
{
    struct kvm_ioeventfd event = {
        .addr = address,
        .len = size,
        .fd = eventfd,
        .flags = (pio ? KVM_IOEVENTFD_FLAG_PIO : 0U) | (assign ? 0U : KVM_IOEVENTFD_FLAG_DEASSIGN),
    };

    return kvm_call(vm, KVM_IOEVENTFD, &event);
}

int kvm_irqfd(int vm, uint32_t gsi, int eventfd, bool assign)
{
    struct kvm_irqfd irqfd = {
        .fd = (uint32_t)eventfd,
        .gsi = gsi,
        .flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
    };

    return kvm_call(vm, KVM_IRQFD, &irqfd);
}

int kvm_signal_msi(int vm, uint64_t address, uint32_t data)
{
    struct kvm_msi msi = {
        .address_lo = (uint32_t)address,
        .address_hi = (uint32_t)(address >> 32),
        .data = data,
    };

    return kvm_call(vm, KVM_SIGNAL_MSI, &msi);
}
