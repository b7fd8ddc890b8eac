/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ask for a snapshot with every general register set on purpose, and note
 * what all of them hold afterwards, both times.
 *
 * uint32_t snap_port(const struct gprs *in, struct gprs *out)
 * uint32_t snap_vmcall(const struct gprs *in, struct gprs *out)
 * struct gprs: eax ebx ecx edx esi edi ebp esp eflags
 */

    .macro SNAP name, load, call
    .text
    .globl \name
\name:
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    movl 20(%esp), %eax
    pushl 32(%eax)
    movl 4(%eax), %ebx
    movl 8(%eax), %ecx
    movl 12(%eax), %edx
    movl 16(%eax), %esi
    movl 20(%eax), %edi
    movl 24(%eax), %ebp
    movl 0(%eax), %eax
    \load
    popfl
    \call
    pushfl
    pushl %eax
    movl 32(%esp), %eax
    movl %ebx, 4(%eax)
    movl %ecx, 8(%eax)
    movl %edx, 12(%eax)
    movl %esi, 16(%eax)
    movl %edi, 20(%eax)
    movl %ebp, 24(%eax)
    popl %edx
    movl %edx, 0(%eax)
    popl 32(%eax)
    movl %esp, 28(%eax)
    movl %edx, %eax
    cld
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret
    .endm

    SNAP snap_port, "movl $0x5B04, %edx", "inl %dx, %eax"
    SNAP snap_vmcall, "movl $1, %eax", "vmcall"

/*
 * The same in long mode, called with RDI -> struct gprs64: 16 registers in
 * (rax rcx rdx rbx rsp rbp rsi rdi r8-r15) and 16 out. RSP is only noted.
 */
    .code64
    .globl snap_long
snap_long:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi
    movq 0x08(%rdi), %rcx
    movq 0x18(%rdi), %rbx
    movq 0x28(%rdi), %rbp
    movq 0x30(%rdi), %rsi
    movq 0x40(%rdi), %r8
    movq 0x48(%rdi), %r9
    movq 0x50(%rdi), %r10
    movq 0x58(%rdi), %r11
    movq 0x60(%rdi), %r12
    movq 0x68(%rdi), %r13
    movq 0x70(%rdi), %r14
    movq 0x78(%rdi), %r15
    movq 0x38(%rdi), %rdi
    movl $0x5B04, %edx
    inl %dx, %eax
    pushq %rdi
    movq 8(%rsp), %rdi
    movq %rcx, 0x88(%rdi)
    movq %rdx, 0x90(%rdi)
    movq %rbx, 0x98(%rdi)
    movq %rsp, 0xA0(%rdi)
    movq %rbp, 0xA8(%rdi)
    movq %rsi, 0xB0(%rdi)
    popq 0xB8(%rdi)
    movq %r8, 0xC0(%rdi)
    movq %r9, 0xC8(%rdi)
    movq %r10, 0xD0(%rdi)
    movq %r11, 0xD8(%rdi)
    movq %r12, 0xE0(%rdi)
    movq %r13, 0xE8(%rdi)
    movq %r14, 0xF0(%rdi)
    movq %r15, 0xF8(%rdi)
    popq %rdi
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

/* The deeds, called with RDI -> the address as 64 bits. */
    .globl deed_write, deed_jump
deed_write:
    movq (%rdi), %rdx
    movq $-1, %r15
    movq %r15, (%rdx)
    ret

deed_jump:
    movq (%rdi), %rdx
    xorl %r8d, %r8d
    jmp *%rdx

    .section .note.GNU-stack, "", @progbits
