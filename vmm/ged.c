/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The generic event device. */
#include "ged.h"

#include "layout.h"

void ged_raise(struct ged *ged, uint32_t events)
{
    ged->status |= events;
    if (ged->status)
        ged->set_line(ged->opaque, true);
}

void ged_reset(struct ged *ged)
{
    ged->status = 0;
    ged->set_line(ged->opaque, false);
}

static uint64_t ged_read(void *device, uint64_t offset, unsigned int size)
{
    struct ged *ged = device;
    uint32_t status = ged->status;

    if (offset != 0 || size != LAYOUT_GED_SIZE)
        return UINT64_MAX;
    ged_reset(ged);
    return status;
}

static void ged_write(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    /* The status is only read. */
    (void)device;
    (void)offset;
    (void)size;
    (void)value;
}

const struct bus_ops ged_bus_ops = { .read = ged_read, .write = ged_write };
