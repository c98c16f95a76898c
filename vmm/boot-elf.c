/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ELF vmlinux by the PVH entry point (xen/include/public/arch-x86/hvm/start_info.h): 32-bit
 * protected mode without paging, RBX points to the start info.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "boot.h"
#include "cpuctl.h"
#include "layout.h"
#include "memory.h"

#define NOTE_PHYS32_ENTRY 18U
#define SEGMENTS_MAX      64U
#define START_MAGIC       0x336ec578U
#define START_VERSION     1U

struct start_info {
    uint32_t magic, version, flags, modules;
    uint64_t module_list, cmdline, rsdp, map;
    uint32_t map_entries, reserved;
};

struct module {
    uint64_t address, size, cmdline, reserved;
};

struct map_entry {
    uint64_t address, size;
    uint32_t type, reserved;
};

/* All three, one after the other, at LAYOUT_START_INFO. */
struct start_page {
    struct start_info info;
    struct module initrd;
    struct map_entry map[BOOT_RANGES_MAX];
};

static int refuse(struct cpuctl_error *error, const char *why)
{
    return cpuctl_error_set(error, -ENOEXEC, "--kernel: %s", why);
}

static bool within(const struct boot_image *image, uint64_t offset, uint64_t size)
{
    return offset <= image->size && size <= image->size - offset;
}

static uint64_t align4(uint64_t size)
{
    return (size + 3) & ~3ULL;
}

/* Looks for the entry point in a segment of notes. Returns it, 0 if it is not there. */
static uint32_t find_entry(const struct boot_image *image, const Elf64_Phdr *segment)
{
    uint64_t at = segment->p_offset, end = at + segment->p_filesz;

    while (at + sizeof(Elf64_Nhdr) <= end) {
        Elf64_Nhdr note;
        uint64_t name = at + sizeof(note), content;
        uint32_t entry;

        memcpy(&note, image->data + at, sizeof(note));
        content = name + align4(note.n_namesz);
        if (content > end || note.n_descsz > end - content)
            return 0;
        if (note.n_type == NOTE_PHYS32_ENTRY && note.n_namesz == 4 && note.n_descsz >= 4 &&
            memcmp(image->data + name, "Xen", 4) == 0) {
            memcpy(&entry, image->data + content, sizeof(entry));
            return entry;
        }
        at = content + align4(note.n_descsz);
    }
    return 0;
}

/* Copies one segment to where it belongs; its end is beyond *@end at most. */
static int load_segment(const struct boot_image *image, const struct boot_info *info,
                        const Elf64_Phdr *segment, uint64_t *end, struct cpuctl_error *error)
{
    char *to;

    if (segment->p_memsz == 0)
        return 0;
    if (segment->p_filesz > segment->p_memsz ||
        !within(image, segment->p_offset, segment->p_filesz))
        return refuse(error, "a segment of the ELF image is not within the file");
    if (segment->p_paddr < LAYOUT_HIGH_BASE || segment->p_paddr >= info->top ||
        segment->p_memsz > info->top - segment->p_paddr)
        return cpuctl_error_set(error, -ENOMEM,
                                "--kernel: a segment of %llu bytes at 0x%llx does not fit into the "
                                "RAM between 1 MiB and 0x%llx",
                                (unsigned long long)segment->p_memsz,
                                (unsigned long long)segment->p_paddr,
                                (unsigned long long)info->top);
    to = memory_at(info->memory, segment->p_paddr, segment->p_memsz);
    if (!to)
        return refuse(error, "a segment of the ELF image is outside the RAM");
    memcpy(to, image->data + segment->p_offset, segment->p_filesz);
    memset(to + segment->p_filesz, 0, segment->p_memsz - segment->p_filesz);
    if (segment->p_paddr + segment->p_memsz > *end)
        *end = segment->p_paddr + segment->p_memsz;
    return 0;
}

static int load_segments(const struct boot_image *image, const struct boot_info *info,
                         uint32_t *ret_entry, uint64_t *ret_end, struct cpuctl_error *error)
{
    Elf64_Ehdr header;
    uint32_t entry = 0;
    uint64_t end = LAYOUT_HIGH_BASE, sum = 0;

    if (image->size < sizeof(header))
        return refuse(error, "the file is too short for an ELF image");
    memcpy(&header, image->data, sizeof(header));
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64 ||
        header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > SEGMENTS_MAX ||
        !within(image, header.e_phoff, (uint64_t)header.e_phnum * sizeof(Elf64_Phdr)))
        return refuse(error, "the file is not a sound ELF image for x86-64");
    for (unsigned int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        int r;

        memcpy(&segment, image->data + header.e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_type == PT_NOTE && within(image, segment.p_offset, segment.p_filesz) &&
            entry == 0)
            entry = find_entry(image, &segment);
        if (segment.p_type != PT_LOAD)
            continue;
        r = load_segment(image, info, &segment, &end, error);
        if (r < 0)
            return r;
        /* Segments that overlap could ask for the RAM to be filled again and again. */
        sum += segment.p_memsz;
        if (sum > info->top - LAYOUT_HIGH_BASE)
            return refuse(error, "the segments of the ELF image overlap");
    }
    if (entry == 0)
        return refuse(error, "the ELF image has no PVH entry point (CONFIG_PVH)");
    *ret_entry = entry;
    *ret_end = end;
    return 0;
}

int boot_elf_load(const struct boot_image *image, const struct boot_info *info,
                  struct boot_entry *ret_entry, struct cpuctl_error *error)
{
    struct start_page page = {
        .info = { .magic = START_MAGIC,
                  .version = START_VERSION,
                  .cmdline = LAYOUT_CMDLINE,
                  .rsdp = info->rsdp,
                  .map = LAYOUT_START_INFO + offsetof(struct start_page, map) },
    };
    struct boot_range ranges[BOOT_RANGES_MAX];
    uint64_t end = 0, initrd;
    uint32_t entry = 0;
    int r = load_segments(image, info, &entry, &end, error);

    if (r < 0)
        return r;
    r = boot_place_initrd(info, end, info->top, &initrd, error);
    if (r < 0)
        return r;
    r = boot_write_cmdline(info, LAYOUT_CMDLINE_MAX, error);
    if (r < 0)
        return r;
    if (info->initrd_size > 0) {
        page.info.modules = 1;
        page.info.module_list = LAYOUT_START_INFO + offsetof(struct start_page, initrd);
        page.initrd = (struct module){ .address = initrd, .size = info->initrd_size };
    }
    page.info.map_entries = boot_map(info, ranges);
    for (unsigned int i = 0; i < page.info.map_entries; i++)
        page.map[i] = (struct map_entry){ .address = ranges[i].base,
                                          .size = ranges[i].size,
                                          .type = ranges[i].type };
    if (memory_write(info->memory, LAYOUT_START_INFO, &page, sizeof(page)) < 0)
        return refuse(error, "the start info does not fit into the RAM");
    *ret_entry =
        (struct boot_entry){ .rip = entry, .rbx = LAYOUT_START_INFO, .protected_32 = true };
    return 0;
}
