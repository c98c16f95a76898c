/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel images, bzImage and ELF, with hostile headers. The first byte of the input chooses the
 * size of the initrd, of the command line and of the RAM; the rest is the image. Properties: a
 * refusal has a sentence; nothing is written where the ACPI tables are or below the boot
 * structures; what was loaded is where the headers for the kernel say.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "libcpuctl/cpuctl.h"
#include "vmm/boot.h"
#include "vmm/layout.h"
#include "vmm/memory.h"

#define TABLES  (64 * KIB)
#define CANARY  0xa5
#define PATTERN 0x5a

static const char *const appends[] = { "", "console=ttyS0", "a b c d e f g h i j k l m n o p" };
static const size_t initrds[] = { 0, 1, 4097, 15 * MIB };

static void paint(const struct memory *memory, uint64_t top)
{
    char *low = memory_at(memory, 0, LAYOUT_GDT);
    char *high = memory_at(memory, top, TABLES);

    hold(low && high);
    memset(low, CANARY, LAYOUT_GDT);
    memset(high, CANARY, TABLES);
}

static void check_paint(const struct memory *memory, uint64_t base, uint64_t size)
{
    const unsigned char *at = memory_at(memory, base, size);

    for (uint64_t i = 0; i < size; i++)
        hold(at[i] == CANARY);
}

static void check_initrd(const struct boot_info *info, uint64_t address)
{
    const void *at = memory_at(info->memory, address, info->initrd_size);

    hold(address >= LAYOUT_HIGH_BASE && address + info->initrd_size <= info->top);
    hold(at && memcmp(at, info->initrd, info->initrd_size) == 0);
}

static void check_bzimage(const struct boot_info *info, const struct boot_entry *entry)
{
    const struct boot_params *params =
        memory_at(info->memory, LAYOUT_ZERO_PAGE, sizeof(struct boot_params));
    uint64_t base = params->hdr.pref_address;

    hold(!entry->protected_32 && entry->rsi == LAYOUT_ZERO_PAGE);
    hold(base >= LAYOUT_HIGH_BASE && base < info->top && entry->rip == base + 0x200);
    hold(params->hdr.init_size <= info->top - base && params->hdr.setup_data == 0);
    hold(params->hdr.ramdisk_size == info->initrd_size);
    hold(strlen(info->append) <= params->hdr.cmdline_size);
    hold(params->e820_entries > 0 && params->e820_entries <= BOOT_RANGES_MAX);
    if (info->initrd_size > 0) {
        check_initrd(info, params->hdr.ramdisk_image);
        hold(params->hdr.ramdisk_image >= base + params->hdr.init_size);
    }
}

static void check_loaded(const struct boot_info *info, const struct boot_entry *entry)
{
    size_t size = strlen(info->append) + 1;

    hold(memcmp(memory_at(info->memory, LAYOUT_CMDLINE, size), info->append, size) == 0);
    if (entry->rsi != 0)
        check_bzimage(info, entry);
    else
        hold(entry->protected_32 && entry->rbx == LAYOUT_START_INFO && entry->rip <= UINT32_MAX);
}

static void load(const struct boot_image *image, const struct boot_info *info)
{
    bool elf = image->size > SELFMAG && memcmp(image->data, ELFMAG, SELFMAG) == 0;
    struct boot_entry entry = { 0 };
    struct cpuctl_error error = { 0 };
    int r = elf ? boot_elf_load(image, info, &entry, &error)
                : boot_bzimage_load(image, info, &entry, &error);

    if (r < 0)
        hold((r == -ENOEXEC || r == -ENOMEM || r == -E2BIG) && error.text[0] && entry.rip == 0);
    else
        check_loaded(info, &entry);
    check_paint(info->memory, 0, LAYOUT_GDT);
    check_paint(info->memory, info->top, TABLES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t initrd[15 * MIB];
    struct memory_config config = { .size = 32 * MIB };
    struct memory memory;
    struct boot_info info = { .memory = &memory, .initrd = initrd, .rsdp = 1 };
    struct boot_image image;

    if (size == 0)
        return 0;
    if (initrd[0] == 0)
        memset(initrd, PATTERN, sizeof(initrd));
    if (data[0] & 0x80)
        config.size = 16 * MIB;
    info.top = config.size - TABLES;
    info.initrd_size = initrds[data[0] % 4];
    info.append = appends[(data[0] >> 2) % 3];
    image = (struct boot_image){ .data = data + 1, .size = size - 1 };
    hold(memory_new(&config, &memory, NULL) == 0);
    paint(&memory, info.top);
    load(&image, &info);
    memory_free(&memory);
    return 0;
}
