/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hostile virtio driver: what the fuzz targets of the virtio devices share. */
#ifndef CPUCTL_TESTS_FUZZ_VIRTIO_H
#define CPUCTL_TESTS_FUZZ_VIRTIO_H

#include "../unit/vmm-driver.h"

/** What is the device's own. Both may be NULL. */
struct fuzz_device {
    /** Something happens on the host's side; @what is the input's. */
    void (*host)(void *opaque, uint8_t what);
    /** After each step. */
    void (*settle)(void *opaque);
    void *opaque;
};

/** RAM and a bus for the device; the last page of RAM is one that nobody may touch. */
void fuzz_driver_init(struct driver *driver);
/**
 * Attaches @device, and carries out what @data says: descriptors, heads, notifications, bytes in
 * RAM, registers, configuration space, resets.
 */
void fuzz_driver_run(struct driver *driver, struct virtio_device *device,
                     const struct fuzz_device *own, const uint8_t *data, size_t size);
/** Checks the last page. */
void fuzz_driver_free(struct driver *driver);

#endif
