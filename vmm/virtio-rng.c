/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio entropy device (Virtio 1.2, 5.4). */
#include "virtio-rng.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <sys/random.h>

#define QUEUE_SIZE 8
/* A request is answered in part if it is longer; the driver asks again. */
#define ANSWER_MAX 4096

struct virtio_rng {
    struct virtio_device device;
};

static void kick(struct virtio_device *device, unsigned int index)
{
    struct virtqueue_chain chain;
    char bytes[ANSWER_MAX];

    for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
        size_t size;
        ssize_t got;

        if (!virtio_pop(device, index, &chain)) {
            virtio_flush(device, index);
            return;
        }
        size = chain.in_size < sizeof(bytes) ? (size_t)chain.in_size : sizeof(bytes);
        got = getrandom(bytes, size, GRND_NONBLOCK);
        size = got > 0 ? virtqueue_write(&chain, 0, bytes, (size_t)got) : 0;
        virtqueue_push(&device->queues[index], &chain, (uint32_t)size);
    }
    virtio_flush(device, index);
    device->transport->again(device, index);
}

static const struct virtio_class class = {
    .name = "rng",
    .id = VIRTIO_ID_RNG,
    .class_code = 0x00ff00, /* not one that PCI has a class for */
    .kick = kick,
};

int virtio_rng_new(const struct memory *memory, struct virtio_rng **ret_rng)
{
    struct virtio_rng *rng = calloc(1, sizeof(*rng));

    if (!rng)
        return -ENOMEM;
    rng->device = (struct virtio_device){
        .class = &class,
        .queue_count = 1,
        .queue_size = QUEUE_SIZE,
    };
    if (virtio_init(&rng->device, memory) < 0) {
        free(rng);
        return -ENOMEM;
    }
    *ret_rng = rng;
    return 0;
}

void virtio_rng_free(struct virtio_rng *rng)
{
    if (!rng)
        return;
    virtio_release(&rng->device);
    free(rng);
}

struct virtio_device *virtio_rng_device(struct virtio_rng *rng)
{
    return &rng->device;
}
