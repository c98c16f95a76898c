/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The I/O APIC between a hostile guest and devices that raise and lower their lines. Each step is
 * six bytes: what to do, where, and a value. Properties: one access or line sends one message at
 * most, an end of interrupt one per pin; an asserted level is either sent, masked or without a
 * vector; remote IRR is only there for levels; KVM's routes are those of the entries, or, until the
 * end of an interrupt, some level's.
 */
#include <string.h>

#include "fuzz.h"
#include "vmm/ioapic.h"
#include "vmm/irq.h"
#include "vmm/layout.h"
#include "vmm/vm.h"

#define STEP       6U
#define SELECT     0x00U
#define WINDOW     0x10U
#define EOI        0x40U
#define MASKED     (1ULL << 16)
#define LEVEL      (1ULL << 15)
#define REMOTE_IRR (1ULL << 14)
#define RESERVED   0x0000fffffffe1000ULL
#define VECTOR_MIN 16U
#define MSI_LEVEL  (1U << 15)

static unsigned int sends;
static bool routed[LAYOUT_IOAPIC_PINS];
static struct msi routes[LAYOUT_IOAPIC_PINS];

/* In the place of irq.c's. */
void irq_send(struct irq *irq, const struct msi *msi)
{
    (void)irq;
    hold((msi->data & 0xff) >= VECTOR_MIN);
    sends++;
}

void irq_route(struct irq *irq, unsigned int gsi, const struct msi *msi)
{
    (void)irq;
    hold(gsi < LAYOUT_IOAPIC_PINS);
    routed[gsi] = msi != NULL;
    if (msi)
        routes[gsi] = *msi;
}

static uint32_t get(const struct vm *vm, unsigned int number)
{
    bus_write(&vm->mmio, LAYOUT_IOAPIC + SELECT, 4, number);
    return (uint32_t)bus_read(&vm->mmio, LAYOUT_IOAPIC + WINDOW, 4);
}

static void check(const struct vm *vm, const bool *level)
{
    uint64_t select = bus_read(&vm->mmio, LAYOUT_IOAPIC + SELECT, 4);

    for (unsigned int pin = 0; pin < LAYOUT_IOAPIC_PINS; pin++) {
        uint64_t entry = get(vm, 0x10 + 2 * pin) | (uint64_t)get(vm, 0x11 + 2 * pin) << 32;
        struct msi msi = msi_from_rte(entry);
        bool vector = (entry & 0xff) >= VECTOR_MIN;

        hold((entry & RESERVED) == 0);
        hold((entry & REMOTE_IRR) == 0 || (entry & LEVEL) != 0);
        hold(!level[pin] || !vector || (entry & (LEVEL | MASKED)) != LEVEL ||
             (entry & REMOTE_IRR) != 0);
        if ((entry & REMOTE_IRR) != 0) {
            hold(routed[pin] && (routes[pin].data & MSI_LEVEL) != 0);
            continue;
        }
        hold(routed[pin] == vector);
        hold(!vector || (routes[pin].address == msi.address && routes[pin].data == msi.data));
    }
    bus_write(&vm->mmio, LAYOUT_IOAPIC + SELECT, 4, select);
}

static void step(struct vm *vm, const uint8_t *data, bool *level)
{
    static const unsigned int registers[] = { SELECT, WINDOW, EOI };
    unsigned int pin = data[1] % LAYOUT_IOAPIC_PINS, at = registers[data[1] % 3], most = 0;
    uint32_t value;

    memcpy(&value, data + 2, sizeof(value));
    sends = 0;
    switch (data[0] % 8) {
    case 0:
        level[pin] = value % 2 != 0;
        ioapic_set_level(vm->ioapic, pin, level[pin]);
        most = 1;
        break;
    case 1:
        ioapic_eoi(vm->ioapic, (uint8_t)value);
        most = LAYOUT_IOAPIC_PINS;
        break;
    case 2:
        ioapic_reset(vm->ioapic);
        break;
    case 3: /* any size, anywhere */
        bus_write(&vm->mmio, LAYOUT_IOAPIC + value % LAYOUT_IOAPIC_SIZE, 1U << (data[0] >> 6),
                  ~0ULL);
        most = LAYOUT_IOAPIC_PINS;
        break;
    case 4:
        (void)bus_read(&vm->mmio, LAYOUT_IOAPIC + value % LAYOUT_IOAPIC_SIZE, 1U << (data[0] >> 6));
        break;
    default:
        bus_write(&vm->mmio, LAYOUT_IOAPIC + at, 4, value);
        most = at == EOI ? LAYOUT_IOAPIC_PINS : 1;
        break;
    }
    hold(sends <= most);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vm vm = { 0 };
    bool level[LAYOUT_IOAPIC_PINS] = { false };

    hold(ioapic_new(&vm, &vm.ioapic, NULL) == 0);
    for (; size >= STEP; data += STEP, size -= STEP) {
        step(&vm, data, level);
        check(&vm, level);
    }
    ioapic_free(vm.ioapic);
    return 0;
}
