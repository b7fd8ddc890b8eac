/* SPDX-License-Identifier: BSD-2-Clause */
/* Started by a Multiboot2 loader in place of Bulkhead; see chain.c. */
    .section .multiboot, "a"
    .balign 8
header:
    .long 0xe85250d6, 0, end - header
    .long -(0xe85250d6 + (end - header))
    .word 6, 0 /* modules on page boundaries */
    .long 8
    .word 0, 0
    .long 8
end:

    .text
    .globl _start, chain_jump
_start:
    cli
    cld
    mov $stack_top, %esp
    push %ebx
    call chain
1:  hlt
    jmp 1b

/* _Noreturn void chain_jump(uint32_t entry, const void *information) */
chain_jump:
    mov 4(%esp), %ecx
    mov 8(%esp), %ebx
    mov $0x36d76289, %eax
    jmp *%ecx

    .bss
    .skip 4096
stack_top:
    .section .note.GNU-stack, "", @progbits
