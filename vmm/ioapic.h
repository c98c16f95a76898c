/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The I/O APIC (Intel 82093AA, with the EOI register of later ones) in user space: the one in KVM
 * can not carry 15-bit destination IDs. With the VM's lock held.
 */
#ifndef VMM_IOAPIC_H
#define VMM_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

struct cpuctl_error;
struct ioapic;
struct irq;
struct vm;

/** Makes it and adds its registers to the VM's memory bus. */
int ioapic_new(struct vm *vm, struct ioapic **ret_ioapic, struct cpuctl_error *error);
void ioapic_free(struct ioapic *ioapic);
/** The state after power-on: every entry masked. The pins' levels stay: they are the devices'. */
void ioapic_reset(struct ioapic *ioapic);

/** Sets the level of a pin. */
void ioapic_set_level(struct ioapic *ioapic, unsigned int pin, bool level);
/** A local APIC has ended @vector, which was level-triggered (KVM_EXIT_IOAPIC_EOI). */
void ioapic_eoi(struct ioapic *ioapic, uint8_t vector);

#endif
