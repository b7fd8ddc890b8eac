/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose a frame of host memory is, and what it is used for. */
#ifndef KERNEL_FRAME_OWNER_H
#define KERNEL_FRAME_OWNER_H

enum frame_owner {
    OWNER_FREE,
    OWNER_CORE,        /* the hypervisor's image, stacks, shared data */
    OWNER_FIRMWARE,    /* reserved, ACPI, devices, or no memory at all */
    OWNER_MODULE,      /* a boot module: image kept for restarts */
    OWNER_VM,          /* a cell; the role says which part */
    OWNER_QUARANTINED, /* out of use for ever */
    OWNER_KINDS
};

/* For OWNER_VM; ROLE_NONE for all others. */
enum frame_role {
    ROLE_NONE,
    ROLE_RAM,    /* guest memory */
    ROLE_MIRROR, /* the newest generation's copy of a RAM page */
    ROLE_UNDO,   /* the older generation's undo log */
    ROLE_TABLE,  /* EPT, bitmaps, page tables of the cell window */
    ROLE_STATE,  /* VMCS, vCPU, device and saved state */
    ROLE_SPARE,  /* held ready to replace a bad frame */
    ROLE_KINDS
};

#endif
