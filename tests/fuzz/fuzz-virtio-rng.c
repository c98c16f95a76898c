/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The virtqueue of the entropy device, and PCI configuration space and MSI-X around it. Property:
 * a device that failed does nothing until it is reset. */
#include <linux/virtio_config.h>

#include "fuzz.h"
#include "virtio.h"
#include "vmm/virtio-rng.h"

struct watch {
    struct virtio_device *device;
    bool failed;
    uint16_t used;
};

static void settle(void *opaque)
{
    struct watch *watch = opaque;
    bool failed = watch->device->status & VIRTIO_CONFIG_S_NEEDS_RESET;
    uint16_t used = watch->device->queues[0].next_used;

    hold(!(failed && watch->failed) || used == watch->used || used == 0);
    watch->failed = failed;
    watch->used = used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watch watch = { 0 };
    const struct fuzz_device own = { .settle = settle, .opaque = &watch };
    struct virtio_rng *rng;
    struct driver driver;

    fuzz_driver_init(&driver);
    hold(virtio_rng_new(&driver.memory, &rng) == 0);
    watch.device = virtio_rng_device(rng);
    fuzz_driver_run(&driver, watch.device, &own, data, size);
    fuzz_driver_free(&driver);
    virtio_rng_free(rng);
    return 0;
}
