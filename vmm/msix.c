/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A function's MSI-X table and pending bits (PCI Local Bus 3.0, 6.8.2). */
#include "msix.h"

#include <errno.h>
#include <stdlib.h>

/* Offsets in a table entry, and the one bit of its control word that is not reserved. */
#define ENTRY_ADDRESS_LOW  0
#define ENTRY_ADDRESS_HIGH 4
#define ENTRY_DATA         8
#define ENTRY_CONTROL      12
#define CONTROL_MASK       1U

int msix_init(struct msix *msix, unsigned int count, const struct msix_ops *ops, void *opaque)
{
    struct msix_vector *vectors;

    if (count == 0 || count > MSIX_VECTORS_MAX)
        return -EINVAL;
    vectors = calloc(count, sizeof(*vectors));
    if (!vectors)
        return -ENOMEM;
    *msix = (struct msix){ .vectors = vectors, .count = count, .ops = ops, .opaque = opaque };
    msix_reset(msix);
    return 0;
}

void msix_free(struct msix *msix)
{
    free(msix->vectors);
    *msix = (struct msix){ 0 };
}

void msix_reset(struct msix *msix)
{
    /* The route stays: the table is what decides, and the same message may come again. */
    for (unsigned int i = 0; i < msix->count; i++) {
        msix->vectors[i].msi = (struct msi){ 0 };
        msix->vectors[i].masked = true;
    }
    msix_drop_pending(msix);
    msix->enabled = false;
    msix->active = false;
}

void msix_drop_pending(struct msix *msix)
{
    for (unsigned int i = 0; i < msix->count; i++)
        msix->vectors[i].pending = false;
}

/* Brings the route up to the table, unless the vector is masked. Returns whether it can be sent. */
static bool route(struct msix *msix, unsigned int vector)
{
    struct msix_vector *v = &msix->vectors[vector];

    if (!msix->enabled || v->masked)
        return false;
    if (v->has_route && v->routed.address == v->msi.address && v->routed.data == v->msi.data)
        return true;
    v->has_route = msix->ops->route(msix->opaque, vector, &v->msi) >= 0;
    v->routed = v->msi;
    return v->has_route;
}

/* What follows from a change of the table or of the capability. */
static void update(struct msix *msix, unsigned int vector)
{
    struct msix_vector *v = &msix->vectors[vector];

    if (!route(msix, vector) || !v->pending)
        return;
    v->pending = false;
    msix->ops->raise(msix->opaque, vector);
}

void msix_enable(struct msix *msix, bool active, bool may_send)
{
    bool enabled = active && may_send;

    msix->active = active;
    if (enabled == msix->enabled)
        return;
    msix->enabled = enabled;
    for (unsigned int i = 0; i < msix->count; i++)
        update(msix, i);
}

void msix_notify(struct msix *msix, unsigned int vector)
{
    if (!msix->active || vector >= msix->count)
        return;
    msix->vectors[vector].pending = true;
    update(msix, vector);
}

static uint32_t entry_read(const struct msix_vector *v, unsigned int field)
{
    switch (field) {
    case ENTRY_ADDRESS_LOW:
        return (uint32_t)v->msi.address;
    case ENTRY_ADDRESS_HIGH:
        return (uint32_t)(v->msi.address >> 32);
    case ENTRY_DATA:
        return v->msi.data;
    default:
        return v->masked ? CONTROL_MASK : 0;
    }
}

static void entry_write(struct msix_vector *v, unsigned int field, uint32_t value)
{
    switch (field) {
    case ENTRY_ADDRESS_LOW: /* bits 1..0 are always 0 */
        v->msi.address = (v->msi.address & ~0xffffffffULL) | (value & ~3U);
        break;
    case ENTRY_ADDRESS_HIGH:
        v->msi.address = (v->msi.address & 0xffffffffULL) | (uint64_t)value << 32;
        break;
    case ENTRY_DATA:
        v->msi.data = value;
        break;
    default:
        v->masked = value & CONTROL_MASK;
        break;
    }
}

/* A dword of the table, of the pending bits, or of what is between: 0. */
static uint32_t read_dword(const struct msix *msix, uint64_t offset)
{
    uint32_t value = 0;

    if (offset < MSIX_TABLE + (uint64_t)msix->count * MSIX_ENTRY_SIZE)
        return entry_read(&msix->vectors[offset / MSIX_ENTRY_SIZE], offset % MSIX_ENTRY_SIZE);
    if (offset < MSIX_PENDING)
        return 0;
    for (unsigned int bit = 0; bit < 32; bit++) {
        uint64_t vector = (offset - MSIX_PENDING) * 8 + bit;

        if (vector < msix->count && msix->vectors[vector].pending)
            value |= 1U << bit;
    }
    return value;
}

/* Dwords and qwords, aligned: 6.8.2 leaves the rest undefined. */
static bool is_proper(uint64_t offset, unsigned int size)
{
    return (size == 4 || size == 8) && offset % size == 0;
}

static uint64_t bus_ops_read(void *device, uint64_t offset, unsigned int size)
{
    const struct msix *msix = device;
    uint64_t value;

    if (!is_proper(offset, size))
        return UINT64_MAX;
    value = read_dword(msix, offset);
    if (size == 8)
        value |= (uint64_t)read_dword(msix, offset + 4) << 32;
    return value;
}

static void bus_ops_write(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    struct msix *msix = device;
    uint64_t vector = (offset - MSIX_TABLE) / MSIX_ENTRY_SIZE;

    if (!is_proper(offset, size) || vector >= msix->count)
        return;
    for (unsigned int done = 0; done < size; done += 4)
        entry_write(&msix->vectors[vector], (offset + done) % MSIX_ENTRY_SIZE,
                    (uint32_t)(value >> (8 * done)));
    update(msix, (unsigned int)vector);
}

const struct bus_ops msix_bus_ops = { .read = bus_ops_read, .write = bus_ops_write };
