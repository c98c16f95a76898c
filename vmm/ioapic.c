/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The I/O APIC in user space. Section numbers are those of the 82093AA's data sheet. */
#include "ioapic.h"

#include <errno.h>
#include <stdlib.h>

#include "cpuctl.h"
#include "irq.h"
#include "layout.h"
#include "vm.h"

/* Memory-mapped registers (3.1); the last one came with version 0x20. */
#define IOREGSEL 0x00
#define IOWIN    0x10
#define EOIR     0x40

/* Registers behind the window (3.2). */
#define REG_ID      0x00
#define REG_VERSION 0x01
#define REG_ARB     0x02
#define REG_RTE     0x10
#define VERSION     0x20U
#define ID_MASK     0x0f000000U

/* A redirection entry (3.2.4). */
#define RTE_VECTOR     0xffULL
#define RTE_PENDING    (1ULL << 12)
#define RTE_REMOTE_IRR (1ULL << 14)
#define RTE_LEVEL      (1ULL << 15)
#define RTE_MASKED     (1ULL << 16)
#define RTE_READ_ONLY  (RTE_PENDING | RTE_REMOTE_IRR)
/* What can be written: the low 17 bits, and the destination with its extension. */
#define RTE_WRITABLE (0xffff00000001ffffULL & ~RTE_READ_ONLY)
/* Vectors below this are reserved to exceptions; an entry with one reaches nobody. */
#define VECTOR_MIN 16

struct ioapic {
    struct irq *irq;
    uint32_t id;
    uint8_t select;
    uint64_t entries[LAYOUT_IOAPIC_PINS];
    bool level[LAYOUT_IOAPIC_PINS];
};

static void send(struct ioapic *ioapic, unsigned int pin)
{
    struct msi msi = msi_from_rte(ioapic->entries[pin]);

    irq_send(ioapic->irq, &msi);
}

/* Sends what a level-triggered pin that is asserted has to send. */
static void service(struct ioapic *ioapic, unsigned int pin)
{
    uint64_t entry = ioapic->entries[pin];

    if ((entry & (RTE_LEVEL | RTE_MASKED | RTE_REMOTE_IRR)) != RTE_LEVEL || !ioapic->level[pin] ||
        (entry & RTE_VECTOR) < VECTOR_MIN)
        return;
    ioapic->entries[pin] |= RTE_REMOTE_IRR;
    send(ioapic, pin);
}

void ioapic_set_level(struct ioapic *ioapic, unsigned int pin, bool level)
{
    bool rises = level && !ioapic->level[pin];
    uint64_t entry = ioapic->entries[pin];

    ioapic->level[pin] = level;
    if ((entry & RTE_LEVEL) != 0)
        service(ioapic, pin);
    else if (rises && (entry & RTE_MASKED) == 0 && (entry & RTE_VECTOR) >= VECTOR_MIN)
        send(ioapic, pin);
}

/*
 * KVM never sends through these routes; it takes from them which vectors are level-triggered, so
 * that it reports their EOI. A masked entry keeps its route: its last interrupt may yet be under
 * way. So does one that is changed before its interrupt's EOI: KVM (seen with Linux 6.1) does not
 * report the EOI of a CPU that no route leads to any more.
 */
static void route(struct ioapic *ioapic, unsigned int pin)
{
    struct msi msi = msi_from_rte(ioapic->entries[pin]);

    if ((ioapic->entries[pin] & RTE_REMOTE_IRR) != 0)
        return;
    irq_route(ioapic->irq, pin, (ioapic->entries[pin] & RTE_VECTOR) >= VECTOR_MIN ? &msi : NULL);
}

void ioapic_eoi(struct ioapic *ioapic, uint8_t vector)
{
    for (unsigned int pin = 0; pin < LAYOUT_IOAPIC_PINS; pin++) {
        uint64_t entry = ioapic->entries[pin];

        if ((entry & RTE_VECTOR) != vector || (entry & RTE_REMOTE_IRR) == 0)
            continue;
        ioapic->entries[pin] &= ~RTE_REMOTE_IRR;
        route(ioapic, pin);
        service(ioapic, pin);
    }
}

static void write_entry(struct ioapic *ioapic, unsigned int pin, bool high, uint32_t value)
{
    uint64_t old = ioapic->entries[pin], entry;

    entry = high ? (old & 0xffffffffULL) | (uint64_t)value << 32 : (old & ~0xffffffffULL) | value;
    entry = (entry & RTE_WRITABLE) | (old & RTE_READ_ONLY);
    /* Linux ends an interrupt on chips without an EOI register by making the pin edge-triggered
     * for a moment (__eoi_ioapic_pin() in arch/x86/kernel/apic/io_apic.c). */
    if ((entry & RTE_LEVEL) == 0)
        entry &= ~RTE_REMOTE_IRR;
    ioapic->entries[pin] = entry;
    route(ioapic, pin);
    service(ioapic, pin);
}

static uint32_t read_register(const struct ioapic *ioapic)
{
    unsigned int pin = (ioapic->select - REG_RTE) / 2U;

    if (ioapic->select == REG_ID || ioapic->select == REG_ARB)
        return ioapic->id;
    if (ioapic->select == REG_VERSION)
        return VERSION | (LAYOUT_IOAPIC_PINS - 1) << 16;
    if (ioapic->select >= REG_RTE && pin < LAYOUT_IOAPIC_PINS)
        return (uint32_t)(ioapic->entries[pin] >> (ioapic->select % 2 ? 32 : 0));
    return 0;
}

static void write_register(struct ioapic *ioapic, uint32_t value)
{
    unsigned int pin = (ioapic->select - REG_RTE) / 2U;

    if (ioapic->select == REG_ID)
        ioapic->id = value & ID_MASK;
    else if (ioapic->select >= REG_RTE && pin < LAYOUT_IOAPIC_PINS)
        write_entry(ioapic, pin, ioapic->select % 2 != 0, value);
}

/* Registers are accessed as aligned dwords (3.0); anything else reads as all ones. */
static uint64_t mmio_read(void *device, uint64_t offset, unsigned int size)
{
    const struct ioapic *ioapic = device;

    if (size != 4)
        return UINT64_MAX;
    if (offset == IOREGSEL)
        return ioapic->select;
    if (offset == IOWIN)
        return read_register(ioapic);
    return offset == EOIR ? 0 : UINT64_MAX;
}

static void mmio_write(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    struct ioapic *ioapic = device;

    if (size != 4)
        return;
    if (offset == IOREGSEL)
        ioapic->select = (uint8_t)value;
    else if (offset == IOWIN)
        write_register(ioapic, (uint32_t)value);
    else if (offset == EOIR)
        ioapic_eoi(ioapic, (uint8_t)value);
}

static const struct bus_ops ops = { .read = mmio_read, .write = mmio_write };

int ioapic_new(struct vm *vm, struct ioapic **ret_ioapic, struct cpuctl_error *error)
{
    struct ioapic *ioapic = calloc(1, sizeof(*ioapic));
    int r;

    if (!ioapic)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    ioapic->irq = vm->irq;
    ioapic_reset(ioapic);
    r = bus_add(&vm->mmio, LAYOUT_IOAPIC, LAYOUT_IOAPIC_SIZE, &ops, ioapic);
    if (r < 0) {
        free(ioapic);
        return cpuctl_error_set(error, r, "the I/O APIC finds no place on the bus");
    }
    *ret_ioapic = ioapic;
    return 0;
}

void ioapic_free(struct ioapic *ioapic)
{
    free(ioapic);
}

void ioapic_reset(struct ioapic *ioapic)
{
    ioapic->id = 0;
    ioapic->select = 0;
    for (unsigned int pin = 0; pin < LAYOUT_IOAPIC_PINS; pin++) {
        ioapic->entries[pin] = RTE_MASKED;
        route(ioapic, pin);
    }
}
