/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/guest.h"

#include "kernel/errno.h"
#include "kernel/frame.h"
#include "kernel/string.h"

bool guest_has_page(const struct guest *guest, uint64_t gpa)
{
    return gpa < guest->top && (gpa < LOAD_HOLE || gpa >= LOAD_ABOVE_4G);
}

static bool is_ram(const struct guest *guest, uint64_t gpa, uint64_t size)
{
    uint64_t last = gpa + size - 1;

    return size <= guest->memory && last >= gpa && guest_has_page(guest, gpa) &&
           guest_has_page(guest, last) &&
           (gpa < LOAD_HOLE) == (last < LOAD_HOLE);
}

int guest_write(struct guest *guest, uint64_t gpa, const void *data,
                uint64_t size)
{
    if (size == 0) {
        return 0;
    }
    if (!is_ram(guest, gpa, size)) {
        return -EFAULT;
    }
    for (uint64_t page = gpa >> PAGE_SHIFT;
         page <= (gpa + size - 1) >> PAGE_SHIFT; page++) {
        guest->dirty_bits[page / 64] |= 1ul << page % 64;
    }
    memcpy((void *)(CELL_RAM + gpa), data, size);
    return 0;
}

int guest_read(const struct guest *guest, uint64_t gpa, void *data,
               uint64_t size)
{
    if (size == 0) {
        return 0;
    }
    if (!is_ram(guest, gpa, size)) {
        return -EFAULT;
    }
    memcpy(data, (const void *)(CELL_RAM + gpa), size);
    return 0;
}

int guest_set_frame(struct guest *guest, uint64_t gpa, uint64_t frame)
{
    int error;

    gpa &= ~(PAGE_SIZE - 1);
    if (!guest_has_page(guest, gpa)) {
        return -EFAULT;
    }
    /* The window last: whoever is abandoned in between finds the old frame
     * there, and does both again. */
    error = cpu->stage2_map(&guest->stage2, gpa, frame,
                            STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC);
    return error ? error
                 : page_map(guest->vm->cell.root, CELL_RAM + gpa, frame,
                            PROT_WRITE, guest->vm->id);
}

static unsigned vcpu_list(struct guest *guest, struct arch_vcpu *list[])
{
    for (unsigned i = 0; i < VCPUS_MAX; i++) {
        list[i] = &guest->vcpu[i].arch;
    }
    return VCPUS_MAX;
}

/* Nobody knows which pages were written: all count as written. */
static void mark_all(struct guest *guest)
{
    for (uint64_t page = 0; page < guest->top / PAGE_SIZE; page++) {
        if (guest_has_page(guest, page << PAGE_SHIFT)) {
            guest->dirty_bits[page / 64] |= 1ul << page % 64;
        }
    }
}

void guest_dirty_collect(struct guest *guest)
{
    struct arch_vcpu *list[VCPUS_MAX];
    unsigned count = vcpu_list(guest, list);

    cell_switch(&guest->vm->cell, list[0]);
    cpu->dirty_collect(&guest->stage2, list, count);
    if (guest->vm->cell.dirty_lost) {
        guest->vm->cell.dirty_lost = false;
        mark_all(guest);
    }
}

void guest_dirty_rearm(struct guest *guest)
{
    cpu->dirty_rearm(&guest->stage2);
}
