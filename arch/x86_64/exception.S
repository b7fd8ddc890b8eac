/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry stubs of all 256 vectors, and the catch frame of decision 4.
 * Assembly because the processor defines the stack's layout. */
/* Offsets in struct exception_frame (interrupt.h). */
    .set FRAME_RIP, 17 * 8
    .set FRAME_RFLAGS, 19 * 8
    .set FRAME_RSP, 20 * 8

    .macro pop_registers
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    .endm

    .text
    .balign 16
    .globl interrupt_stubs
interrupt_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    /* 8, 10-14, 17, 21, 29, 30 push an error code (SDM vol. 3, table 6-1) */
    .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
    pushq $0
    .endif
    pushq $vector
    jmp interrupt_common
    .set vector, vector + 1
    .endr

interrupt_common:
    cld
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    xor %ebp, %ebp
    mov %rsp, %rbx
    and $-16, %rsp
    call exception_entry
    mov %rbx, %rsp
    test %al, %al
    jnz leave_without_iret
    pop_registers
    add $16, %rsp
    iretq

/* Flags and RIP go onto the interrupted stack and are loaded from there: an
 * IRET would unblock NMIs (SDM vol. 3, 6.7.1). */
leave_without_iret:
    mov FRAME_RSP(%rsp), %rax
    sub $16, %rax
    mov FRAME_RFLAGS(%rsp), %rcx
    mov %rcx, (%rax)
    mov FRAME_RIP(%rsp), %rcx
    mov %rcx, 8(%rax)
    mov %rax, FRAME_RSP(%rsp)
    pop_registers
    mov FRAME_RSP - 15 * 8(%rsp), %rsp
    popfq
    ret

/* int cpu_catch(void (*function)(void *), void *argument) */
    .set PERCPU_ABANDON_RSP, 24
    .globl cpu_catch
cpu_catch:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    sub $8, %rsp
    mov %gs:0, %rax
    mov %rsp, PERCPU_ABANDON_RSP(%rax)
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    xor %eax, %eax
1:  mov %gs:0, %rcx
    movq $0, PERCPU_ABANDON_RSP(%rcx)
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

/* Where an abandoned exception returns to, on cpu_catch()'s stack. */
    .globl cpu_abandoned
cpu_abandoned:
    mov $1, %eax
    lea 48(%rsp), %rbp
    jmp 1b

/* void idle_wait(void): a handler that strikes between the labels moves RIP
 * to idle_end. Its IRET ends the STI shadow. */
    .globl idle_wait, idle_begin, idle_end
idle_wait:
idle_begin:
    sti
    hlt
idle_end:
    cli
    ret

/* int msr_read(uint32_t msr, uint64_t *value) */
    .globl msr_read
msr_read:
    mov %edi, %ecx
2:  rdmsr
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, (%rsi)
    xor %eax, %eax
    ret

/* int msr_write(uint32_t msr, uint64_t value) */
    .globl msr_write
msr_write:
    mov %edi, %ecx
    mov %esi, %eax
    mov %rsi, %rdx
    shr $32, %rdx
3:  wrmsr
    xor %eax, %eax
    ret
4:  mov $-19, %eax /* -ENODEV */
    ret

    .section .fixup_table, "a"
    .quad 2b, 4b
    .quad 3b, 4b
    .section .note.GNU-stack, "", @progbits
