/* SPDX-License-Identifier: BSD-2-Clause */
/* Real mode, and virtual-8086 mode. */

    .bss
real_esp:
    .long 0
real_idt:
    .skip 8

    .text
    .globl real_run, real_begin, real_end
/* void real_run(void): the code between real_begin and real_end lies at
 * 0x7000 and runs there in real mode, with interrupts off. */
real_run:
    pushal
    movl %esp, real_esp
    sidt real_idt
    lidt real_table
    ljmp $0x48, $0x7000

    .code16
real_begin:
    movw $0x50, %ax             /* limits of 64 KiB */
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    ljmp $0, $0x7000 + (1f - real_begin)
1:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x6F00, %sp
    /* Instructions that exit. */
    xorl %eax, %eax
    cpuid
    movw $0x80, %dx
    movw $100, %cx
    xorw %si, %si
    rep outsb
    movw $100, %cx
    movw $0x6000, %di
    rep insw
    movl $0x1B, %ecx
    rdmsr
    vmcall
    wbinvd
    movl %cr0, %eax
    xorl $0x40000000, %eax
    movl %eax, %cr0
    xorl $0x40000000, %eax
    movl %eax, %cr0
    int $0x40                   /* its vector leads to an IRET */
    into
    lmsw %ax
    movl $0x12345, %ecx         /* #GP: its vector counts */
    rdmsr
    .byte 0x0F, 0x01, 0xC2      /* VMLAUNCH: #UD */
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $0x08, $real_back
    .align 16
    .globl real_handler_iret, real_handler_skip
real_handler_iret:
    iretw
real_handler_skip:              /* the length of both is 2 or 3 */
    movw %sp, %bp
    incw 0x6F80
    cmpw $1, 0x6F80
    jne 4f
    addw $2, (%bp)
    iretw
4:  addw $3, (%bp)
    iretw
real_end:

    .code32
real_back:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl real_esp, %esp
    lidt real_idt
    popal
    ret

/* uint32_t v86_try(uint32_t address): run what lies there in virtual-8086
 * mode; the vector that ended it. */
    .globl v86_try, v86_gp, v86_ud
v86_try:
    pushal
    movl %esp, real_esp
    movl 36(%esp), %eax
    .rept 5                     /* GS, FS, DS, ES, SS */
    pushl $0
    .endr
    pushl $0x6F00
    pushl $0x20002              /* VM */
    pushl $0                    /* CS */
    pushl %eax
    iretl

v86_gp:
    movl $13, %ebx
    jmp 1f
v86_ud:
    movl $6, %ebx
1:  movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl real_esp, %esp
    movl %ebx, 28(%esp)         /* EAX of PUSHAL */
    popal
    ret

    .data
    .align 8
    .word 0
real_table:
    .word 0x3FF
    .long 0

    .section .note.GNU-stack, "", @progbits
