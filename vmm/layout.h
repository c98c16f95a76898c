/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where everything is in the guest's physical address space and I/O space. The memory map follows
 * the PC's habits, so that stock kernels find the local APIC and I/O APIC where they look first.
 */
#ifndef VMM_LAYOUT_H
#define VMM_LAYOUT_H

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

/* ---- memory ---- */

/** Real-mode remains that the kernel expects to be reserved (EBDA, video, option ROMs). */
#define LAYOUT_EBDA      0x9fc00ULL
#define LAYOUT_HIGH_BASE 0x100000ULL
/** Where a PC's firmware is entered in real mode, f000:fff0. */
#define LAYOUT_RESET_VECTOR 0xffff0ULL

/** Boot structures, below 640 KiB: read once by the kernel's entry code, then free to be reused. */
#define LAYOUT_GDT         0x500ULL
#define LAYOUT_START_INFO  0x6000ULL /* PVH: struct hvm_start_info and its tables */
#define LAYOUT_ZERO_PAGE   0x7000ULL /* 64-bit boot protocol: struct boot_params */
#define LAYOUT_PAGE_TABLE  0x9000ULL /* six pages: identity map of the first 4 GiB */
#define LAYOUT_CMDLINE     0x20000ULL
#define LAYOUT_CMDLINE_MAX (64 * KIB)

/** RAM ends here at the latest; what is more continues at 4 GiB. */
#define LAYOUT_HOLE     0xc0000000ULL
#define LAYOUT_HIGH_RAM (4 * GIB)

/** 32-bit window for the PCI devices' BARs. */
#define LAYOUT_PCI_WINDOW      0xc0000000ULL
#define LAYOUT_PCI_WINDOW_SIZE 0x10000000ULL

/** PCI configuration space (ECAM) of bus 0: 32 devices, 8 functions, 4 KiB each. */
#define LAYOUT_ECAM      0xe0000000ULL
#define LAYOUT_ECAM_SIZE (1 * MIB)

#define LAYOUT_IOAPIC      0xfec00000ULL
#define LAYOUT_IOAPIC_SIZE 0x1000ULL
#define LAYOUT_LAPIC       0xfee00000ULL

/** VMX hosts without unrestricted guest keep a task state segment and a page table here. */
#define LAYOUT_IDENTITY_MAP 0xfffbc000ULL
#define LAYOUT_TSS          0xfffbd000ULL
#define LAYOUT_KVM_SIZE     0x4000ULL

/* ---- I/O ports ---- */

#define LAYOUT_SERIAL      0x3f8
#define LAYOUT_SERIAL_SIZE 8

/** The generic event device's status, one dword; a read clears it. */
#define LAYOUT_GED      0x600
#define LAYOUT_GED_SIZE 4
/** ACPI's hardware-reduced sleep control and status registers, then the reset register, a byte
 * each. */
#define LAYOUT_SLEEP_CONTROL 0x604
#define LAYOUT_SLEEP_STATUS  0x605
#define LAYOUT_RESET         0x606
#define LAYOUT_POWER_SIZE    3
/** The CPU hotplug controller: the place that q35 has it at. */
#define LAYOUT_CPUHP      0xcd8
#define LAYOUT_CPUHP_SIZE 12

/* ---- interrupts (GSIs; the I/O APIC has the first 24) ---- */

#define LAYOUT_IOAPIC_PINS 24
#define LAYOUT_GSI_SERIAL  4
#define LAYOUT_GSI_GED     9
/** The first GSI that is a message-signalled interrupt's route. */
#define LAYOUT_GSI_MSI LAYOUT_IOAPIC_PINS

#endif
