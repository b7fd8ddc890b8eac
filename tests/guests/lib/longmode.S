/* SPDX-License-Identifier: BSD-2-Clause */
/* uint32_t long_mode_enter(const void *code, void *argument) */

#define EFER 0xC0000080

    .text
    .globl long_mode_enter
long_mode_enter:
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    pushfl
    cli
    movl 24(%esp), %esi
    movl 28(%esp), %edi
    movl %cr0, %eax
    pushl %eax
    movl %cr3, %eax
    pushl %eax
    movl %cr4, %eax
    pushl %eax
    movl $EFER, %ecx
    rdmsr
    pushl %eax

    movl %cr0, %eax
    andl $0x7FFFFFFF, %eax
    movl %eax, %cr0
    movl %cr4, %eax
    orl $0x20, %eax             /* PAE */
    movl %eax, %cr4
    movl $long_pml4, %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $0x100, %eax            /* LME */
    wrmsr
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    ljmp $0x18, $1f

    .code64
1:  movl %esp, %ebx             /* upper halves are undefined here */
    movl %ebx, %esp
    movl %esi, %esi
    movl %edi, %edi
    andq $-16, %rsp
    call *%rsi
    movl %ebx, %esp
    pushq $0x08
    movl $2f, %ecx
    pushq %rcx
    lretq

    .code32
2:  movl %eax, %ebp
    movl %cr0, %eax
    andl $0x7FFFFFFF, %eax
    movl %eax, %cr0
    movl $EFER, %ecx
    rdmsr
    popl %eax
    wrmsr
    popl %eax
    movl %eax, %cr4
    popl %eax
    movl %eax, %cr3
    popl %eax
    movl %eax, %cr0
    movl %ebp, %eax
    popfl
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret

    .section .note.GNU-stack, "", @progbits
