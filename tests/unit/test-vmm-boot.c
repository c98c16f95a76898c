/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a kernel is given: the memory map, the initrd's place, the command line; and ELF images. */
#include "main.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "cpuctl.h"
#include "vmm/boot.h"
#include "vmm/layout.h"
#include "vmm/memory.h"

static struct memory memory;
static struct boot_info info;

static void start(void)
{
    struct memory_config config = { .size = 32 * MIB };

    ck_assert_int_eq(memory_new(&config, &memory, NULL), 0);
    info = (struct boot_info){ .memory = &memory, .append = "", .top = 31 * MIB };
}

static void finish(void)
{
    memory_free(&memory);
}

static void check_map(uint64_t low, uint64_t high)
{
    struct memory numbers = { .low.size = low, .high = { .base = 4 * GIB, .size = high } };
    struct boot_info map = { .memory = &numbers, .top = low - MIB };
    struct boot_range ranges[BOOT_RANGES_MAX];
    unsigned int count = boot_map(&map, ranges);
    uint64_t ram = 0;

    ck_assert_uint_eq(count, high > 0 ? 7 : 6);
    for (unsigned int i = 0; i < count; i++) {
        ck_assert_uint_gt(ranges[i].size, 0);
        if (i > 0)
            ck_assert_uint_ge(ranges[i].base, ranges[i - 1].base + ranges[i - 1].size);
        if (ranges[i].type != BOOT_RAM)
            continue;
        ram += ranges[i].size;
        /* nothing in the hole is RAM */
        ck_assert(ranges[i].base + ranges[i].size <= LAYOUT_HOLE || ranges[i].base >= 4 * GIB);
    }
    ck_assert_uint_eq(ram, low + high - MIB - (LAYOUT_HIGH_BASE - LAYOUT_EBDA));
}

START_TEST(map_leaves_the_hole_out)
{
    check_map(16 * MIB, 0);
    check_map(LAYOUT_HOLE, 0);
    check_map(LAYOUT_HOLE, 4096);
    check_map(LAYOUT_HOLE, 1024 * GIB);
}
END_TEST

START_TEST(initrd_goes_high)
{
    uint64_t at = 1;

    ck_assert_int_eq(boot_place_initrd(&info, 2 * MIB, 4 * GIB, &at, NULL), 0);
    ck_assert_uint_eq(at, 0);
    info.initrd = (const uint8_t *)"initrd";
    info.initrd_size = 6;
    ck_assert_int_eq(boot_place_initrd(&info, 2 * MIB, 4 * GIB, &at, NULL), 0);
    ck_assert_uint_eq(at, 31 * MIB - 4096);
    ck_assert_int_eq(memcmp(memory_at(&memory, at, 6), "initrd", 6), 0);
    ck_assert_int_eq(boot_place_initrd(&info, 2 * MIB, 3 * MIB, &at, NULL), 0);
    ck_assert_uint_eq(at, 3 * MIB - 4096);
}
END_TEST

START_TEST(initrd_without_room)
{
    struct cpuctl_error error = { 0 };
    uint64_t at;

    info.initrd = (const uint8_t *)"initrd";
    info.initrd_size = 6;
    ck_assert_int_eq(boot_place_initrd(&info, 3 * MIB - 4095, 3 * MIB, &at, &error), -ENOMEM);
    ck_assert_ptr_nonnull(strstr(error.text, "--initrd: its 6 bytes"));
    info.initrd_size = 64 * MIB;
    ck_assert_int_eq(boot_place_initrd(&info, 2 * MIB, 4 * GIB, &at, &error), -ENOMEM);
}
END_TEST

START_TEST(command_line_limit)
{
    static char longest[LAYOUT_CMDLINE_MAX + 1];
    struct cpuctl_error error = { 0 };

    info.append = "12345";
    ck_assert_int_eq(boot_write_cmdline(&info, 5, NULL), 0);
    ck_assert_str_eq(memory_at(&memory, LAYOUT_CMDLINE, 6), "12345");
    ck_assert_int_eq(boot_write_cmdline(&info, 4, &error), -E2BIG);
    ck_assert_ptr_nonnull(strstr(error.text, "5 characters, but this kernel takes at most 4"));
    memset(longest, 'x', LAYOUT_CMDLINE_MAX - 1);
    info.append = longest;
    ck_assert_int_eq(boot_write_cmdline(&info, SIZE_MAX, NULL), 0);
    longest[LAYOUT_CMDLINE_MAX - 1] = 'x';
    ck_assert_int_eq(boot_write_cmdline(&info, SIZE_MAX, &error), -E2BIG);
}
END_TEST

/* Each segment fits, all of them together can not: nobody fills the RAM 64 times. */
START_TEST(overlapping_segments)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segments[2];
    } file = {
        .header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB },
                    .e_machine = EM_X86_64,
                    .e_phoff = sizeof(file.header),
                    .e_phentsize = sizeof(Elf64_Phdr),
                    .e_phnum = 2 },
        .segments = { { .p_type = PT_LOAD, .p_paddr = MIB, .p_memsz = 16 * MIB },
                      { .p_type = PT_LOAD, .p_paddr = 2 * MIB, .p_memsz = 16 * MIB } },
    };
    struct boot_image image = { .data = (const uint8_t *)&file, .size = sizeof(file) };
    struct cpuctl_error error = { 0 };
    struct boot_entry entry;

    ck_assert_int_eq(boot_elf_load(&image, &info, &entry, &error), -ENOEXEC);
    ck_assert_ptr_nonnull(strstr(error.text, "overlap"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-boot");
    TCase *tcase = tcase_create("boot");

    tcase_add_checked_fixture(tcase, start, finish);
    tcase_add_test(tcase, map_leaves_the_hole_out);
    tcase_add_test(tcase, initrd_goes_high);
    tcase_add_test(tcase, initrd_without_room);
    tcase_add_test(tcase, command_line_limit);
    tcase_add_test(tcase, overlapping_segments);
    suite_add_tcase(suite, tcase);
    return suite;
}
