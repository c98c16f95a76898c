/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the micro-guest (micro-guest.S) and its host (micro.c) have to agree on: addresses, a CPU's
 * slot, orders. Only numbers, since the assembler reads it, too.
 */
#ifndef TESTS_VMM_MICRO_GUEST_H
#define TESTS_VMM_MICRO_GUEST_H

/* Guest-physical addresses. The kernel image is loaded at the first; its entry point is 0x200
 * behind. The start-up code of other CPUs is in the page that SIPI's vector names. */
#define MICRO_LOAD    0x1000000
#define MICRO_ENTRY   (MICRO_LOAD + 0x200)
#define MICRO_STARTUP 0x8000
#define MICRO_IDT     0x1100000

/* Each APIC ID has a page: what it is told, what it answers, counts of interrupts, its stack. */
#define MICRO_SLOTS     0x2000000
#define MICRO_SLOT_SIZE 0x1000
#define SLOT_STARTS     0x00 /* dword: how often it has come to the loop from power-on or SIPI */
#define SLOT_ORDER      0x04 /* dword: MICRO_… below */
#define SLOT_ASKED      0x08 /* dword: number of the last order */
#define SLOT_DONE       0x0c /* dword: number of the last one that was carried out */
#define SLOT_ADDRESS    0x10 /* qword: MSR, address or leaf */
#define SLOT_VALUE      0x18 /* qword: value or subleaf; what was read */
#define SLOT_CPUID      0x20 /* four dwords */
#define SLOT_EXCEPTION  0x30 /* dword: vector + 1 of an exception, after which the CPU halts */
#define SLOT_APIC_BASE  0x34 /* dword: IA32_APIC_BASE as it was at its last start, low half */
#define SLOT_COUNTS     0x400
#define SLOT_STACK_END  0x1000

/* Orders. */
#define MICRO_NOTHING 0
#define MICRO_RDMSR   1
#define MICRO_WRMSR   2
#define MICRO_CPUID   3
#define MICRO_READ    4 /* a dword */
#define MICRO_WRITE   5

/* From the first of these vectors on the handler reads the port before EOI, as a driver asks its
 * device; from the second on it does not write EOI. */
#define MICRO_DEVICE 0xd0
#define MICRO_MANUAL 0xe0
#define MICRO_PORT   0x1100

#endif
