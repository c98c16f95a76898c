/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtio device as its transport sees it, and the transport as the device sees it (Virtio 1.2,
 * 2). With the VM's lock held.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtqueue.h"

#define VIRTIO_NO_VECTOR 0xffffU

struct virtio_device;

/** What makes a device a console, a disk, …. */
struct virtio_class {
    const char *name;
    uint16_t id;         /**< Virtio 1.2, 5 */
    uint32_t class_code; /**< PCI's */
    /** Something is in queue @index, or the driver has just become ready. */
    void (*kick)(struct virtio_device *device, unsigned int index);
    /** Reads the device's configuration, config_size bytes. NULL: it has none. */
    void (*read_config)(const struct virtio_device *device, void *ret_config);
    /** The device was reset. May be NULL. */
    void (*reset)(struct virtio_device *device);
};

/** What a device asks of its transport. */
struct virtio_transport {
    /** Interrupts the driver for queue @index. */
    void (*interrupt)(struct virtio_device *device, unsigned int index);
    /** Sets DEVICE_NEEDS_RESET and tells the driver. */
    void (*fail)(struct virtio_device *device);
    /** Calls kick() for queue @index again soon, from the main loop. */
    void (*again)(struct virtio_device *device, unsigned int index);
};

struct virtio_device {
    const struct virtio_class *class;
    const struct virtio_transport *transport;
    void *transport_data;
    const struct memory *memory;
    uint64_t features; /**< the device's own, without those of the ring and VERSION_1 */
    uint64_t accepted; /**< what the driver accepted */
    size_t config_size;
    uint8_t status;
    bool may_access; /**< the transport lets the device reach memory */
    struct virtqueue *queues;
    unsigned int queue_count;
    uint16_t queue_size;
};

/** Whether queues may be looked at: DRIVER_OK, not failed, and memory may be reached. */
bool virtio_is_ready(const struct virtio_device *device);
/** Sets up the queues. Returns 0 or -ENOMEM. */
int virtio_init(struct virtio_device *device, const struct memory *memory);
void virtio_release(struct virtio_device *device);
/** Resets the queues and the device. */
void virtio_reset(struct virtio_device *device);

/**
 * Takes the next chain of queue @index. Returns true, or false: there is none, or the device has
 * just failed.
 */
bool virtio_pop(struct virtio_device *device, unsigned int index,
                struct virtqueue_chain *ret_chain);
/** Finishes chains of queue @index: interrupts the driver if it wants to be. */
void virtio_flush(struct virtio_device *device, unsigned int index);

#endif
