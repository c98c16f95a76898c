/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio over PCI, modern only (Virtio 1.2, 4.1): one function per device, MSI-X with one vector
 * for the configuration and one for each queue. With the VM's lock held.
 */
#ifndef VMM_VIRTIO_PCI_H
#define VMM_VIRTIO_PCI_H

#include "pci.h"
#include "virtio.h"

/** BAR 0. BAR 1 has the MSI-X table. */
#define VIRTIO_REGION_COMMON 0x0000U
#define VIRTIO_REGION_ISR    0x1000U
#define VIRTIO_REGION_DEVICE 0x2000U
#define VIRTIO_REGION_NOTIFY 0x3000U
#define VIRTIO_BAR_SIZE      0x4000U
#define VIRTIO_NOTIFY_STEP   4U /**< notify_off_multiplier */

/** What is outside of the device: implemented on KVM, and by a recorder in tests. */
struct virtio_pci_host {
    struct msix_ops msix;
    /** Queue @index is notified by a write of 16 bits to @address (0: no more). May be NULL: the
     * write then arrives by the MMIO bus. */
    void (*notify_at)(void *opaque, unsigned int index, uint64_t address);
    /** Calls virtio_pci_kick() for queue @index from the main loop. */
    void (*again)(void *opaque, unsigned int index);
};

struct virtio_pci {
    struct pci_function function;
    struct virtio_device *device;
    const struct virtio_pci_host *host;
    void *opaque;
    uint32_t device_feature_select, driver_feature_select;
    uint64_t driver_features;
    uint16_t config_vector, queue_select;
    uint8_t isr;
    unsigned int config_access; /**< the offset of VIRTIO_PCI_CAP_PCI_CFG */
};

/**
 * Puts @device, whose virtio_init() is done, on @bus. Returns 0, -ENOMEM or -ENOSPC. @device must
 * outlive the result.
 */
int virtio_pci_new(struct pci_bus *bus, struct virtio_device *device,
                   const struct virtio_pci_host *host, void *opaque, struct virtio_pci **ret_pci);
void virtio_pci_free(struct virtio_pci *pci);
/** Queue @index was notified. */
void virtio_pci_kick(struct virtio_pci *pci, unsigned int index);

#endif
