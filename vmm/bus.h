/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who answers an access to an I/O port or to memory that is not RAM. Two buses: pio, mmio. Accesses
 * come from vCPU threads with the VM's lock held.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdint.h>

/**
 * A device's registers. @offset is relative to the range's base, @size is 1, 2, 4 or 8 and does not
 * reach out of the range. A device answers an access that its specification does not allow with all
 * ones (read) or not at all (write).
 */
struct bus_ops {
    uint64_t (*read)(void *device, uint64_t offset, unsigned int size);
    void (*write)(void *device, uint64_t offset, unsigned int size, uint64_t value);
};

#define BUS_RANGES_MAX 64

struct bus_range {
    uint64_t base, size;
    const struct bus_ops *ops;
    void *device;
};

struct bus {
    struct bus_range ranges[BUS_RANGES_MAX]; /* by rising base, without overlap */
    unsigned int count;
};

/** Adds a range. Returns 0, -EEXIST (overlaps another one) or -ENOSPC. */
int bus_add(struct bus *bus, uint64_t base, uint64_t size, const struct bus_ops *ops, void *device);
/** Takes the range at @base away; one that is not there is no error. */
void bus_remove(struct bus *bus, uint64_t base);
/** A read; all ones where nobody answers or the access crosses a range's end. */
uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned int size);
/** A write; ignored where nobody answers or the access crosses a range's end. */
void bus_write(const struct bus *bus, uint64_t address, unsigned int size, uint64_t value);

#endif
