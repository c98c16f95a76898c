/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio block device on a raw file (Virtio 1.2, 5.2): read, write, flush, get ID. With the VM's
 * lock held.
 */
#ifndef VMM_VIRTIO_BLK_H
#define VMM_VIRTIO_BLK_H

#include "virtio.h"

struct cpuctl_error;
struct virtio_blk;

/**
 * Opens @path: a file or block device of a multiple of 512 bytes. @serial: what get ID answers, 20
 * bytes at most (the rest is cut). The file is locked against a second user, unless both only
 * read. Returns 0 or a negative errno with a sentence.
 */
int virtio_blk_new(const struct memory *memory, const char *path, bool read_only,
                   const char *serial, struct virtio_blk **ret_blk, struct cpuctl_error *error);
void virtio_blk_free(struct virtio_blk *blk);
struct virtio_device *virtio_blk_device(struct virtio_blk *blk);

#endif
