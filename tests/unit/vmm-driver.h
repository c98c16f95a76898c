/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtio driver for tests: it finds its device by ECAM and drives it by the MMIO bus, as a guest
 * does, over RAM that is the test's. The host's side only counts.
 */
#ifndef TESTS_UNIT_VMM_DRIVER_H
#define TESTS_UNIT_VMM_DRIVER_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/virtio-pci.h"

/** A queue's areas, 64 KiB apart; buffers are from DRIVER_BUFFERS on. */
#define DRIVER_RINGS   0x100000ULL
#define DRIVER_BUFFERS 0x800000ULL
#define DRIVER_RAM     (16ULL << 20)
#define DRIVER_QUEUES  40

struct driver_ring {
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t size, next_desc, next_used;
};

struct driver {
    struct memory memory;
    struct bus mmio;
    struct pci_bus pci;
    struct virtio_pci *device;
    uint64_t ecam, bar[2]; /* the function's */
    struct driver_ring rings[DRIVER_QUEUES];
    /* What the host's side saw. */
    struct msi routes[MSIX_VECTORS_MAX];
    unsigned int routed, raised[MSIX_VECTORS_MAX], again[DRIVER_QUEUES];
    uint64_t notify_at[DRIVER_QUEUES];
};

/** RAM and an empty bus. */
void driver_init(struct driver *driver);
/** Puts @device on the bus; decoding and bus mastering are on, MSI-X off. */
void driver_attach(struct driver *driver, struct virtio_device *device);
void driver_free(struct driver *driver);

uint64_t driver_config_read(struct driver *driver, unsigned int offset, unsigned int size);
void driver_config_write(struct driver *driver, unsigned int offset, unsigned int size,
                         uint64_t value);
/** The offset of the first capability @id after @after (0: the first one), 0: none. */
unsigned int driver_capability(struct driver *driver, uint8_t id, unsigned int after);
uint64_t driver_read(struct driver *driver, uint64_t offset, unsigned int size);
void driver_write(struct driver *driver, uint64_t offset, unsigned int size, uint64_t value);

/** Enables MSI-X: vector i is sent with data 0x40 + i, queue i has vector i + 1. */
void driver_enable_msix(struct driver *driver);
/** Resets, negotiates @features with VERSION_1, up to FEATURES_OK. Returns the status. */
uint8_t driver_negotiate(struct driver *driver, uint64_t features);
/** Sets up queue @index with @size entries. */
void driver_enable_queue(struct driver *driver, unsigned int index, uint16_t size);
void driver_ready(struct driver *driver);
/** All of it: every queue with @size entries, MSI-X on. */
void driver_start(struct driver *driver, uint64_t features, uint16_t size);

struct driver_buffer {
    uint64_t address;
    uint32_t size;
    bool in; /* the device writes */
};

/** Makes a chain available, without telling. Returns its head. */
uint16_t driver_add(struct driver *driver, unsigned int index, const struct driver_buffer *buffers,
                    unsigned int count);
void driver_notify(struct driver *driver, unsigned int index);
/** Takes a used chain; false: none. */
bool driver_take(struct driver *driver, unsigned int index, uint32_t *ret_head,
                 uint32_t *ret_written);
/** RAM at @address. */
void *driver_at(struct driver *driver, uint64_t address);

#endif
