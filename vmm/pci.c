/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI by ECAM: configuration space, BARs, capabilities. */
#include "pci.h"

#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "layout.h"

#define FUNCTION_SIZE      4096U /* of ECAM */
#define FUNCTIONS          8U
#define CAPABILITIES_START 0x40U

/* Red Hat's ID for a host bridge that is nothing but that. */
static const struct pci_identity bridge_identity = {
    .vendor = 0x1b36,
    .device = 0x0008,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .class_code = 0x060000,
};

static uint16_t get16(const struct pci_function *function, unsigned int offset)
{
    uint16_t value;

    memcpy(&value, &function->config[offset], sizeof(value));
    return le16toh(value);
}

static void put16(uint8_t *at, uint16_t value)
{
    value = htole16(value);
    memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const struct pci_function *function, unsigned int offset)
{
    uint32_t value;

    memcpy(&value, &function->config[offset], sizeof(value));
    return le32toh(value);
}

static void put32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

static unsigned int bar_offset(unsigned int index)
{
    return PCI_BASE_ADDRESS_0 + 4 * index;
}

bool pci_is_master(const struct pci_function *function)
{
    return get16(function, PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* ---- BARs ---- */

/* Where the guest wants the BAR to answer; 0: nowhere, or not inside the window. */
static uint32_t wanted_address(const struct pci_function *function, unsigned int index)
{
    uint32_t size = function->bars[index].size;
    uint64_t address = get32(function, bar_offset(index)) & ~(uint64_t)(size - 1);

    if (!(get16(function, PCI_COMMAND) & PCI_COMMAND_MEMORY))
        return 0;
    if (address < LAYOUT_PCI_WINDOW || address + size > LAYOUT_PCI_WINDOW + LAYOUT_PCI_WINDOW_SIZE)
        return 0;
    return (uint32_t)address;
}

/* Two BARs at one place: the one that is there stays, the other one answers nowhere. */
static void map_bar(struct pci_function *function, unsigned int index)
{
    struct pci_bar *bar = &function->bars[index];
    uint32_t address = wanted_address(function, index);

    if (bar->size == 0 || address == bar->mapped)
        return;
    if (bar->mapped)
        bus_remove(function->bus->mmio, bar->mapped);
    if (address && bus_add(function->bus->mmio, address, bar->size, bar->ops, bar->device) < 0)
        address = 0;
    if (address == bar->mapped)
        return;
    bar->mapped = address;
    if (function->ops && function->ops->bar_moved)
        function->ops->bar_moved(function, index, address);
}

/* Carries out what the command register, the BARs and the MSI-X control word say now. */
static void apply(struct pci_function *function)
{
    uint16_t control;

    for (unsigned int i = 0; i < PCI_BARS; i++)
        map_bar(function, i);
    if (!function->msix_capability)
        return;
    control = get16(function, function->msix_capability + PCI_MSIX_FLAGS);
    msix_enable(&function->msix, control & PCI_MSIX_FLAGS_ENABLE,
                !(control & PCI_MSIX_FLAGS_MASKALL) && pci_is_master(function));
}

/* ---- the guest's accesses ---- */

static struct pci_function *find(const struct pci_bus *bus, uint64_t offset)
{
    uint64_t index = offset / FUNCTION_SIZE;

    return index % FUNCTIONS == 0 ? bus->functions[index / FUNCTIONS] : NULL;
}

/* Configuration accesses are of 1, 2 or 4 bytes and aligned (PCI Express Base 5.0, 7.2.2). */
static bool is_proper(uint64_t offset, unsigned int size)
{
    return size <= 4 && offset % size == 0;
}

static uint64_t ecam_read(void *device, uint64_t offset, unsigned int size)
{
    struct pci_function *function = find(device, offset);
    unsigned int at = offset % FUNCTION_SIZE;
    uint32_t value = 0;

    if (!function || !is_proper(offset, size))
        return UINT64_MAX;
    if (at >= PCI_CONFIG_SIZE)
        return 0; /* no extended capabilities */
    if (function->ops && function->ops->before_read)
        function->ops->before_read(function, at, size);
    memcpy(&value, &function->config[at], size);
    return le32toh(value);
}

static void ecam_write(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    struct pci_function *function = find(device, offset);
    unsigned int at = offset % FUNCTION_SIZE;

    if (!function || !is_proper(offset, size) || at >= PCI_CONFIG_SIZE)
        return;
    for (unsigned int i = at; i < at + size; i++, value >>= 8)
        function->config[i] = (uint8_t)((function->config[i] & ~function->writable[i]) |
                                        (value & function->writable[i]));
    apply(function);
    if (function->ops && function->ops->after_write)
        function->ops->after_write(function, at, size);
}

static const struct bus_ops ecam_ops = { .read = ecam_read, .write = ecam_write };

/* ---- making functions ---- */

void pci_function_init(struct pci_function *function, const struct pci_identity *identity,
                       const struct pci_function_ops *ops, void *device)
{
    uint8_t *config = function->config;

    *function = (struct pci_function){ .ops = ops, .device = device };
    function->config_end = CAPABILITIES_START;
    put16(config + PCI_VENDOR_ID, identity->vendor);
    put16(config + PCI_DEVICE_ID, identity->device);
    put32(config + PCI_CLASS_REVISION, identity->class_code << 8 | identity->revision);
    put16(config + PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor);
    put16(config + PCI_SUBSYSTEM_ID, identity->subsystem);
    put16(function->writable + PCI_COMMAND,
          PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
    function->writable[PCI_CACHE_LINE_SIZE] = 0xff;
    function->writable[PCI_INTERRUPT_LINE] = 0xff;
}

void pci_set_bar(struct pci_function *function, unsigned int index, uint32_t size,
                 const struct bus_ops *ops, void *device)
{
    function->bars[index] = (struct pci_bar){ .size = size, .ops = ops, .device = device };
    put32(&function->writable[bar_offset(index)], ~(size - 1));
}

int pci_add_capability(struct pci_function *function, uint8_t id, const void *body, size_t size)
{
    unsigned int offset = function->config_end;
    uint8_t *config = function->config;

    if (size + 2 > PCI_CONFIG_SIZE - offset)
        return -ENOSPC;
    config[offset + PCI_CAP_LIST_ID] = id;
    memcpy(&config[offset + 2], body, size);
    if (function->last_capability)
        config[function->last_capability + PCI_CAP_LIST_NEXT] = (uint8_t)offset;
    else
        config[PCI_CAPABILITY_LIST] = (uint8_t)offset;
    config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    function->last_capability = offset;
    function->config_end = (unsigned int)(offset + size + 2 + 3) & ~3U;
    return (int)offset;
}

int pci_add_msix(struct pci_function *function, unsigned int bar, unsigned int vectors,
                 const struct msix_ops *ops, void *opaque)
{
    uint8_t body[PCI_CAP_MSIX_SIZEOF - 2];
    int r = msix_init(&function->msix, vectors, ops, opaque);

    if (r < 0)
        return r;
    put16(body, (uint16_t)(vectors - 1));
    put32(body + PCI_MSIX_TABLE - 2, MSIX_TABLE | bar);
    put32(body + PCI_MSIX_PBA - 2, MSIX_PENDING | bar);
    r = pci_add_capability(function, PCI_CAP_ID_MSIX, body, sizeof(body));
    if (r < 0) {
        msix_free(&function->msix);
        return r;
    }
    function->msix_capability = (unsigned int)r;
    put16(&function->writable[r + PCI_MSIX_FLAGS], PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    pci_set_bar(function, bar, MSIX_BAR_SIZE, &msix_bus_ops, &function->msix);
    return 0;
}

/* Gives the function's BARs places in the window, each aligned to its size. */
static int place_bars(struct pci_bus *bus, struct pci_function *function)
{
    uint64_t next = bus->next_bar;

    for (unsigned int i = 0; i < PCI_BARS; i++) {
        uint64_t size = function->bars[i].size;

        if (size == 0)
            continue;
        next = (next + size - 1) & ~(size - 1);
        if (next + size > LAYOUT_PCI_WINDOW + LAYOUT_PCI_WINDOW_SIZE)
            return -ENOSPC;
        put32(&function->config[bar_offset(i)], (uint32_t)next);
        next += size;
    }
    bus->next_bar = next;
    return 0;
}

int pci_add(struct pci_bus *bus, struct pci_function *function)
{
    for (int i = 0; i < PCI_DEVICES; i++) {
        int r;

        if (bus->functions[i])
            continue;
        r = place_bars(bus, function);
        if (r < 0)
            return r;
        memcpy(function->initial, function->config, sizeof(function->initial));
        function->bus = bus;
        bus->functions[i] = function;
        return i;
    }
    return -ENOSPC;
}

void pci_remove(struct pci_function *function)
{
    struct pci_bus *bus = function->bus;

    for (unsigned int i = 0; bus && i < PCI_DEVICES; i++) {
        if (bus->functions[i] != function)
            continue;
        put16(function->config + PCI_COMMAND, 0);
        apply(function);
        bus->functions[i] = NULL;
    }
    function->bus = NULL;
    msix_free(&function->msix);
}

int pci_bus_init(struct pci_bus *bus, struct bus *mmio)
{
    int r;

    *bus = (struct pci_bus){ .mmio = mmio, .next_bar = LAYOUT_PCI_WINDOW };
    r = bus_add(mmio, LAYOUT_ECAM, LAYOUT_ECAM_SIZE, &ecam_ops, bus);
    if (r < 0)
        return r;
    pci_function_init(&bus->bridge, &bridge_identity, NULL, NULL);
    return pci_add(bus, &bus->bridge);
}

void pci_bus_reset(struct pci_bus *bus)
{
    for (unsigned int i = 0; i < PCI_DEVICES; i++) {
        struct pci_function *function = bus->functions[i];

        if (!function)
            continue;
        memcpy(function->config, function->initial, sizeof(function->config));
        apply(function);
        if (function->msix_capability)
            msix_reset(&function->msix);
        if (function->ops && function->ops->reset)
            function->ops->reset(function);
    }
}
