/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio entropy device (Virtio 1.2, 5.4), fed by getrandom(2). With the VM's lock held. */
#ifndef VMM_VIRTIO_RNG_H
#define VMM_VIRTIO_RNG_H

#include "virtio.h"

struct virtio_rng;

/** Returns 0 or -ENOMEM. */
int virtio_rng_new(const struct memory *memory, struct virtio_rng **ret_rng);
void virtio_rng_free(struct virtio_rng *rng);
struct virtio_device *virtio_rng_device(struct virtio_rng *rng);

#endif
