/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes that KVM collects. */
#include "coalesced.h"

#include <string.h>

#include "bus.h"
#include "cpuhp.h"
#include "kvm.h"
#include "layout.h"

#define RING_MAX                                                                                   \
    ((KVM_PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio))

static const struct kvm_coalesced_mmio_zone zones[] = {
    /* the I/O APIC's IOREGSEL */
    { .addr = LAYOUT_IOAPIC, .size = 4 },
    /* the selector and the command of the CPU hotplug controller */
    { .addr = LAYOUT_CPUHP + CPUHP_SELECTOR, .size = 4, .pio = 1 },
    { .addr = LAYOUT_CPUHP + CPUHP_COMMAND, .size = 1, .pio = 1 },
    /* Nobody is at CMOS' ports, where Linux notes where a CPU that is started is to begin, nor at
     * PCI's address port, which it uses for CPUs of AMD. */
    { .addr = 0x70, .size = 2, .pio = 1 },
    { .addr = 0xcf8, .size = 4, .pio = 1 },
};

void coalesced_register(const struct kvm_host *host, int vm)
{
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
        if (zones[i].pio ? host->coalesced_pio : host->ring_offset > 0)
            (void)kvm_call(vm, KVM_REGISTER_COALESCED_MMIO, (void *)(uintptr_t)&zones[i]);
}

void coalesced_drain(const struct kvm_host *host, struct kvm_run *run, const struct bus *pio,
                     const struct bus *mmio)
{
    struct kvm_coalesced_mmio_ring *ring;

    if (host->ring_offset == 0)
        return;
    ring = (struct kvm_coalesced_mmio_ring *)(void *)((char *)run + host->ring_offset);
    while (ring->first != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE)) {
        const struct kvm_coalesced_mmio *write = &ring->coalesced_mmio[ring->first];
        uint64_t value = 0;

        memcpy(&value, write->data, write->len);
        bus_write(write->pio ? pio : mmio, write->phys_addr, write->len, value);
        __atomic_store_n(&ring->first, (uint32_t)((ring->first + 1) % RING_MAX), __ATOMIC_RELEASE);
    }
}
