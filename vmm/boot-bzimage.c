/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bzImage by the 64-bit boot protocol (Documentation/arch/x86/boot.rst in Linux). */
#include <asm/bootparam.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "boot.h"
#include "cpuctl.h"
#include "layout.h"
#include "memory.h"

#define HEADER_OFFSET   0x1f1U
#define HEADER_MAGIC    0x53726448U /* "HdrS" */
#define VERSION_MIN     0x020cU     /* xloadflags, and a 64-bit entry point */
#define SECTOR          512U
#define SETUP_SECTS_OLD 4U /* what 0 stands for */
#define ENTRY_64        0x200U
#define LOADER_OTHER    0xffU

static int refuse(struct cpuctl_error *error, const char *why)
{
    return cpuctl_error_set(error, -ENOEXEC, "--kernel: %s", why);
}

static int read_header(const struct boot_image *image, struct setup_header *ret_header,
                       size_t *ret_setup, struct cpuctl_error *error)
{
    struct setup_header header;

    if (image->size < HEADER_OFFSET + sizeof(header))
        return refuse(error, "the file is too short for a Linux kernel");
    memcpy(&header, image->data + HEADER_OFFSET, sizeof(header));
    if (header.header != HEADER_MAGIC)
        return refuse(error, "the file is neither a bzImage nor an ELF image");
    if (header.version < VERSION_MIN || (header.xloadflags & XLF_KERNEL_64) == 0)
        return refuse(error, "the kernel has no 64-bit entry point (boot protocol 2.12)");
    if ((header.loadflags & LOADED_HIGH) == 0)
        return refuse(error, "the kernel wants to be loaded below 1 MiB");
    *ret_setup = ((header.setup_sects > 0 ? header.setup_sects : SETUP_SECTS_OLD) + 1U) * SECTOR;
    if (*ret_setup >= image->size)
        return refuse(error, "the file ends within the setup code");
    *ret_header = header;
    return 0;
}

/* Where the kernel goes: where it prefers to be. Returns 0 or -ENOMEM. */
static int check_place(const struct boot_info *info, const struct setup_header *header, size_t size,
                       struct cpuctl_error *error)
{
    uint64_t need = header->init_size > size ? header->init_size : size;

    if (header->pref_address < LAYOUT_HIGH_BASE)
        return refuse(error, "the kernel wants to be loaded below 1 MiB");
    if (header->pref_address >= info->top || need > info->top - header->pref_address)
        return cpuctl_error_set(error, -ENOMEM,
                                "--kernel: it needs %llu bytes from address 0x%llx on; RAM below "
                                "4 GiB ends at 0x%llx",
                                (unsigned long long)need, (unsigned long long)header->pref_address,
                                (unsigned long long)info->top);
    return 0;
}

static void fill_map(const struct boot_info *info, struct boot_params *params)
{
    struct boot_range ranges[BOOT_RANGES_MAX];
    unsigned int count = boot_map(info, ranges);

    for (unsigned int i = 0; i < count; i++)
        params->e820_table[i] = (struct boot_e820_entry){ .addr = ranges[i].base,
                                                          .size = ranges[i].size,
                                                          .type = ranges[i].type };
    params->e820_entries = (__u8)count;
}

int boot_bzimage_load(const struct boot_image *image, const struct boot_info *info,
                      struct boot_entry *ret_entry, struct cpuctl_error *error)
{
    struct boot_params params = { 0 };
    struct setup_header *header = &params.hdr;
    uint64_t initrd, kernel_end;
    size_t setup = 0, size;
    int r = read_header(image, header, &setup, error);

    if (r < 0)
        return r;
    size = image->size - setup;
    r = check_place(info, header, size, error);
    if (r < 0)
        return r;
    kernel_end = header->pref_address + (header->init_size > size ? header->init_size : size);
    r = boot_place_initrd(info, kernel_end, (uint64_t)header->initrd_addr_max + 1, &initrd, error);
    if (r < 0)
        return r;
    r = boot_write_cmdline(info, header->cmdline_size, error);
    if (r < 0)
        return r;

    header->type_of_loader = LOADER_OTHER;
    header->ramdisk_image = (__u32)initrd;
    header->ramdisk_size = (__u32)info->initrd_size;
    header->cmd_line_ptr = (__u32)LAYOUT_CMDLINE;
    header->setup_data = 0;
    header->code32_start = (__u32)header->pref_address;
    params.acpi_rsdp_addr = info->rsdp;
    fill_map(info, &params);
    if (memory_write(info->memory, header->pref_address, image->data + setup, size) < 0 ||
        memory_write(info->memory, LAYOUT_ZERO_PAGE, &params, sizeof(params)) < 0)
        return cpuctl_error_set(error, -ENOMEM, "--kernel: it does not fit into the RAM");
    *ret_entry =
        (struct boot_entry){ .rip = header->pref_address + ENTRY_64, .rsi = LAYOUT_ZERO_PAGE };
    return 0;
}
