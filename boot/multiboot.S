/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Multiboot1 and Multiboot2 headers, and the path from the 32-bit entry
 * that both define to kernel_main() in long mode. Assembly because there is
 * neither a stack nor 64-bit code yet.
 */
#define IMAGE_BASE 0xffffffff80000000
#define PHYS(symbol) ((symbol) - IMAGE_BASE)

/* Multiboot1 (specification 0.6.96, 3.1): page-aligned modules, memory map,
 * and load addresses in the header, since the image is ELF64. */
#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS ((1 << 0) | (1 << 1) | (1 << 16))

/* Multiboot2 (specification 2.0, 3.1). */
#define MB2_MAGIC 0xe85250d6

    .section .boot.header, "ax"
    .balign 8
mb1_header:
    .long MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
    .long PHYS(mb1_header)
    .long PHYS(image_start)
    .long PHYS(image_load_end)
    .long PHYS(image_end)
    .long PHYS(boot_entry)

    .balign 8
mb2_header:
    .long MB2_MAGIC, 0, mb2_end - mb2_header
    .long -(MB2_MAGIC + (mb2_end - mb2_header))
    /* Load addresses, though it is ELF: GRUB would else load the debug
     * sections, too, and on UEFI machines to address 0, which is no address
     * that firmware reads a file to. */
    .balign 8
    .word 2, 0 /* addresses */
    .long 24, PHYS(mb2_header), PHYS(image_start)
    .long PHYS(image_load_end), PHYS(image_end)
    .balign 8
    .word 3, 0 /* entry address */
    .long 12, PHYS(boot_entry)
    .balign 8
    .word 6, 0 /* modules on page boundaries */
    .long 8
    .balign 8
    .word 5, 1 /* framebuffer, of any size, and we do without one */
    .long 20, 0, 0, 0
    .balign 8
    .word 0, 0 /* end */
    .long 8
mb2_end:

    .section .boot.text, "ax"
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    mov %eax, %edi /* loader's magic: 1st argument of kernel_main */
    mov %ebx, %esi /* boot information: 2nd argument */
    mov $PHYS(boot_stack_top), %esp

    /* Identity map of 4 GiB and the same 1 GiB at IMAGE_BASE, by 2 MiB
     * pages: for the few instructions until paging_init(). */
    mov $PHYS(boot_pd), %eax
    mov $0x83, %ebx
    mov $2048, %ecx
1:  mov %ebx, (%eax)
    movl $0, 4(%eax)
    add $0x200000, %ebx
    add $8, %eax
    loop 1b
    mov $PHYS(boot_pdpt_low), %eax
    movl $PHYS(boot_pd) + 0x0003, (%eax)
    movl $PHYS(boot_pd) + 0x1003, 8(%eax)
    movl $PHYS(boot_pd) + 0x2003, 16(%eax)
    movl $PHYS(boot_pd) + 0x3003, 24(%eax)
    movl $PHYS(boot_pd) + 0x0003, PHYS(boot_pdpt_high) + 510 * 8
    movl $PHYS(boot_pdpt_low) + 3, PHYS(boot_pml4)
    movl $PHYS(boot_pdpt_high) + 3, PHYS(boot_pml4) + 511 * 8

    /* PAE alone: whatever the loader had on is off, but VMXE, which cannot be
     * cleared in VMX operation (SDM vol. 3, 24.8). */
    mov %cr4, %eax
    and $0x2000, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $PHYS(boot_pml4), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx /* IA32_EFER */
    rdmsr
    or $0x900, %eax /* LME, NXE */
    wrmsr
    mov %cr0, %eax
    and $0x9fffffff, %eax /* CD and NW off */
    or $0x80010021, %eax  /* PG, WP, NE, PE */
    mov %eax, %cr0
    lgdt PHYS(boot_gdt_pointer)
    ljmp $8, $PHYS(2f)

    .code64
2:  xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    mov $boot_stack_top, %rsp
    mov %edi, %edi
    mov %esi, %esi
    xor %ebp, %ebp
    movabs $kernel_main, %rax
    call *%rax
3:  hlt
    jmp 3b

    .section .boot.data, "aw"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff /* 64-bit code */
boot_gdt_pointer:
    .word 15
    .long PHYS(boot_gdt)

    .section .bss.boot, "aw", @nobits
    .balign 4096
boot_pml4:      .skip 4096
boot_pdpt_low:  .skip 4096
boot_pdpt_high: .skip 4096
boot_pd:        .skip 4096 * 4
    .globl boot_stack, boot_stack_top
boot_stack:     .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
