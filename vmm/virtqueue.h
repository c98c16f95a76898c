/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Split virtqueues, the device's side (Virtio 1.2, 2.7), with indirect descriptors and event
 * indices. The guest may write anything at any time: each value is read once and checked, and a
 * queue that breaks the rules is broken until its device is reset. A chain is either finished or
 * put back before the next one is taken, so a queue holds nothing.
 */
#ifndef VMM_VIRTQUEUE_H
#define VMM_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "memory.h"

#define VIRTQUEUE_SIZE_MAX 256

struct virtqueue {
    const struct memory *memory;
    uint16_t size_max; /**< what the device offers */
    uint16_t size;     /**< what the driver chose */
    uint16_t vector;   /**< MSI-X; 0xffff: none */
    bool enabled, broken;
    bool event_idx;                /**< VIRTIO_F_EVENT_IDX was negotiated */
    bool indirect;                 /**< VIRTIO_F_INDIRECT_DESC was negotiated */
    uint64_t desc, driver, device; /**< guest-physical addresses of the three areas */
    uint16_t next_avail, next_used;
    uint16_t signalled; /**< next_used at the last look at used_event */
};

/** One request of the driver: what the device may read, then what it may write. */
struct virtqueue_chain {
    uint16_t head;
    unsigned int out_count, in_count;
    uint64_t out_size, in_size;           /**< bytes */
    struct iovec iov[VIRTQUEUE_SIZE_MAX]; /**< out_count, then in_count of them */
};

/** The state after a reset; @size_max is a power of two, VIRTQUEUE_SIZE_MAX at most. */
void virtqueue_reset(struct virtqueue *queue, const struct memory *memory, uint16_t size_max);
/** Checks size, alignment and place of the areas and starts. Returns 0, or -EINVAL: broken. */
int virtqueue_enable(struct virtqueue *queue);

/**
 * Takes the next chain. Returns 1, 0 when there is none (the driver tells of the next one), or
 * -EPROTO: the driver broke a rule, and the queue is broken.
 */
int virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *ret_chain);
/** Puts the chain that was taken last back. */
void virtqueue_unpop(struct virtqueue *queue);
/** Finishes a chain of which @written bytes were written. */
void virtqueue_push(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written);
/** Whether the driver wants to hear of the chains that were finished since the last call. */
bool virtqueue_wants_interrupt(struct virtqueue *queue);

/** Copies from what the device may read. Returns the number of bytes: fewer at the end. */
size_t virtqueue_read(const struct virtqueue_chain *chain, uint64_t offset, void *data,
                      size_t size);
/** Copies to what the device may write. Returns the number of bytes: fewer at the end. */
size_t virtqueue_write(const struct virtqueue_chain *chain, uint64_t offset, const void *data,
                       size_t size);

#endif
