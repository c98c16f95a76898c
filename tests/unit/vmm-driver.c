/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A virtio driver for tests. */
#include "vmm-driver.h"

#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/layout.h"

/* Not ck_assert(): the fuzz targets use this file, too. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

static int host_route(void *opaque, unsigned int vector, const struct msi *msi)
{
    struct driver *driver = opaque;

    driver->routes[vector] = *msi;
    driver->routed++;
    return 0;
}

static void host_raise(void *opaque, unsigned int vector)
{
    struct driver *driver = opaque;

    driver->raised[vector]++;
}

static void host_notify_at(void *opaque, unsigned int index, uint64_t address)
{
    struct driver *driver = opaque;

    driver->notify_at[index] = address;
}

static void host_again(void *opaque, unsigned int index)
{
    struct driver *driver = opaque;

    driver->again[index]++;
}

static const struct virtio_pci_host host = {
    .msix = { .route = host_route, .raise = host_raise },
    .notify_at = host_notify_at,
    .again = host_again,
};

void driver_init(struct driver *driver)
{
    struct memory_config config = { .size = DRIVER_RAM };

    memset(driver, 0, sizeof(*driver));
    must(memory_new(&config, &driver->memory, NULL) == 0);
    must(pci_bus_init(&driver->pci, &driver->mmio) == 0);
}

void driver_attach(struct driver *driver, struct virtio_device *device)
{
    must(virtio_pci_new(&driver->pci, device, &host, driver, &driver->device) == 0);
    for (unsigned int i = 0; i < PCI_DEVICES; i++) {
        if (driver->pci.functions[i] == &driver->device->function)
            driver->ecam = LAYOUT_ECAM + i * 0x8000ULL;
    }
    driver_config_write(driver, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    for (unsigned int i = 0; i < 2; i++)
        driver->bar[i] = driver_config_read(driver, PCI_BASE_ADDRESS_0 + 4 * i, 4);
}

void driver_free(struct driver *driver)
{
    virtio_pci_free(driver->device);
    memory_free(&driver->memory);
}

uint64_t driver_config_read(struct driver *driver, unsigned int offset, unsigned int size)
{
    return bus_read(&driver->mmio, driver->ecam + offset, size);
}

void driver_config_write(struct driver *driver, unsigned int offset, unsigned int size,
                         uint64_t value)
{
    bus_write(&driver->mmio, driver->ecam + offset, size, value);
}

unsigned int driver_capability(struct driver *driver, uint8_t id, unsigned int after)
{
    unsigned int at = after ? after + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST;

    while ((at = (unsigned int)driver_config_read(driver, at, 1)) != 0) {
        if (driver_config_read(driver, at, 1) == id)
            return at;
        at += PCI_CAP_LIST_NEXT;
    }
    return 0;
}

uint64_t driver_read(struct driver *driver, uint64_t offset, unsigned int size)
{
    return bus_read(&driver->mmio, driver->bar[0] + offset, size);
}

void driver_write(struct driver *driver, uint64_t offset, unsigned int size, uint64_t value)
{
    bus_write(&driver->mmio, driver->bar[0] + offset, size, value);
}

void driver_enable_msix(struct driver *driver)
{
    unsigned int capability = driver_capability(driver, PCI_CAP_ID_MSIX, 0);
    unsigned int vectors =
        (unsigned int)driver_config_read(driver, capability + PCI_MSIX_FLAGS, 2) + 1;

    for (unsigned int i = 0; i < vectors; i++) {
        uint64_t entry = driver->bar[1] + i * MSIX_ENTRY_SIZE;

        bus_write(&driver->mmio, entry, 8, MSI_ADDRESS_BASE);
        bus_write(&driver->mmio, entry + 8, 4, 0x40 + i);
        bus_write(&driver->mmio, entry + 12, 4, 0);
    }
    driver_config_write(driver, capability + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

static void add_status(struct driver *driver, uint8_t bits)
{
    driver_write(driver, VIRTIO_PCI_COMMON_STATUS, 1,
                 driver_read(driver, VIRTIO_PCI_COMMON_STATUS, 1) | bits);
}

uint8_t driver_negotiate(struct driver *driver, uint64_t features)
{
    features |= 1ULL << VIRTIO_F_VERSION_1;
    driver_write(driver, VIRTIO_PCI_COMMON_STATUS, 1, 0);
    add_status(driver, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    for (unsigned int i = 0; i < 2; i++) {
        driver_write(driver, VIRTIO_PCI_COMMON_GFSELECT, 4, i);
        driver_write(driver, VIRTIO_PCI_COMMON_GF, 4, features >> (32 * i));
    }
    add_status(driver, VIRTIO_CONFIG_S_FEATURES_OK);
    return (uint8_t)driver_read(driver, VIRTIO_PCI_COMMON_STATUS, 1);
}

static void write64(struct driver *driver, uint64_t offset, uint64_t value)
{
    driver_write(driver, offset, 4, value & 0xffffffff);
    driver_write(driver, offset + 4, 4, value >> 32);
}

void driver_enable_queue(struct driver *driver, unsigned int index, uint16_t size)
{
    struct driver_ring *ring = &driver->rings[index];
    uint64_t base = DRIVER_RINGS + index * 0x10000ULL;

    memset(driver_at(driver, base), 0, size * sizeof(struct vring_desc));
    memset(driver_at(driver, base + 0x4000), 0, 6 + size * sizeof(uint16_t));
    memset(driver_at(driver, base + 0x8000), 0, 6 + size * sizeof(struct vring_used_elem));
    *ring = (struct driver_ring){
        .desc = driver_at(driver, base),
        .avail = driver_at(driver, base + 0x4000),
        .used = driver_at(driver, base + 0x8000),
        .size = size,
    };
    driver_write(driver, VIRTIO_PCI_COMMON_Q_SELECT, 2, index);
    driver_write(driver, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
    driver_write(driver, VIRTIO_PCI_COMMON_Q_MSIX, 2, index + 1);
    write64(driver, VIRTIO_PCI_COMMON_Q_DESCLO, base);
    write64(driver, VIRTIO_PCI_COMMON_Q_AVAILLO, base + 0x4000);
    write64(driver, VIRTIO_PCI_COMMON_Q_USEDLO, base + 0x8000);
    driver_write(driver, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

void driver_ready(struct driver *driver)
{
    add_status(driver, VIRTIO_CONFIG_S_DRIVER_OK);
}

void driver_start(struct driver *driver, uint64_t features, uint16_t size)
{
    unsigned int queues = driver->device->device->queue_count;

    driver_enable_msix(driver);
    must(driver_negotiate(driver, features) & VIRTIO_CONFIG_S_FEATURES_OK);
    driver_write(driver, VIRTIO_PCI_COMMON_MSIX, 2, 0);
    for (unsigned int i = 0; i < queues; i++)
        driver_enable_queue(driver, i, size);
    driver_ready(driver);
}

uint16_t driver_add(struct driver *driver, unsigned int index, const struct driver_buffer *buffers,
                    unsigned int count)
{
    struct driver_ring *ring = &driver->rings[index];
    uint16_t head = ring->next_desc % ring->size;

    for (unsigned int i = 0; i < count; i++) {
        uint16_t flags =
            (buffers[i].in ? VRING_DESC_F_WRITE : 0) | (i + 1 < count ? VRING_DESC_F_NEXT : 0);

        ring->desc[ring->next_desc++ % ring->size] = (struct vring_desc){
            .addr = buffers[i].address,
            .len = buffers[i].size,
            .flags = flags,
            .next = ring->next_desc % ring->size,
        };
    }
    ring->avail->ring[ring->avail->idx % ring->size] = head;
    ring->avail->idx++;
    return head;
}

void driver_notify(struct driver *driver, unsigned int index)
{
    driver_write(driver, VIRTIO_REGION_NOTIFY + (uint64_t)index * VIRTIO_NOTIFY_STEP, 2, index);
}

bool driver_take(struct driver *driver, unsigned int index, uint32_t *ret_head,
                 uint32_t *ret_written)
{
    struct driver_ring *ring = &driver->rings[index];
    const struct vring_used_elem *element = &ring->used->ring[ring->next_used % ring->size];

    if (ring->used->idx == ring->next_used)
        return false;
    *ret_head = element->id;
    *ret_written = element->len;
    ring->next_used++;
    return true;
}

void *driver_at(struct driver *driver, uint64_t address)
{
    void *at = memory_at(&driver->memory, address, 1);

    must(at);
    return at;
}
