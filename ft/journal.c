/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/journal.h"

#include "kernel/string.h"

static struct journal_entry entries[JOURNAL_SIZE];
static uint32_t last;

struct journal_entry *journal_open(uint16_t vm, const char *kind)
{
    struct journal_entry *entry = &entries[++last % JOURNAL_SIZE];

    memset(entry, 0, sizeof(*entry));
    entry->number = last;
    entry->vm = vm;
    entry->kind = kind;
    entry->why = "";
    return entry;
}

struct journal_entry *journal_find(uint32_t number)
{
    struct journal_entry *entry = &entries[number % JOURNAL_SIZE];

    return number && entry->number == number ? entry : NULL;
}

uint32_t journal_last(void)
{
    return last;
}

static void keep_registers(struct journal_registers *to,
                           const struct x86_state *from)
{
    memcpy(to->gpr, from->gpr, sizeof(to->gpr));
    to->rip = from->rip;
    to->rflags = from->rflags;
    to->cr0 = from->cr0;
    to->cr2 = from->cr2;
    to->cr3 = from->cr3;
    to->cr4 = from->cr4;
    to->efer = from->efer;
    to->fs_base = from->segment[SEG_FS].base;
    to->gs_base = from->segment[SEG_GS].base;
    to->cs = from->segment[SEG_CS].selector;
    to->ss = from->segment[SEG_SS].selector;
    to->activity = from->activity;
    to->event = from->event;
}

void journal_evidence(struct journal_entry *entry,
                      const struct x86_state *state, const struct vcpu *vcpu)
{
    keep_registers(&entry->registers, state);
    entry->valid |= JOURNAL_REGISTERS;
    for (uint32_t i = 0; i < JOURNAL_EXITS; i++) {
        entry->history[i] =
            vcpu->history[(vcpu->history_next - 1 - i) % EXIT_HISTORY];
    }
    entry->valid |= JOURNAL_HISTORY;
}
