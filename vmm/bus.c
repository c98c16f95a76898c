/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who answers an access to an I/O port or to memory that is not RAM. */
#include "bus.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static uint64_t all_ones(unsigned int size)
{
    return size >= 8 ? UINT64_MAX : (1ULL << (8 * size)) - 1;
}

/* The index of the first range that ends above @address. */
static unsigned int find(const struct bus *bus, uint64_t address)
{
    unsigned int low = 0, high = bus->count;

    while (low < high) {
        unsigned int middle = (low + high) / 2;
        const struct bus_range *range = &bus->ranges[middle];

        if (address - range->base < range->size || address < range->base)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static const struct bus_range *lookup(const struct bus *bus, uint64_t address, unsigned int size)
{
    unsigned int i = find(bus, address);
    const struct bus_range *range = &bus->ranges[i];

    if (i == bus->count || address < range->base || range->size - (address - range->base) < size)
        return NULL;
    return range;
}

int bus_add(struct bus *bus, uint64_t base, uint64_t size, const struct bus_ops *ops, void *device)
{
    unsigned int i = find(bus, base);

    if (bus->count == BUS_RANGES_MAX)
        return -ENOSPC;
    if (i < bus->count && bus->ranges[i].base < base + size)
        return -EEXIST;
    memmove(&bus->ranges[i + 1], &bus->ranges[i], (bus->count - i) * sizeof(bus->ranges[0]));
    bus->ranges[i] = (struct bus_range){ .base = base, .size = size, .ops = ops, .device = device };
    bus->count++;
    return 0;
}

void bus_remove(struct bus *bus, uint64_t base)
{
    unsigned int i = find(bus, base);

    if (i == bus->count || bus->ranges[i].base != base)
        return;
    bus->count--;
    memmove(&bus->ranges[i], &bus->ranges[i + 1], (bus->count - i) * sizeof(bus->ranges[0]));
}

uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned int size)
{
    const struct bus_range *range = lookup(bus, address, size);

    if (!range)
        return all_ones(size);
    return range->ops->read(range->device, address - range->base, size) & all_ones(size);
}

void bus_write(const struct bus *bus, uint64_t address, unsigned int size, uint64_t value)
{
    const struct bus_range *range = lookup(bus, address, size);

    if (range)
        range->ops->write(range->device, address - range->base, size, value & all_ones(size));
}
