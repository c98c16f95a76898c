/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI by ECAM: bus 0 with a host bridge and one function per device number. Each configuration
 * field has a mask of what the guest may write. A BAR answers on the MMIO bus while memory decoding
 * is on and it is inside the window. Interrupts are MSI-X only (pin 0). With the VM's lock held.
 *
 * Sources: PCI Local Bus 3.0; PCI Express Base 5.0, 7.2.2 (ECAM).
 */
#ifndef VMM_PCI_H
#define VMM_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus.h"
#include "msix.h"

#define PCI_DEVICES     32
#define PCI_CONFIG_SIZE 256
#define PCI_BARS        6

struct pci_bus;
struct pci_function;

/** A 32-bit memory BAR. */
struct pci_bar {
    uint32_t size; /**< bytes, a power of two of 4 KiB at least; 0: not there */
    const struct bus_ops *ops;
    void *device;
    uint32_t mapped; /**< where it answers now; 0: nowhere */
};

/** What a device hears of its function; each may be NULL. */
struct pci_function_ops {
    /** A BAR answers at @address from now on (0: nowhere). */
    void (*bar_moved)(struct pci_function *function, unsigned int bar, uint32_t address);
    /** Before a read of @size bytes of the configuration space at @offset. */
    void (*before_read)(struct pci_function *function, unsigned int offset, unsigned int size);
    /** After a write. */
    void (*after_write)(struct pci_function *function, unsigned int offset, unsigned int size);
    /** The machine was reset; the function's own state has been. */
    void (*reset)(struct pci_function *function);
};

/** What a function is; fixed while it is there. */
struct pci_identity {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /**< base class, subclass, programming interface */
    uint8_t revision;
};

struct pci_function {
    struct pci_bus *bus;
    const struct pci_function_ops *ops;
    void *device; /**< the owner's, for its ops */
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t writable[PCI_CONFIG_SIZE]; /**< the bits that the guest may change */
    uint8_t initial[PCI_CONFIG_SIZE];  /**< what a reset restores */
    unsigned int config_end;           /**< where the next capability goes */
    unsigned int last_capability;
    struct pci_bar bars[PCI_BARS];
    struct msix msix;
    unsigned int msix_capability; /**< its offset; 0: none */
};

struct pci_bus {
    struct bus *mmio;
    struct pci_function *functions[PCI_DEVICES]; /**< function 0 of each device */
    struct pci_function bridge;
    uint64_t next_bar; /**< the window is given out from here */
};

/** Makes an empty bus 0 with its host bridge, and answers at LAYOUT_ECAM on @mmio. Returns 0 or
 * what bus_add() does. */
int pci_bus_init(struct pci_bus *bus, struct bus *mmio);
/** Brings every function and its device into the state after power-on: BARs where they were given,
 * decoding off. */
void pci_bus_reset(struct pci_bus *bus);

/** Begins @function; BARs and capabilities follow, then pci_add(). */
void pci_function_init(struct pci_function *function, const struct pci_identity *identity,
                       const struct pci_function_ops *ops, void *device);
/** Gives BAR @index @size bytes (a power of two, 4 KiB at least) that @ops answer. */
void pci_set_bar(struct pci_function *function, unsigned int index, uint32_t size,
                 const struct bus_ops *ops, void *device);
/**
 * Appends a capability with ID @id and @size bytes after its two-byte header. Returns its offset in
 * config[], or -ENOSPC.
 */
int pci_add_capability(struct pci_function *function, uint8_t id, const void *body, size_t size);
/** Gives the function an MSI-X table of @vectors in BAR @bar, of its own. Returns 0, -EINVAL,
 * -ENOMEM or -ENOSPC. */
int pci_add_msix(struct pci_function *function, unsigned int bar, unsigned int vectors,
                 const struct msix_ops *ops, void *opaque);
/** Puts the function at the lowest free device number, its BARs into the window. Returns the
 * device number, or -ENOSPC. */
int pci_add(struct pci_bus *bus, struct pci_function *function);
/** Takes the function away, and frees what it has. */
void pci_remove(struct pci_function *function);

/** Whether the guest lets the function reach memory (bus mastering). */
bool pci_is_master(const struct pci_function *function);

#endif
