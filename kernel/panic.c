/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/panic.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/percpu.h"
#include "kernel/fault.h"
#include "kernel/format.h"
#include "kernel/log_ring.h"
#include "kernel/panic_sink.h"
#include "kernel/symbols.h"

#define TRACE_MAX 16

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
static void say_trace(uint64_t rip, uint64_t rbp)
{
    say("back trace:\n");
    say_place(rip);
    for (unsigned i = 0; i < TRACE_MAX; i++) {
        const uint64_t *frame = (const uint64_t *)rbp;

        if (rbp % 8 || !descriptors_on_stack(rbp) ||
            frame[1] < (uint64_t)text_start || frame[1] >= (uint64_t)text_end) {
            break;
        }
        say_place(frame[1]);
        if (frame[0] <= rbp || frame[0] - rbp > 65536) {
            break;
        }
        rbp = frame[0];
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

static volatile bool panicked;

bool panic_elsewhere(void)
{
    return panicked;
}

void panic_at(const struct exception_frame *frame, const char *fmt, ...)
{
    char what[160], c;
    va_list args;

    interrupts_off();
    if (!__atomic_exchange_n(&panicked, true, __ATOMIC_ACQ_REL)) {
        apic_send_nmi_to_others();
        if (sink.begin) {
            sink.begin();
        }
        while (ring_get(&log_ring, &c)) {
            say("%c", c);
        }
        va_start(args, fmt);
        vformat(what, sizeof(what), fmt, args);
        va_end(args);
        say("\nBULKHEAD PANIC: %s\n", what);
        say_build_id();
        say_served();
        if (frame) {
            say_registers(frame);
            say_trace(frame->rip, frame->rbp);
        } else {
            say_trace((uint64_t)__builtin_return_address(0),
                      (uint64_t)__builtin_frame_address(0));
        }
        if (sink.end) {
            sink.end(what);
        }
    }
    cpu_stop();
}
