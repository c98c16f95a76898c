/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether all that describes a CPU to the guest says the same: MADT, _MAT and the CPUID leaves 1, 4
 * or 0x8000001D, 0xB, 0x1F, 0x80000008 and 0x8000001E. They are read as a guest does, wherever they
 * come from: a table, or a guest's CPU.
 */
#ifndef TESTS_UNIT_VMM_AGREEMENT_H
#define TESTS_UNIT_VMM_AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/acpi-tables.h"
#include "vmm/smp.h"

/** Executes CPUID: EAX, EBX, ECX, EDX. */
typedef void (*agreement_cpuid_fn)(void *data, uint32_t leaf, uint32_t subleaf,
                                   uint32_t ret_registers[4]);

/** Fails the test unless the leaves of CPU @index describe its place in @smp. */
void agreement_check_leaves(const struct smp *smp, unsigned int index, bool amd,
                            agreement_cpuid_fn cpuid, void *data);
/** Fails the test unless MADT and _MAT of @tables have every CPU of @smp once, in order. */
void agreement_check_tables(const struct smp *smp, const struct acpi_tables *tables);

#endif
