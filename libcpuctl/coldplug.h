/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which CPUs firmware had enabled at boot: the ACPI table MADT, as long as the system runs. */
#ifndef CPUCTL_INTERNAL_COLDPLUG_H
#define CPUCTL_INTERNAL_COLDPLUG_H

#include <stddef.h>
#include <stdint.h>

struct cpuctl_root;

/**
 * How many processors the MADT of an x86 machine has enabled. Returns the number, 0 when it has no
 * entries of that kind, or -EBADMSG (@table, of @size bytes, is no sound MADT).
 */
int madt_count_x86(const uint8_t *table, size_t size);

/**
 * Whether the MADT's entry (GICC, arm64) for the processor of ACPI unique ID @uid is enabled.
 * Returns 1, 0, -ENODATA (there is no such entry) or -EBADMSG.
 */
int madt_gicc_is_enabled(const uint8_t *table, size_t size, uint32_t uid);

/**
 * Whether @cpu, which is present, was enabled at boot. @madt, @size: the table. Returns 1, 0, or a
 * negative errno when that can't be known.
 */
int coldplug_was_enabled(struct cpuctl_root *root, const uint8_t *madt, size_t size,
                         unsigned int cpu);

#endif
