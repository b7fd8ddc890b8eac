/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot before this one left in the black box, told at start-up. */
#include <stddef.h>

#include "arch/x86_64/image.h"
#include "kernel/black_box.h"
#include "kernel/black_box_place.h"
#include "kernel/event.h"
#include "kernel/fact.h"
#include "kernel/string.h"
#include "kernel/symbols.h"

static void tell_fault(const struct black_box_fault *fault)
{
    struct event event;

    event_begin(&event, "earlier-fault");
    event_text(&event, "vm", fault->vm);
    event_text(&event, "kind", fault->kind);
    event_text(&event, "severity", fault->severity);
    event_text(&event, "context", fault->context);
    event_number(&event, "address", fault->address);
    event_number(&event, "detail", fault->detail);
    event_number(&event, "rip", fault->rip);
    event_text(&event, "action", fault->action);
    event_text(&event, "outcome", fault->outcome);
    event_number(&event, "journal", fault->number);
    event_end(&event);
    log_warn("earlier: #%u %s %s, %s, in %s: %s %s", fault->number, fault->vm,
             fault->kind, fault->severity, fault->context,
             fault->action[0] ? fault->action : "nothing was done yet",
             fault->outcome);
    log_warn("earlier:   address 0x%lx, detail 0x%lx, RIP 0x%lx",
             fault->address, fault->detail, fault->rip);
}

/* Names only for addresses in this very image. */
static void tell_place(const struct black_box_panic *panic, uint64_t address)
{
    uint64_t offset;
    const char *name;

    if (memcmp(panic->build, build_id + 16, sizeof(panic->build))) {
        log_warn("earlier:   %016lx in another build", address);
        return;
    }
    name = symbol_find(address, &offset);
    log_warn("earlier:   %016lx %s+0x%lx", address, name, offset);
}

static void tell_panic(const struct black_box_panic *panic)
{
    struct event event;

    event_begin(&event, "earlier-panic");
    event_text(&event, "what", panic->what);
    event_number(&event, "cpu", panic->cpu);
    event_number(&event, "rip", panic->rip);
    event_end(&event);
    log_warn("earlier: PANIC: %s", panic->what);
    log_warn("earlier:   cpu%u, VM %u served, core depth %u", panic->cpu,
             panic->served_vm, panic->core_depth);
    log_warn("earlier:   rip %016lx rsp %016lx rflags %08lx", panic->rip,
             panic->rsp, panic->rflags);
    log_warn("earlier:   cr2 %016lx cr3 %016lx", panic->cr2, panic->cr3);
    for (unsigned i = 0; i < panic->trace_count && i < BLACK_BOX_TRACE; i++) {
        tell_place(panic, panic->trace[i]);
    }
}

static unsigned count_faults(void)
{
    unsigned count = 0;

    while (black_box_earlier(count)) {
        count++;
    }
    return count;
}

static void tell_event(unsigned faults, bool panicked)
{
    struct event event;

    event_begin(&event, "black-box");
    event_number(&event, "boot", black_box_boots());
    event_number(&event, "faults", faults);
    event_boolean(&event, "panic", panicked);
    event_end(&event);
}

void black_box_tell(void)
{
    const struct black_box_panic *panic = black_box_earlier_panic();
    const unsigned faults = count_faults();

    tell_event(faults, panic != NULL);
    if (!black_box_boots()) {
        fact_warn("black box", "no memory for it: nothing survives a reset");
        return;
    }
    fact_info("black box",
              "boot %u since power-on; earlier: %u faults, %u panics",
              black_box_boots(), faults, panic ? 1 : 0);
    for (unsigned i = 0; i < faults; i++) {
        tell_fault(black_box_earlier(i));
    }
    if (panic) {
        tell_panic(panic);
    }
}
