/* SPDX-License-Identifier: BSD-2-Clause */
/* 256 entries; each leaves a struct trap_frame and calls trap_dispatch(). */

    .text
    .globl trap_entries
trap_entries:
    .set vector, 0
    .rept 256
    .align 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
    .else
    pushl $0
    .endif
    pushl $vector
    jmp trap_common
    .set vector, vector + 1
    .endr

trap_common:
    pushal
    cld
    pushl %esp
    call trap_dispatch
    addl $4, %esp
    popal
    addl $8, %esp
    iretl

    .section .note.GNU-stack, "", @progbits
