/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The micro-guest: every CPU halts in a loop, counts its interrupts by vector, and carries out the
 * orders that the host leaves in its slot. It uses integer instructions only, so that it also runs
 * where KVM is not backed by vmx or svm.
 */
#include "micro-guest.h"

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_ON  0xc00 /* EN and EXTD: x2APIC mode */
#define X2APIC_ID     0x802
#define X2APIC_TPR    0x808
#define X2APIC_EOI    0x80b
#define X2APIC_SVR    0x80f

    .section .rodata
    .globl micro_guest, micro_guest_end, micro_startup, micro_startup_end, micro_stubs

/* ---- 64 bits: from MICRO_ENTRY on ---- */
    .code64
    .balign 16
micro_guest:
    mov $0x18, %eax
    mov %eax, %ss
    mov $MSR_APIC_BASE, %ecx
    rdmsr
    mov %eax, %esi
    or $APIC_BASE_ON, %eax
    wrmsr
    mov $X2APIC_ID, %ecx
    rdmsr
    mov %eax, %ebx
    shl $12, %rbx
    add $MICRO_SLOTS, %rbx
    mov %esi, SLOT_APIC_BASE(%rbx)
    lea SLOT_STACK_END(%rbx), %rsp
    lidt idtr(%rip)
    xor %edx, %edx
    xor %eax, %eax
    mov $X2APIC_TPR, %ecx
    wrmsr
    mov $0x1ff, %eax
    mov $X2APIC_SVR, %ecx
    wrmsr
    incl SLOT_STARTS(%rbx)

/* %rbx: the slot */
loop:
    cli
    mov SLOT_ASKED(%rbx), %esi
    cmp SLOT_DONE(%rbx), %esi
    jne work
    sti
    hlt
    jmp loop

work:
    mov SLOT_ORDER(%rbx), %edi
    mov SLOT_ADDRESS(%rbx), %rcx
    cmp $MICRO_RDMSR, %edi
    je read_msr
    cmp $MICRO_WRMSR, %edi
    je write_msr
    cmp $MICRO_CPUID, %edi
    je read_cpuid
    cmp $MICRO_READ, %edi
    je read_memory
    cmp $MICRO_WRITE, %edi
    je write_memory
done:
    mov %esi, SLOT_DONE(%rbx)
    jmp loop

read_msr:
    rdmsr
    mov %eax, SLOT_VALUE(%rbx)
    mov %edx, SLOT_VALUE + 4(%rbx)
    jmp done
write_msr:
    mov SLOT_VALUE(%rbx), %eax
    mov SLOT_VALUE + 4(%rbx), %edx
    wrmsr
    jmp done
read_cpuid:
    mov %rbx, %r8
    mov %ecx, %eax
    mov SLOT_VALUE(%rbx), %ecx
    cpuid
    mov %eax, SLOT_CPUID(%r8)
    mov %ebx, SLOT_CPUID + 4(%r8)
    mov %ecx, SLOT_CPUID + 8(%r8)
    mov %edx, SLOT_CPUID + 12(%r8)
    mov %r8, %rbx
    jmp done
read_memory:
    mov (%rcx), %eax
    mov %rax, SLOT_VALUE(%rbx)
    jmp done
write_memory:
    mov SLOT_VALUE(%rbx), %eax
    mov %eax, (%rcx)
    jmp done

/* Each entry of the IDT has 16 bytes of code: it leaves its vector on the stack. */
    .balign 16
micro_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    pushq $vector
    jmp interrupt
    .set vector, vector + 1
    .endr

/*
 * The stack is in the slot's page. The doorbell is an NMI, which needs no EOI: what is in service
 * is the tests' business.
 */
interrupt:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    mov %rsp, %rbx
    and $-MICRO_SLOT_SIZE, %rbx
    mov 32(%rsp), %eax
    cmp $2, %eax
    je doorbell
    cmp $32, %eax
    jb exception
    incl SLOT_COUNTS(%rbx, %rax, 4)
    cmp $MICRO_MANUAL, %eax
    jae return
    cmp $MICRO_DEVICE, %eax
    jb 1f
    mov $MICRO_PORT, %edx
    in %dx, %al
1:  xor %eax, %eax
    xor %edx, %edx
    mov $X2APIC_EOI, %ecx
    wrmsr
return:
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    add $8, %rsp
    iretq

/* It may come where the loop has looked already, and has yet to halt: it is to look again. */
doorbell:
    mov 40(%rsp), %rax
    lea loop(%rip), %rdx
    lea work(%rip), %rcx
    cmp %rdx, %rax
    jb return
    cmp %rcx, %rax
    jae return
    mov %rdx, 40(%rsp)
    jmp return

exception:
    inc %eax
    mov %eax, SLOT_EXCEPTION(%rbx)
3:  cli
    hlt
    jmp 3b

    .balign 8
idtr:
    .word 256 * 16 - 1
    .quad MICRO_IDT
micro_guest_end:

/* ---- 16 bits: at MICRO_STARTUP, after SIPI ---- */
    .code16
    .balign 16
micro_startup:
    cli
    xor %ax, %ax
    mov %ax, %ds
    lgdtl MICRO_STARTUP + (gdtr - micro_startup)
    mov $0x20, %eax /* PAE */
    mov %eax, %cr4
    mov $0x9000, %eax /* LAYOUT_PAGE_TABLE */
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax /* EFER.LME */
    wrmsr
    mov %cr0, %eax
    and $0x9fffffff, %eax /* caches on */
    or $0x80000001, %eax  /* paging and protection at once: straight to 64 bits */
    mov %eax, %cr0
    ljmpl $0x10, $MICRO_ENTRY
gdtr:
    .word 5 * 8 - 1
    .long 0x500 /* LAYOUT_GDT */
micro_startup_end:

    .section .note.GNU-stack, "", @progbits
