/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtio device on KVM: notifications by ioeventfd, interrupts by irqfd with a route for each
 * MSI-X vector that the driver uses. With the VM's lock held.
 */
#ifndef VMM_VIRTIO_KVM_H
#define VMM_VIRTIO_KVM_H

#include "virtio-pci.h"

struct virtio_kvm;
struct vm;

/** Puts @device on @bus. Returns 0 or a negative errno. @device must outlive the result. */
int virtio_kvm_new(struct vm *vm, struct pci_bus *bus, struct virtio_device *device,
                   struct virtio_kvm **ret_kvm);
/** Takes NULL. */
void virtio_kvm_free(struct virtio_kvm *kvm);

#endif
