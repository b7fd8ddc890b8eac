/* SPDX-License-Identifier: BSD-2-Clause */
/* enum exit_kind vmx_enter(struct arch_vcpu *vcpu, uint64_t deadline,
 *                          struct vmx_entry *entry)
 * struct arch_vcpu starts with gpr[16]; struct vmx_entry is in vmx.h. Until
 * VMLAUNCH the stack is ours: whatever strikes between the labels goes on at
 * vm_entry_abort, and nothing has been lost. */
    .text
    .globl vmx_enter, vmx_exit_point
    .globl vm_entry_begin, vm_entry_end, vm_entry_abort, vm_entry_abort_mce
vmx_enter:
    .irp reg, rbp, rbx, r12, r13, r14, r15, rsi, rdi
    push %\reg
    .endr
    cli
    cmp %rsp, (%rdx)            /* entry->host_rsp */
    je vm_entry_begin
    mov %rsp, (%rdx)
    mov $0x6c14, %eax           /* VMCS_HOST_RSP */
    vmwrite %rsp, %rax
vm_entry_begin:
    cmpb $1, 8(%rdx)            /* entry->launched */
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    mov 8*\n(%rdi), %r\n
    .endr
    mov 0(%rdi), %rax
    mov 8(%rdi), %rcx
    mov 16(%rdi), %rdx
    mov 24(%rdi), %rbx
    mov 40(%rdi), %rbp
    mov 48(%rdi), %rsi
    mov 56(%rdi), %rdi
    jb 1f
    vmresume
    jmp vm_entry_end
1:  vmlaunch
vm_entry_end:
    mov $1, %edx                /* VMX_FAILED */
    jmp 2f
vm_entry_abort:
    mov $2, %edx                /* VMX_ABORTED */
    jmp 2f
vm_entry_abort_mce:
    mov $3, %edx                /* VMX_MCE */
2:  pop %rdi
    .irp reg, rsi, r15, r14, r13, r12, rbx, rbp
    pop %\reg
    .endr
    jmp vmx_not_exited          /* (vcpu, deadline, outcome) */
vmx_exit_point:
    xchg %rdi, (%rsp)           /* vcpu */
    mov %rax, 0(%rdi)
    mov %rcx, 8(%rdi)
    mov %rdx, 16(%rdi)
    mov %rbx, 24(%rdi)
    mov %rbp, 40(%rdi)
    mov %rsi, 48(%rdi)
    popq 56(%rdi)
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    mov %r\n, 8*\n(%rdi)
    .endr
    .irp reg, rsi, r15, r14, r13, r12, rbx, rbp
    pop %\reg
    .endr
    jmp vmx_decode              /* (vcpu, deadline) */
    .section .note.GNU-stack, "", @progbits
