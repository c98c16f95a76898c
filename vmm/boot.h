/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel images in RAM, and the state of the boot CPU at their entry. */
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

#include <stddef.h>
#include <stdint.h>

struct cpuctl_error;
struct memory;
struct vm;

/** A kernel's image as it was read from its file, not trusted. */
struct boot_image {
    const uint8_t *data;
    size_t size;
};

/** What the kernel is told. */
struct boot_info {
    const struct memory *memory;
    const char *append;
    const uint8_t *initrd;
    size_t initrd_size;
    uint64_t rsdp; /**< 0: none */
    uint64_t top;  /**< low RAM from here on is reserved for the ACPI tables */
};

/** How the boot CPU is entered. */
struct boot_entry {
    uint64_t rip;
    uint64_t rsi;     /**< 64-bit: the zero page */
    uint64_t rbx;     /**< PVH: struct hvm_start_info */
    int protected_32; /**< PVH: 32 bits without paging */
};

/** One piece of the guest's memory map; types as in the zero page's e820 table. */
struct boot_range {
    uint64_t base, size;
    uint32_t type;
};
#define BOOT_RAM        1U
#define BOOT_RESERVED   2U
#define BOOT_RANGES_MAX 12

/** Fills @ranges by rising base. Returns how many. */
unsigned int boot_map(const struct boot_info *info, struct boot_range ranges[BOOT_RANGES_MAX]);

/** Whether an image is of this kind, and loading it: 0, -ENOEXEC, -EFBIG, -ENOMEM with a sentence.
 */
int boot_bzimage_load(const struct boot_image *image, const struct boot_info *info,
                      struct boot_entry *ret_entry, struct cpuctl_error *error);
int boot_elf_load(const struct boot_image *image, const struct boot_info *info,
                  struct boot_entry *ret_entry, struct cpuctl_error *error);

/**
 * Puts the initrd as high as it may be: ends at or below @end, begins at or above @start. Returns 0
 * with its address, 0 where there is none; or -ENOMEM.
 */
int boot_place_initrd(const struct boot_info *info, uint64_t start, uint64_t end,
                      uint64_t *ret_address, struct cpuctl_error *error);
/** Writes the command line at LAYOUT_CMDLINE. Returns 0 or -E2BIG. */
int boot_write_cmdline(const struct boot_info *info, size_t most, struct cpuctl_error *error);

/** Reads the files that the options name, loads them, and sets the boot CPU up; also at a reset. */
int boot_load(struct vm *vm, struct cpuctl_error *error);

#endif
