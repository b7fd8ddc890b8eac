/* SPDX-License-Identifier: BSD-2-Clause */
/* try_long(): 64-bit code that may fault; offsets are those of struct try64.
 */

    .bss
    .align 16
long_pointer:
    .quad 0
long_former:
    .skip 16

    .text
    .code64
    .globl long_run
long_run:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rdi, long_pointer(%rip)
    sidt long_former(%rip)
    lidt long_idt_pointer(%rip)
    movq %rsp, 80(%rdi)
    leaq long_back(%rip), %rax
    pushq %rax
    pushq 64(%rdi)              /* code */
    movq 0(%rdi), %rax
    movq 8(%rdi), %rcx
    movq 16(%rdi), %rdx
    movq 24(%rdi), %rbx
    movq 32(%rdi), %rsi
    movq 40(%rdi), %rdi
    ret
long_back:
    movq long_pointer(%rip), %rbp
    movq 80(%rbp), %rsp
    movq %rax, 0(%rbp)
    movq %rcx, 8(%rbp)
    movq %rdx, 16(%rbp)
    movq %rbx, 24(%rbp)
    movq %rsi, 32(%rbp)
    movq %rdi, 40(%rbp)
    lidt long_former(%rip)
    cld
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    xorl %eax, %eax
    ret

    /* 32 entries, 16 bytes each. */
    .globl long_entries
long_entries:
    .set vector, 0
    .rept 32
    .align 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
    .else
    pushq $0
    .endif
    pushq $vector
    jmp long_caught
    .set vector, vector + 1
    .endr
long_caught:
    movq long_pointer(%rip), %rbp
    popq 72(%rbp)
    popq 48(%rbp)
    movq %cr2, %r8
    movq %r8, 56(%rbp)
    movq %dr6, %r8
    jmp long_back

    .section .note.GNU-stack, "", @progbits
