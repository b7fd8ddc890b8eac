/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last step, after boot services have ended: out of firmware's long mode
 * into the state that Multiboot2 wants (specification 2.0, 3.3), the image to
 * its place, and into it. Runs from a page of its own below 4 GiB, into which
 * it is copied: the image may go where firmware's page tables, its stack and
 * this program's code are, which is why paging ends before the copy.
 */
#include "boot/efi/start.h"

#define MB2_BOOT_MAGIC 0x36d76289
#define MSR_EFER       0xc0000080
#define EFER_LME       0x100
#define CR0_PG         0x80000000
#define CR4_KEPT       0x1020 /* PAE and LA57 cannot change in long mode */

    .section .text
    .globl start_page, start_page_end
    .balign 16
    .code64
start_page: /* at RDI, which is what the C code calls */
    cli
    cld
    lea start_gdt(%rip), %rax
    mov %rax, start_gdt_pointer + 2(%rip)
    lgdt start_gdt_pointer(%rip)
    lea 4096(%rdi), %rsp
    mov %cr4, %rax
    and $CR4_KEPT, %eax
    mov %rax, %cr4
    mov %edi, %ebp
    pushq $8
    lea 1f(%rip), %rax
    push %rax
    lretq

    .code32
1:  mov %cr0, %eax
    and $~CR0_PG, %eax
    mov %eax, %cr0
    mov $MSR_EFER, %ecx
    rdmsr
    and $~EFER_LME, %eax
    wrmsr
    xor %eax, %eax
    mov %eax, %cr4
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov START_SOURCE(%ebp), %esi
    mov START_TARGET(%ebp), %edi
    mov START_WORDS(%ebp), %ecx
    rep movsl
    mov START_INFORMATION(%ebp), %ebx
    mov $MB2_BOOT_MAGIC, %eax
    jmp *START_ENTRY(%ebp)

    .balign 8
start_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff /* flat 32-bit code */
    .quad 0x00cf93000000ffff /* flat data */
start_gdt_pointer:
    .word 23
    .quad 0
start_page_end:

    .section .note.GNU-stack, "", @progbits
