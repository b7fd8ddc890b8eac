/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot1 header and the way from the loader to guest_start(). */

#define MAGIC 0x1BADB002
#define FLAGS 3 /* modules page-aligned, memory information wanted */

    .section .multiboot, "a"
    .align 4
    .long MAGIC, FLAGS, -(MAGIC + FLAGS)

    .text
    .globl _start
_start:
    cli
    cld
    movl $stack_top, %esp
    pushl $0
    popfl
    lgdt gdt_pointer
    ljmp $0x08, $1f
1:  movl $0x10, %ecx
    movl %ecx, %ds
    movl %ecx, %es
    movl %ecx, %fs
    movl %ecx, %gs
    movl %ecx, %ss
    pushl %ebx
    pushl %eax
    call guest_start
2:  cli
    hlt
    jmp 2b

    .data
    .align 8
gdt:
    .quad 0
    .quad 0x00CF9B000000FFFF /* 08: code, 32 bit, flat */
    .quad 0x00CF93000000FFFF /* 10: data, flat */
    .quad 0x00AF9B000000FFFF /* 18: code, 64 bit */
gdt_pointer:
    .word . - gdt - 1
    .long gdt

    .bss
    .align 16
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
