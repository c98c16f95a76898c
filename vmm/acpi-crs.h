/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The resources of a device (_CRS; ACPI 6.5 section 6.4): a buffer of descriptors. */
#ifndef VMM_ACPI_CRS_H
#define VMM_ACPI_CRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml;

/** Descriptors in the making; begin with { 0 }. The largest device here needs 44 bytes. */
struct acpi_crs {
    uint8_t data[128];
    size_t size;
};

/** @size I/O ports from @base, decoded with 16 bits. */
void acpi_crs_io(struct acpi_crs *crs, uint16_t base, uint8_t size);
/** Fixed memory, read and written by the device's driver. */
void acpi_crs_memory(struct acpi_crs *crs, uint32_t base, uint32_t size);
/** One GSI, active high, not shared; level- or edge-triggered. */
void acpi_crs_interrupt(struct acpi_crs *crs, uint32_t gsi, bool level);
/** Bus numbers that a host bridge passes on. */
void acpi_crs_bus_window(struct acpi_crs *crs, uint16_t first, uint16_t last);
/** Uncached memory that a host bridge passes on. */
void acpi_crs_memory_window(struct acpi_crs *crs, uint32_t base, uint32_t size);
/** Name (_CRS, …) of the descriptors and their end tag. */
void acpi_crs_name(struct acpi_crs *crs, struct aml *aml);

#endif
