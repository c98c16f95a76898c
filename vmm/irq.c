/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GSIs and who they reach. */
#include "irq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"
#include "fail.h"
#include "ioapic.h"
#include "kvm.h"
#include "layout.h"
#include "libcpuctl/cleanup.h"
#include "vm.h"

/* The I/O APIC's pins and MSI-X vectors; KVM has up to 4096 (KVM_MAX_IRQ_ROUTES). */
#define GSI_COUNT 1024

struct irq {
    int vm;
    bool ext_dest_id;
    bool used[GSI_COUNT];
    bool routed[GSI_COUNT];
    struct msi routes[GSI_COUNT];  /* converted */
    struct kvm_irq_routing *table; /* room for GSI_COUNT entries */
};

static int enable(int vm, struct cpuctl_error *error)
{
    int r = kvm_vm_enable(vm, KVM_CAP_SPLIT_IRQCHIP, LAYOUT_IOAPIC_PINS, 0);

    if (r < 0)
        return fail_system(error, r, "KVM has no split irqchip (KVM_CAP_SPLIT_IRQCHIP)");
    /* Without the second flag an MSI to ID 255 is a broadcast. */
    r = kvm_vm_enable(vm, KVM_CAP_X2APIC_API,
                      KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK, 0);
    if (r < 0)
        return fail_system(error, r, "KVM has no 32-bit APIC IDs (KVM_CAP_X2APIC_API)");
    return 0;
}

int irq_new(struct vm *vm, bool ext_dest_id, struct irq **ret_irq, struct cpuctl_error *error)
{
    struct irq *irq;
    int r = enable(vm->fd, error);

    if (r < 0)
        return r;
    irq = calloc(1, sizeof(*irq));
    if (!irq)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    irq->table = calloc(1, sizeof(*irq->table) + GSI_COUNT * sizeof(irq->table->entries[0]));
    if (!irq->table) {
        free(irq);
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    }
    irq->vm = vm->fd;
    irq->ext_dest_id = ext_dest_id;
    for (unsigned int gsi = 0; gsi < LAYOUT_GSI_MSI; gsi++)
        irq->used[gsi] = true;
    *ret_irq = irq;
    return 0;
}

void irq_free(struct irq *irq)
{
    if (!irq)
        return;
    free(irq->table);
    free(irq);
}

/* The one place where a guest's message becomes one of KVM's. */
static struct msi convert(const struct irq *irq, const struct msi *msi)
{
    return (struct msi){
        .address = irq->ext_dest_id ? msi_convert_ext_dest(msi->address) : msi->address,
        .data = msi->data,
    };
}

void irq_set_level(struct vm *vm, unsigned int gsi, bool level)
{
    ioapic_set_level(vm->ioapic, gsi, level);
}

void irq_send(struct irq *irq, const struct msi *msi)
{
    struct msi converted = convert(irq, msi);

    /* A message to nobody is lost, as on hardware. */
    (void)kvm_signal_msi(irq->vm, converted.address, converted.data);
}

int irq_alloc(struct irq *irq)
{
    for (int gsi = LAYOUT_GSI_MSI; gsi < GSI_COUNT; gsi++)
        if (!irq->used[gsi]) {
            irq->used[gsi] = true;
            return gsi;
        }
    return -ENOSPC;
}

void irq_release(struct irq *irq, unsigned int gsi)
{
    irq_route(irq, gsi, NULL);
    irq->used[gsi] = false;
}

/* KVM takes the whole table or nothing. It also derives from it which EOIs it has to report. */
static void tell_kvm(struct irq *irq)
{
    unsigned int count = 0;

    for (unsigned int gsi = 0; gsi < GSI_COUNT; gsi++)
        if (irq->routed[gsi])
            irq->table->entries[count++] = (struct kvm_irq_routing_entry){
                .gsi = gsi,
                .type = KVM_IRQ_ROUTING_MSI,
                .u.msi = { .address_lo = (uint32_t)irq->routes[gsi].address,
                           .address_hi = (uint32_t)(irq->routes[gsi].address >> 32),
                           .data = irq->routes[gsi].data },
            };
    irq->table->nr = count;
    (void)kvm_call(irq->vm, KVM_SET_GSI_ROUTING, irq->table);
}

void irq_route(struct irq *irq, unsigned int gsi, const struct msi *msi)
{
    struct msi converted = msi ? convert(irq, msi) : (struct msi){ 0 };
    /* KVM refuses a whole table for one entry with these bits, which a guest can write. */
    bool routed = msi && ((uint32_t)(converted.address >> 32) & 0xff) == 0;

    if (routed == irq->routed[gsi] && converted.address == irq->routes[gsi].address &&
        converted.data == irq->routes[gsi].data)
        return;
    irq->routed[gsi] = routed;
    irq->routes[gsi] = converted;
    tell_kvm(irq);
}

int irq_attach(struct irq *irq, unsigned int gsi, int eventfd, bool attach)
{
    return kvm_irqfd(irq->vm, gsi, eventfd, attach);
}
