/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The resources of a device. Section numbers are ACPI 6.5's. */
#include "acpi-crs.h"

#include <assert.h>
#include <string.h>

#include "aml.h"

#define PACKED __attribute__((packed))

#define DECODE_16     0x01
#define READ_WRITE    0x01
#define CONSUMER      0x01
#define EDGE          0x02
#define WINDOW_MEMORY 0
#define WINDOW_BUS    2
/* The window's ends are fixed, the bridge decodes it positively and passes it on. */
#define WINDOW_FIXED 0x0c

/* 6.4.2.5 */
struct PACKED io {
    uint8_t tag, info;
    uint16_t min, max;
    uint8_t alignment, size;
};

/* 6.4.3.4 */
struct PACKED memory {
    uint8_t tag;
    uint16_t length;
    uint8_t info;
    uint32_t base, size;
};

/* 6.4.3.6 */
struct PACKED interrupt {
    uint8_t tag;
    uint16_t length;
    uint8_t flags, count;
    uint32_t gsi;
};

/* 6.4.3.5.3 */
struct PACKED word_window {
    uint8_t tag;
    uint16_t length;
    uint8_t type, flags, type_flags;
    uint16_t granularity, min, max, translation, size;
};

/* 6.4.3.5.2 */
struct PACKED dword_window {
    uint8_t tag;
    uint16_t length;
    uint8_t type, flags, type_flags;
    uint32_t granularity, min, max, translation, size;
};

/* What follows the tag and the length themselves. */
#define LENGTH(type) (sizeof(type) - 3)

static void append(struct acpi_crs *crs, const void *descriptor, size_t size)
{
    assert(size <= sizeof(crs->data) - crs->size);
    memcpy(crs->data + crs->size, descriptor, size);
    crs->size += size;
}

void acpi_crs_io(struct acpi_crs *crs, uint16_t base, uint8_t size)
{
    append(crs,
           &(struct io){ .tag = 0x47,
                         .info = DECODE_16,
                         .min = base,
                         .max = base,
                         .alignment = 1,
                         .size = size },
           sizeof(struct io));
}

void acpi_crs_memory(struct acpi_crs *crs, uint32_t base, uint32_t size)
{
    append(crs,
           &(struct memory){ .tag = 0x86,
                             .length = LENGTH(struct memory),
                             .info = READ_WRITE,
                             .base = base,
                             .size = size },
           sizeof(struct memory));
}

void acpi_crs_interrupt(struct acpi_crs *crs, uint32_t gsi, bool level)
{
    append(crs,
           &(struct interrupt){ .tag = 0x89,
                                .length = LENGTH(struct interrupt),
                                .flags = level ? CONSUMER : CONSUMER | EDGE,
                                .count = 1,
                                .gsi = gsi },
           sizeof(struct interrupt));
}

void acpi_crs_bus_window(struct acpi_crs *crs, uint16_t first, uint16_t last)
{
    append(crs,
           &(struct word_window){ .tag = 0x88,
                                  .length = LENGTH(struct word_window),
                                  .type = WINDOW_BUS,
                                  .flags = WINDOW_FIXED,
                                  .min = first,
                                  .max = last,
                                  .size = (uint16_t)(last - first + 1) },
           sizeof(struct word_window));
}

void acpi_crs_memory_window(struct acpi_crs *crs, uint32_t base, uint32_t size)
{
    append(crs,
           &(struct dword_window){ .tag = 0x87,
                                   .length = LENGTH(struct dword_window),
                                   .type = WINDOW_MEMORY,
                                   .flags = WINDOW_FIXED,
                                   .type_flags = READ_WRITE,
                                   .min = base,
                                   .max = base + size - 1,
                                   .size = size },
           sizeof(struct dword_window));
}

void acpi_crs_name(struct acpi_crs *crs, struct aml *aml)
{
    /* 6.4.2.9: the end tag; a checksum of 0 means "not checked". */
    append(crs, "\x79\x00", 2);
    aml_name(aml, "_CRS");
    aml_buffer(aml, crs->data, crs->size);
}
