/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel images in RAM, and the state of the boot CPU at their entry. */
#include "boot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cpuctl.h"
#include "cpus.h"
#include "fail.h"
#include "layout.h"
#include "libcpuctl/cleanup.h"
#include "options.h"
#include "vcpu.h"
#include "vm.h"

#define PAGE 4096ULL

/* Selectors of the boot protocols: __BOOT_CS and __BOOT_DS. */
#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_TSS  0x20

#define CR0_PE   0x1ULL
#define CR0_ET   0x10ULL
#define CR0_PG   0x80000000ULL
#define CR4_PAE  0x20ULL
#define EFER_LME 0x100ULL
#define EFER_LMA 0x400ULL
#define RFLAGS   0x2ULL

#define PTE_PRESENT_WRITE 0x3ULL
#define PTE_LARGE         0x80ULL

unsigned int boot_map(const struct boot_info *info, struct boot_range ranges[BOOT_RANGES_MAX])
{
    const struct memory *memory = info->memory;
    const struct boot_range all[] = {
        { 0, LAYOUT_EBDA, BOOT_RAM },
        { LAYOUT_EBDA, LAYOUT_HIGH_BASE - LAYOUT_EBDA, BOOT_RESERVED },
        { LAYOUT_HIGH_BASE, info->top - LAYOUT_HIGH_BASE, BOOT_RAM },
        { info->top, memory->low.size - info->top, BOOT_RESERVED },
        { LAYOUT_ECAM, LAYOUT_ECAM_SIZE, BOOT_RESERVED },
        { LAYOUT_IDENTITY_MAP, LAYOUT_KVM_SIZE, BOOT_RESERVED },
        { LAYOUT_HIGH_RAM, memory->high.size, BOOT_RAM },
    };
    unsigned int count = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].size > 0)
            ranges[count++] = all[i];
    return count;
}

int boot_place_initrd(const struct boot_info *info, uint64_t start, uint64_t end,
                      uint64_t *ret_address, struct cpuctl_error *error)
{
    uint64_t limit = end < info->top ? end : info->top, address;

    *ret_address = 0;
    if (info->initrd_size == 0)
        return 0;
    if (info->initrd_size > limit)
        address = 0;
    else
        address = (limit - info->initrd_size) & ~(PAGE - 1);
    if (address < start)
        return cpuctl_error_set(error, -ENOMEM,
                                "--initrd: its %zu bytes do not fit between the kernel's end, "
                                "0x%llx, and 0x%llx; give the guest more --memory",
                                info->initrd_size, (unsigned long long)start,
                                (unsigned long long)limit);
    if (memory_write(info->memory, address, info->initrd, info->initrd_size) < 0)
        return cpuctl_error_set(error, -ENOMEM, "--initrd: it does not fit into the RAM");
    *ret_address = address;
    return 0;
}

int boot_write_cmdline(const struct boot_info *info, size_t most, struct cpuctl_error *error)
{
    size_t size = strlen(info->append), limit = LAYOUT_CMDLINE_MAX - 1;

    if (most < limit)
        limit = most;
    if (size > limit)
        return cpuctl_error_set(error, -E2BIG,
                                "--append: %zu characters, but this kernel takes at most %zu", size,
                                limit);
    return memory_write(info->memory, LAYOUT_CMDLINE, info->append, size + 1);
}

/* ---- files ---- */

/* A whole file, mapped. */
static int map_file(const char *option, const char *path, struct boot_image *ret_image,
                    struct cpuctl_error *error)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat status;
    void *data;

    if (fd < 0 || fstat(fd, &status) < 0) {
        int code = -errno;

        return fail_system(error, code, "%s %s", option, path);
    }
    if (!S_ISREG(status.st_mode) || status.st_size == 0)
        return cpuctl_error_set(error, -EINVAL, "%s %s: %s", option, path,
                                S_ISDIR(status.st_mode)   ? "it is a directory"
                                : S_ISREG(status.st_mode) ? "the file is empty"
                                                          : "it is not a regular file");
    data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        int code = -errno;

        return fail_system(error, code, "%s %s", option, path);
    }
    *ret_image = (struct boot_image){ .data = data, .size = (size_t)status.st_size };
    return 0;
}

static void unmap(struct boot_image *image)
{
    if (image->data)
        munmap((void *)(uintptr_t)image->data, image->size);
}

static int load(const struct vm *vm, struct boot_entry *ret_entry, struct cpuctl_error *error)
{
    const struct options *options = vm->options;
    _cleanup_(unmap) struct boot_image kernel = { 0 }, initrd = { 0 };
    struct boot_info info = {
        .memory = &vm->memory,
        .append = options->append ? options->append : "",
        .rsdp = vm->acpi.size > 0 ? vm->acpi_base : 0,
        .top = vm->acpi_base,
    };
    int r = map_file("--kernel", options->kernel, &kernel, error);

    if (r < 0)
        return r;
    if (options->initrd) {
        r = map_file("--initrd", options->initrd, &initrd, error);
        if (r < 0)
            return r;
        info.initrd = initrd.data;
        info.initrd_size = initrd.size;
    }
    if (kernel.size > SELFMAG && memcmp(kernel.data, ELFMAG, SELFMAG) == 0)
        return boot_elf_load(&kernel, &info, ret_entry, error);
    return boot_bzimage_load(&kernel, &info, ret_entry, error);
}

/* ---- the boot CPU ---- */

/* An identity map of the first 4 GiB by pages of 2 MiB: what the 64-bit protocol asks for. */
static int write_page_tables(const struct memory *memory)
{
    uint64_t *table = memory_at(memory, LAYOUT_PAGE_TABLE, 6 * PAGE);

    if (!table)
        return -EFAULT;
    memset(table, 0, 6 * PAGE);
    table[0] = (LAYOUT_PAGE_TABLE + PAGE) | PTE_PRESENT_WRITE;
    for (uint64_t i = 0; i < 4; i++)
        table[512 + i] = (LAYOUT_PAGE_TABLE + (2 + i) * PAGE) | PTE_PRESENT_WRITE;
    for (uint64_t i = 0; i < 4ULL * 512; i++)
        table[1024 + i] = i * 2 * MIB | PTE_PRESENT_WRITE | PTE_LARGE;
    return 0;
}

/* Descriptors of flat segments: code for 64 or 32 bits, data, and a task state segment. */
static int write_gdt(const struct memory *memory, int protected_32)
{
    const uint64_t gdt[] = {
        0,
        0,
        protected_32 ? 0x00cf9b000000ffffULL : 0x00af9b000000ffffULL,
        0x00cf93000000ffffULL,
        0x00008b0000000067ULL,
    };

    return memory_write(memory, LAYOUT_GDT, gdt, sizeof(gdt));
}

static void set_segments(struct kvm_sregs *sregs, int protected_32)
{
    struct kvm_segment code = {
        .limit = 0xffffffff,
        .selector = SELECTOR_CODE,
        .type = 11,
        .present = 1,
        .s = 1,
        .g = 1,
        .l = !protected_32,
        .db = protected_32 != 0,
    };
    struct kvm_segment data = {
        .limit = 0xffffffff,
        .selector = SELECTOR_DATA,
        .type = 3,
        .present = 1,
        .s = 1,
        .g = 1,
        .db = 1,
    };

    sregs->cs = code;
    sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
    sregs->tr =
        (struct kvm_segment){ .limit = 0x67, .selector = SELECTOR_TSS, .type = 11, .present = 1 };
    sregs->gdt = (struct kvm_dtable){ .base = LAYOUT_GDT, .limit = 5 * 8 - 1 };
    sregs->idt = (struct kvm_dtable){ 0 };
}

static int enter(struct vm *vm, const struct boot_entry *entry)
{
    struct vcpu *vcpu = cpus_at(vm->cpus, 0)->vcpu;
    struct kvm_regs regs = {
        .rip = entry->rip, .rsi = entry->rsi, .rbx = entry->rbx, .rflags = RFLAGS
    };
    struct kvm_sregs sregs;
    int r = vcpu_get_sregs(vcpu, &sregs);

    if (r < 0)
        return r;
    set_segments(&sregs, entry->protected_32);
    sregs.cr0 = CR0_PE | CR0_ET;
    if (!entry->protected_32) {
        sregs.cr0 |= CR0_PG;
        sregs.cr3 = LAYOUT_PAGE_TABLE;
        sregs.cr4 = CR4_PAE;
        sregs.efer = EFER_LME | EFER_LMA;
    }
    return vcpu_set_registers(vcpu, &sregs, &regs);
}

/*
 * Where a PC's firmware begins in real mode. Linux goes there to reboot when ACPI is
 * hardware-reduced and there is no EFI (efi_reboot_required(), machine_real_restart()).
 */
static int write_reset_vector(const struct memory *memory)
{
    /* mov $LAYOUT_RESET, %dx; mov $POWER_RESET_VALUE, %al; out %al, %dx; hlt; jmp to the hlt */
    static const uint8_t code[] = {
        0xba, LAYOUT_RESET & 0xff, LAYOUT_RESET >> 8, 0xb0, POWER_RESET_VALUE, 0xee, 0xf4, 0xeb,
        0xfd
    };

    return memory_write(memory, LAYOUT_RESET_VECTOR, code, sizeof(code));
}

int boot_load(struct vm *vm, struct cpuctl_error *error)
{
    struct boot_entry entry;
    int r = load(vm, &entry, error);

    if (r < 0)
        return r;
    if (vm->acpi.size > 0 &&
        memory_write(&vm->memory, vm->acpi_base, vm->acpi.data, vm->acpi.size) < 0)
        return cpuctl_error_set(error, -ENOMEM, "the ACPI tables do not fit into the RAM");
    r = write_page_tables(&vm->memory);
    if (r == 0)
        r = write_gdt(&vm->memory, entry.protected_32);
    if (r == 0)
        r = write_reset_vector(&vm->memory);
    if (r == 0)
        r = enter(vm, &entry);
    if (r < 0)
        return fail_system(error, r, "the boot CPU can not be set up");
    return 0;
}
