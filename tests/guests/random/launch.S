/* SPDX-License-Identifier: BSD-2-Clause */
/* Into long mode, into an attempt, and out of it by an exception. */
#include "tests/guests/random/random.h"

#define EFER 0xC0000080

    .text
/* void random_enter(void) */
    .globl random_enter
random_enter:
    movl %cr4, %eax
    orl $WANTED_CR4, %eax
    movl %eax, %cr4
    movl $safe_pml4, %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $(WANTED_EFER & ~0x400), %eax
    wrmsr
    movl $WANTED_CR0, %eax
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $CODE_64, $1f
    .code64
1:  movl $idt_pointer, %eax
    lidt (%rax)
    movl $TASK, %eax
    ltr %ax
    movl %esp, %ecx             /* the upper half is undefined here */
    movl %ecx, %esp
    pushq $CODE_32
    movl $2f, %eax
    pushq %rax
    lretq
    .code32
2:  movl $DATA_0, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    ret

/* void random_launch(void) */
    .globl random_launch
random_launch:
    pushal
    movl %esp, home_esp
    ljmp $CODE_64, $1f
    .code64
1:  movl $wild_pml4, %eax
    movq %rax, %cr3
    movl $attempt, %eax
    movl %eax, %esp
    movl ATTEMPT_DS(%rax), %ecx
    movw %cx, %ds
    movl ATTEMPT_DS + 4(%rax), %ecx
    movw %cx, %es
    movl ATTEMPT_DS + 8(%rax), %ecx
    movw %cx, %fs
    movl ATTEMPT_DS + 12(%rax), %ecx
    movw %cx, %gs
    popq %rax
    popq %rcx
    popq %rdx
    popq %rbx
    popq %rbp
    popq %rsi
    popq %rdi
    popq %r8
    popq %r9
    popq %r10
    popq %r11
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    iretq

    .globl random_entries
    .align 16
random_entries:
    .set vector, 0
    .rept 256
    .align 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
    .else
    pushq $0
    .endif
    pushq $(vector - (vector & 0x80) * 2)
    jmp common
    .set vector, vector + 1
    .endr

/* On the stack: RDX RCX RAX vector error RIP CS RFLAGS RSP SS. */
common:
    pushq %rax
    pushq %rcx
    pushq %rdx
    cmpb $TICK_VECTOR, 24(%rsp)
    jne end
    movl $0xFEE000B0, %eax      /* end of interrupt, and the next tick */
    movl $0, (%rax)
    movl $0xFEE00380, %eax
    movl $TICK_COUNT, (%rax)
    movl $attempt_number, %eax
    movl (%rax), %ecx
    movl $TICK_ATTEMPT, %eax
    cmpl (%rax), %ecx
    je end
    movl %ecx, (%rax)
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    iretq

end:
    movl $WANTED_CR4, %ecx
    movq %cr4, %rax
    cmpq %rax, %rcx
    je 1f
    movq %rcx, %cr4
1:  movl $WANTED_CR0, %ecx
    movq %cr0, %rax
    cmpq %rax, %rcx
    je 1f
    movq %rcx, %cr0
1:  movl $safe_pml4, %eax
    movq %rax, %cr3
    cld
    movl $gdt_pointer, %eax
    lgdt (%rax)
    movl $idt_pointer, %eax
    lidt (%rax)
    movl $DATA_0, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorl %eax, %eax
    movw %ax, %fs
    movw %ax, %gs
    movl $outcome, %eax
    movzbl 24(%rsp), %ecx
    movl %ecx, (%rax)
    movl 32(%rsp), %ecx
    movl %ecx, 4(%rax)
    movl 40(%rsp), %ecx
    movl %ecx, 8(%rax)
    movl $home_esp, %eax
    movl (%rax), %esp
    pushq $CODE_32
    movl $home, %eax
    pushq %rax
    lretq
    .code32
home:
    popal
    ret

    .data
home_esp:
    .long 0

    .section .note.GNU-stack, "", @progbits
