/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hostile virtio driver. Each step is a byte that says what is done, and the bytes that it takes;
 * what the input lacks at its end is 0.
 */
#include "virtio.h"

#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "fuzz.h"
#include "vmm/layout.h"

#define GUARD      4096U
#define QUEUE_SIZE 8
#define STEPS_MAX  2000

struct input {
    const uint8_t *data;
    size_t size;
};

static uint64_t take(struct input *input, unsigned int bytes)
{
    uint64_t value = 0;

    for (unsigned int i = 0; i < bytes && input->size > 0; i++) {
        value |= (uint64_t)*input->data++ << (8 * i);
        input->size--;
    }
    return value;
}

static unsigned int take_queue(struct driver *driver, struct input *input)
{
    return (unsigned int)take(input, 1) % driver->device->device->queue_count;
}

/* An address: most are in RAM, at its start or its end. */
static uint64_t take_address(struct input *input)
{
    uint64_t what = take(input, 1), offset = take(input, 2);

    switch (what & 3) {
    case 0:
        return DRIVER_RAM - GUARD - offset;
    case 1:
        return take(input, 6) << 16 | offset;
    default:
        return DRIVER_BUFFERS + offset;
    }
}

static void describe(struct driver *driver, struct input *input)
{
    struct driver_ring *ring = &driver->rings[take_queue(driver, input)];
    uint16_t index = (uint16_t)take(input, 1);
    bool in_table = index & 0x80; /* of what an indirect descriptor points to */
    struct vring_desc *desc = in_table
                                  ? driver_at(driver, DRIVER_BUFFERS + (index & 15) * sizeof(*desc))
                                  : &ring->desc[index % QUEUE_SIZE];

    desc->addr = take_address(input);
    desc->len = (uint32_t)take(input, 2);
    if (desc->len >= 0xff00)
        desc->len <<= 16;
    desc->flags = (uint16_t)take(input, 1) & 7;
    desc->next = (uint16_t)take(input, 1);
}

static void offer(struct driver *driver, struct input *input)
{
    unsigned int index = take_queue(driver, input);
    struct driver_ring *ring = &driver->rings[index];
    uint16_t head = (uint16_t)take(input, 1);

    ring->avail->ring[ring->avail->idx % QUEUE_SIZE] = head & 0x80 ? head : head % QUEUE_SIZE;
    ring->avail->idx++;
    driver_notify(driver, index);
}

static void poke(struct driver *driver, struct input *input)
{
    uint8_t what = (uint8_t)take(input, 1);
    uint64_t offset = take(input, 2);
    uint64_t at = what & 1 ? DRIVER_BUFFERS + offset
                           : DRIVER_RINGS + (what >> 1) * 0x10000ULL % 0x400000 + offset;
    uint64_t value = take(input, 8);

    memcpy(driver_at(driver, at), &value, sizeof(value));
}

/* An access of any size to BAR 0 or BAR 1, wherever the guest has put them. */
static void access_register(struct driver *driver, struct input *input)
{
    uint8_t what = (uint8_t)take(input, 1);
    unsigned int size = 1U << (what & 3);
    uint64_t address = driver->device->function.bars[what >> 2 & 1].mapped + take(input, 2);

    if (what & 0x80)
        (void)bus_read(&driver->mmio, address, size);
    else
        bus_write(&driver->mmio, address, size, take(input, size));
}

static void access_config(struct driver *driver, struct input *input)
{
    uint8_t what = (uint8_t)take(input, 1);
    unsigned int size = 1U << (what & 3), offset = (unsigned int)take(input, 2) % 0x1000;

    if (what & 0x80)
        (void)driver_config_read(driver, offset, size);
    else
        driver_config_write(driver, offset, size, take(input, size));
}

/* The device as a driver that behaves would have it. */
static void start(struct driver *driver)
{
    pci_bus_reset(&driver->pci);
    driver_config_write(driver, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    driver_start(driver,
                 driver->device->device->features | 1ULL << VIRTIO_RING_F_EVENT_IDX |
                     1ULL << VIRTIO_RING_F_INDIRECT_DESC,
                 QUEUE_SIZE);
}

/* What always holds: BARs are inside the window, what may not be written has not been. */
static void check(const struct driver *driver)
{
    const struct pci_function *function = &driver->device->function;

    for (unsigned int i = 0; i < PCI_BARS; i++) {
        uint64_t at = function->bars[i].mapped;

        hold(at == 0 ||
             (at >= LAYOUT_PCI_WINDOW &&
              at + function->bars[i].size <= LAYOUT_PCI_WINDOW + LAYOUT_PCI_WINDOW_SIZE));
    }
    for (unsigned int i = 0; i < PCI_CONFIG_SIZE; i++)
        hold(((function->config[i] ^ function->initial[i]) & ~function->writable[i]) == 0);
}

static void step(struct driver *driver, const struct fuzz_device *own, struct input *input)
{
    uint8_t what = (uint8_t)take(input, 1);

    switch (what % 8) {
    case 0:
    case 1:
        describe(driver, input);
        break;
    case 2:
        offer(driver, input);
        break;
    case 3:
        poke(driver, input);
        break;
    case 4:
        access_register(driver, input);
        break;
    case 5:
        access_config(driver, input);
        break;
    case 6:
        if (own->host)
            own->host(own->opaque, (uint8_t)take(input, 1));
        break;
    default:
        if (what & 8)
            start(driver);
        else
            virtio_pci_kick(driver->device, take_queue(driver, input));
        break;
    }
}

void fuzz_driver_init(struct driver *driver)
{
    driver_init(driver);
    driver->memory.low.size -= GUARD;
}

void fuzz_driver_run(struct driver *driver, struct virtio_device *device,
                     const struct fuzz_device *own, const uint8_t *data, size_t size)
{
    struct input input = { .data = data, .size = size };

    driver_attach(driver, device);
    start(driver);
    for (unsigned int i = 0; i < STEPS_MAX && input.size > 0; i++) {
        step(driver, own, &input);
        if (own->settle)
            own->settle(own->opaque);
        check(driver);
    }
}

void fuzz_driver_free(struct driver *driver)
{
    const char *guard = driver->memory.low.host + driver->memory.low.size;

    for (unsigned int i = 0; i < GUARD; i++)
        hold(guard[i] == 0);
    driver_free(driver);
}
