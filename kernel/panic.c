/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/panic.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/percpu.h"
#include "kernel/black_box.h"
#include "kernel/fault.h"
#include "kernel/format.h"
#include "kernel/log_ring.h"
#include "kernel/panic_sink.h"
#include "kernel/string.h"
#include "kernel/symbols.h"

static struct panic_sink sink;

void panic_set_sink(const struct panic_sink *to)
{
    sink = *to;
}

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
    char line[160];
    va_list args;

    va_start(args, fmt);
    vformat(line, sizeof(line), fmt, args);
    va_end(args);
    if (sink.write) {
        sink.write(line);
    }
}

static void say_registers(const struct exception_frame *f)
{
    say("rip %016lx rsp %016lx rflags %08lx error %lx\n", f->rip, f->rsp,
        f->rflags, f->error_code);
    say("rax %016lx rbx %016lx rcx %016lx\n", f->rax, f->rbx, f->rcx);
    say("rdx %016lx rsi %016lx rdi %016lx\n", f->rdx, f->rsi, f->rdi);
    say("rbp %016lx r8  %016lx r9  %016lx\n", f->rbp, f->r8, f->r9);
    say("r10 %016lx r11 %016lx r12 %016lx\n", f->r10, f->r11, f->r12);
    say("r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
    say("cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx\n", read_cr0(), read_cr2(),
        read_cr3(), read_cr4());
}

static void say_place(uint64_t address)
{
    uint64_t offset;
    const char *name = symbol_find(address, &offset);

    say("  %016lx %s+0x%lx\n", address, name, offset);
}

/* Frame pointers lead from one frame to the next; they are followed only
 * upward and only while they stay near, since the stack may be damaged. */
static uint32_t collect_trace(uint64_t rip, uint64_t rbp,
                              uint64_t trace[BLACK_BOX_TRACE])
{
    uint32_t count = 0;

    trace[count++] = rip;
    while (count < BLACK_BOX_TRACE) {
        const uint64_t *frame = (const uint64_t *)rbp;

        if (rbp % 8 || !descriptors_on_stack(rbp) ||
            frame[1] < (uint64_t)text_start || frame[1] >= (uint64_t)text_end) {
            break;
        }
        trace[count++] = frame[1];
        if (frame[0] <= rbp || frame[0] - rbp > 65536) {
            break;
        }
        rbp = frame[0];
    }
    return count;
}

static void say_trace(const struct black_box_panic *record)
{
    say("back trace:\n");
    for (uint32_t i = 0; i < record->trace_count; i++) {
        say_place(record->trace[i]);
    }
}

static void say_build_id(void)
{
    /* ELF note: name size, descriptor size, type, "GNU\0", descriptor. */
    say("build ");
    for (unsigned i = 0; i < 20; i++) {
        say("%02x", build_id[16 + i]);
    }
    say("\n");
}

static void say_served(void)
{
    const struct percpu *self = this_cpu();

    if (self->served_vm == FAULT_NO_VM) {
        say("cpu%u, no VM was being served\n", self->index);
    } else {
        say("cpu%u, serving VM %u (vCPU %u), core depth %u\n", self->index,
            self->served_vm, self->served_vcpu, self->core_depth);
    }
}

/* What was posted and not looked at yet, a fatal machine check above all. */
static void keep_posted(void)
{
    struct fault fault;

    while (fault_take(&fault)) {
        struct black_box_fault record = {.number = black_box_next_number()};

        black_box_describe(&record, &fault);
        black_box_note(&record);
    }
}

/* Before anything is printed: a serial line may be what hangs. */
static void keep(struct black_box_panic *record,
                 const struct exception_frame *frame, uint64_t rip,
                 uint64_t rbp)
{
    const struct percpu *self = this_cpu();

    keep_posted();
    /* ELF note: name size, descriptor size, type, "GNU\0", descriptor. */
    memcpy(record->build, build_id + 16, sizeof(record->build));
    record->cpu = self->index;
    record->served_vm = self->served_vm;
    record->core_depth = self->core_depth;
    record->trace_count = collect_trace(rip, rbp, record->trace);
    record->rip = rip;
    record->rsp = frame ? frame->rsp : rbp;
    record->rflags = frame ? frame->rflags : 0;
    record->cr2 = read_cr2();
    record->cr3 = read_cr3();
    black_box_panic(record);
}

#define NOBODY UINT32_MAX

static volatile uint32_t panicked = NOBODY; /* index of the CPU that did */

bool panic_elsewhere(void)
{
    return panicked != NOBODY && panicked != this_cpu()->index;
}

static void end(const char *what)
{
    static bool ended;

    if (!ended && sink.end) {
        ended = true;
        sink.end(what);
    }
}

void panic_at(const struct exception_frame *frame, const char *fmt, ...)
{
    static struct black_box_panic record;
    va_list args;
    char c;
    uint32_t nobody = NOBODY;

    interrupts_off();
    this_cpu()->watch_limit = 0;
    if (__atomic_compare_exchange_n(&panicked, &nobody, this_cpu()->index,
                                    false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED)) {
        apic_send_nmi_to_others();
        va_start(args, fmt);
        vformat(record.what, sizeof(record.what), fmt, args);
        va_end(args);
        if (frame) {
            keep(&record, frame, frame->rip, frame->rbp);
        } else { /* the caller's own place and frame */
            keep(&record, NULL, (uint64_t)__builtin_return_address(0),
                 *(const uint64_t *)__builtin_frame_address(0));
        }
        if (sink.begin) {
            sink.begin();
        }
        while (ring_get(&log_ring, &c)) {
            say("%c", c);
        }
        say("\n");
        if (sink.message) {
            sink.message();
        }
        say("BULKHEAD PANIC: %s\n", record.what);
        say_build_id();
        say_served();
        if (frame) {
            say_registers(frame);
        }
        say_trace(&record);
        end(record.what);
    } else if (panicked == this_cpu()->index) {
        end("panic while a panic was told"); /* a reset is not left out */
    }
    cpu_stop();
}
