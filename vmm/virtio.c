/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all virtio devices have in common. */
#include "virtio.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <stdlib.h>

bool virtio_is_ready(const struct virtio_device *device)
{
    return device->may_access && (device->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
           !(device->status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED));
}

int virtio_init(struct virtio_device *device, const struct memory *memory)
{
    device->queues = calloc(device->queue_count, sizeof(*device->queues));
    if (!device->queues)
        return -ENOMEM;
    device->memory = memory;
    virtio_reset(device);
    return 0;
}

void virtio_release(struct virtio_device *device)
{
    free(device->queues);
    device->queues = NULL;
}

void virtio_reset(struct virtio_device *device)
{
    device->status = 0;
    device->accepted = 0;
    for (unsigned int i = 0; i < device->queue_count; i++)
        virtqueue_reset(&device->queues[i], device->memory, device->queue_size);
    if (device->class->reset)
        device->class->reset(device);
}

bool virtio_pop(struct virtio_device *device, unsigned int index, struct virtqueue_chain *ret_chain)
{
    int r;

    if (!virtio_is_ready(device))
        return false;
    r = virtqueue_pop(&device->queues[index], ret_chain);
    if (r < 0)
        device->transport->fail(device);
    return r > 0;
}

void virtio_flush(struct virtio_device *device, unsigned int index)
{
    if (virtio_is_ready(device) && virtqueue_wants_interrupt(&device->queues[index]))
        device->transport->interrupt(device, index);
}
