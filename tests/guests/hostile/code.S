/* SPDX-License-Identifier: BSD-2-Clause */
/* uint32_t try_kernel(struct try *t, const void *code), try_user() */

#define TRAP_NONE 256

    .bss
    .align 16
    .globl try_stack
try_esp:
    .long 0
try_pointer:
    .long 0
    .skip 4096
user_stack:

    .macro load_registers
    movl 0(%ebp), %eax
    movl 4(%ebp), %ecx
    movl 8(%ebp), %edx
    movl 12(%ebp), %ebx
    movl 16(%ebp), %esi
    movl 20(%ebp), %edi
    .endm

    .text
    .globl try_kernel
try_kernel:
    pushal
    movl 36(%esp), %ebp
    movl %ebp, try_pointer
    movl %esp, try_esp
    movl $TRAP_NONE, trap_caught
    movl $0, trap_error
    movl $try_back, trap_resume
    pushl $try_back             /* where code returns to */
    pushl 44(%esp)              /* code */
    load_registers
    ret

    /* Nothing but CS is known here. */
try_back:
    movl %cs:try_esp, %esp
    pushl $0x10
    popl %ss
    pushl %eax
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    cld
    movl try_pointer, %eax
    movl %ecx, 4(%eax)
    movl %edx, 8(%eax)
    movl %ebx, 12(%eax)
    movl %esi, 16(%eax)
    movl %edi, 20(%eax)
    popl 0(%eax)
    movl trap_error, %ecx
    movl %ecx, 24(%eax)
    movl $0, trap_resume
    popal
    movl trap_caught, %eax
    ret

    .globl try_user
try_user:
    pushal
    movl 36(%esp), %ebp
    movl %ebp, try_pointer
    movl %esp, try_esp
    movl $TRAP_NONE, trap_caught
    movl $0, trap_error
    movl $user_done, trap_resume
    movl $user_done, user_stack - 16
    movl 40(%esp), %eax
    pushl $0x2B                 /* SS */
    pushl $user_stack - 16
    pushl $2                    /* EFLAGS */
    pushl $0x23                 /* CS */
    pushl %eax
    movl $0x2B, %eax
    movl %eax, %ds
    movl %eax, %es
    load_registers
    iretl

    /* In ring 3, also after an exception. */
user_done:
    int $0x80

    .globl try_user_back
try_user_back:
    jmp try_back

    .section .note.GNU-stack, "", @progbits
