/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio block device on a raw file (Virtio 1.2, 5.2): read, write, flush, get ID. The file is read
 * and written by a thread of the device's own, one request at a time, so that a slow disk holds up
 * nobody else. Everything else is with the VM's lock held.
 */
#ifndef VMM_VIRTIO_BLK_H
#define VMM_VIRTIO_BLK_H

#include "virtio.h"

struct cpuctl_error;
struct virtio_blk;

struct virtio_blk_options {
    const char *path; /**< a file or block device of a multiple of 512 bytes */
    bool read_only;
    const char *serial; /**< what get ID answers: 20 bytes at most, what is more is cut */
};

/**
 * Opens the file and starts the thread. The file is locked against a second user, unless both only
 * read. Returns 0 or a negative errno with a sentence.
 */
int virtio_blk_new(const struct memory *memory, const struct virtio_blk_options *options,
                   struct virtio_blk **ret_blk, struct cpuctl_error *error);
/** Waits for the request in progress, and ends the thread. */
void virtio_blk_free(struct virtio_blk *blk);
struct virtio_device *virtio_blk_device(struct virtio_blk *blk);

/** An eventfd that becomes readable when a request is done: call virtio_blk_complete() then. */
int virtio_blk_fd(const struct virtio_blk *blk);
/** Finishes what is done, and starts the next request. */
void virtio_blk_complete(struct virtio_blk *blk);

#endif
