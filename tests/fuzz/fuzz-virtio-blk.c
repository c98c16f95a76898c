/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The virtqueue of the block device. Property: the file keeps its size; a read-only one its bytes.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "virtio.h"
#include "vmm/virtio-blk.h"

#define FILE_SIZE 8192

/* Waits for the request that the thread has, so that a run can be repeated. */
static void settle(void *opaque)
{
    struct virtio_blk *blk = opaque;
    const struct virtio_device *device = virtio_blk_device(blk);
    const struct virtqueue *queue = &device->queues[0];
    struct pollfd done = { .fd = virtio_blk_fd(blk), .events = POLLIN };

    while (virtio_is_ready(device) && queue->next_avail != queue->next_used) {
        hold(poll(&done, 1, 10000) == 1);
        virtio_blk_complete(blk);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32], bytes[FILE_SIZE];
    struct virtio_blk_options options = { .path = path, .read_only = size && data[0] & 1 };
    int file = memfd_create("disk", MFD_CLOEXEC);
    struct fuzz_device own = { .settle = settle };
    struct virtio_blk *blk;
    struct driver driver;

    if (size == 0)
        data = (const uint8_t *)"";
    memset(bytes, 'd', sizeof(bytes));
    hold(file >= 0 && write(file, bytes, sizeof(bytes)) == FILE_SIZE);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    fuzz_driver_init(&driver);
    hold(virtio_blk_new(&driver.memory, &options, &blk, NULL) == 0);
    own.opaque = blk;
    fuzz_driver_run(&driver, virtio_blk_device(blk), &own, data + (size > 0), size - (size > 0));
    fuzz_driver_free(&driver);
    virtio_blk_free(blk);
    hold(lseek(file, 0, SEEK_END) == FILE_SIZE);
    hold(pread(file, bytes, sizeof(bytes), 0) == FILE_SIZE);
    for (unsigned int i = 0; options.read_only && i < FILE_SIZE; i++)
        hold(bytes[i] == 'd');
    close(file);
    return 0;
}
