/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GSIs and who they reach. The local APICs are KVM's, the I/O APIC is ours (KVM_CAP_SPLIT_IRQCHIP):
 * every interrupt is a message, and every message is converted (msi.h) before KVM sees it. With the
 * VM's lock held.
 */
#ifndef VMM_IRQ_H
#define VMM_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "msi.h"

struct cpuctl_error;
struct irq;
struct vm;

/** Switches the VM to the split irqchip and 32-bit APIC IDs; before the first vCPU.
 * @ext_dest_id: convert extended destination IDs. Returns 0 or a negative errno with a sentence. */
int irq_new(struct vm *vm, bool ext_dest_id, struct irq **ret_irq, struct cpuctl_error *error);
void irq_free(struct irq *irq);

/** Sets the level of I/O APIC pin @gsi (LAYOUT_GSI_…). */
void irq_set_level(struct vm *vm, unsigned int gsi, bool level);

/** Sends a message now. */
void irq_send(struct irq *irq, const struct msi *msi);

/** Takes a free GSI for a message's route. Returns it, or -ENOSPC. */
int irq_alloc(struct irq *irq);
void irq_release(struct irq *irq, unsigned int gsi);
/** Sets the route of @gsi; NULL takes it away. */
void irq_route(struct irq *irq, unsigned int gsi, const struct msi *msi);
/** Ties @eventfd to @gsi, or unties it. Returns 0 or a negative errno. */
int irq_attach(struct irq *irq, unsigned int gsi, int eventfd, bool attach);

#endif
