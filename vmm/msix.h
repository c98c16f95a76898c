/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function's MSI-X table and pending bits (PCI Local Bus 3.0, 6.8.2). What a message is for and
 * how it travels is the owner's affair: it gives two callbacks. A vector that may not be sent is
 * kept pending, and sent when it may. With the VM's lock held.
 */
#ifndef VMM_MSIX_H
#define VMM_MSIX_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "msi.h"

#define MSIX_VECTORS_MAX 128
/** In the table's BAR: the table, and the pending bits behind the longest table. */
#define MSIX_BAR_SIZE   4096U
#define MSIX_TABLE      0U
#define MSIX_PENDING    2048U
#define MSIX_ENTRY_SIZE 16U

/** Where a function's vectors go. */
struct msix_ops {
    /**
     * The message of @vector is @msi from now on, as the guest wrote it (not converted). Returns 0,
     * or a negative errno: the vector can't be sent.
     */
    int (*route)(void *opaque, unsigned int vector, const struct msi *msi);
    /** Sends @vector by its route. */
    void (*raise)(void *opaque, unsigned int vector);
};

struct msix_vector {
    struct msi msi; /**< as in the table */
    struct msi routed;
    bool masked, pending, has_route;
};

struct msix {
    struct msix_vector *vectors;
    unsigned int count;
    bool enabled; /**< may send: enabled, not masked as a whole, and a bus master */
    bool active;  /**< the capability's enable bit: INTx is not used */
    const struct msix_ops *ops;
    void *opaque;
};

extern const struct bus_ops msix_bus_ops;

/** Makes a table of @count masked vectors. Returns 0, -EINVAL or -ENOMEM. */
int msix_init(struct msix *msix, unsigned int count, const struct msix_ops *ops, void *opaque);
void msix_free(struct msix *msix);
/** All vectors masked and without a message, nothing pending, not enabled. */
void msix_reset(struct msix *msix);
/** Drops what is pending: its cause is gone. */
void msix_drop_pending(struct msix *msix);
/** Follows the capability's enable bit, and whether messages may be sent. */
void msix_enable(struct msix *msix, bool active, bool may_send);
/** Sends @vector, now or when it may be; nothing for a vector that is not there, or not @active. */
void msix_notify(struct msix *msix, unsigned int vector);

#endif
