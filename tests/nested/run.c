/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the vCPUs and serves their exits. */
#include "machine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KICK        SIGUSR1
#define STRANGE_MAX 20 /* accesses to absent memory that are told */
#define RETRY_US    1500

static _Thread_local struct vcpu *current;

/* The flag also catches a signal that arrives just before KVM_RUN. */
static void on_kick(int signal)
{
    (void)signal;
    if (current)
        current->run->immediate_exit = 1;
}

void machine_kick(struct vcpu *v)
{
    pthread_kill(v->thread, KICK);
}

/* Interrupts the vCPU until it has seen to its strike. */
static void wait_struck(struct vcpu *v)
{
    struct machine *m = v->machine;
    enum strike_state state;

    do {
        machine_kick(v);
        usleep(RETRY_US);
        pthread_mutex_lock(&m->lock);
        state = v->state;
        pthread_mutex_unlock(&m->lock);
    } while (state != STRIKE_NONE);
}

static void order(struct vcpu *v, const struct strike *strike)
{
    pthread_mutex_lock(&v->machine->lock);
    v->strike = *strike;
    v->state = STRIKE_WAITING;
    pthread_mutex_unlock(&v->machine->lock);
}

void machine_strike(struct machine *m, const struct strike *strike)
{
    order(&m->cpus[strike->cpu], strike);
    wait_struck(&m->cpus[strike->cpu]);
}

static void serve_io(struct vcpu *v)
{
    struct kvm_run *run = v->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    unsigned size = run->io.size;

    for (unsigned i = 0; i < run->io.count; i++, data += size) {
        uint32_t value = 0;

        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, size);
            port_write(v->machine, run->io.port, value);
        } else {
            value = port_read(v->machine, run->io.port);
            memcpy(data, &value, size);
        }
    }
}

static void serve_mmio(struct vcpu *v)
{
    struct machine *m = v->machine;
    struct kvm_run *run = v->run;
    uint32_t value = 0;

    memcpy(&value, run->mmio.data, run->mmio.len < 4 ? run->mmio.len : 4);
    if (run->mmio.is_write && mmio_write(m, run->mmio.phys_addr, value))
        return;
    if (!run->mmio.is_write && mmio_read(m, run->mmio.phys_addr, &value)) {
        memcpy(run->mmio.data, &value, 4);
        return;
    }
    if (m->strange_ports++ < STRANGE_MAX)
        printf("nested: memory %s 0x%llx\n",
               run->mmio.is_write ? "write" : "read", run->mmio.phys_addr);
    if (!run->mmio.is_write)
        memset(run->mmio.data, 0xFF, sizeof(run->mmio.data));
}

static void print_state(struct vcpu *v)
{
    struct kvm_regs regs = {0};
    struct kvm_sregs sregs = {0};

    ioctl(v->fd, KVM_GET_REGS, &regs);
    ioctl(v->fd, KVM_GET_SREGS, &sregs);
    printf("nested: rip %llx rsp %llx rflags %llx rax %llx rcx %llx rdx %llx\n",
           regs.rip, regs.rsp, regs.rflags, regs.rax, regs.rcx, regs.rdx);
    printf("nested: cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx\n", sregs.cr0,
           sregs.cr2, sregs.cr3, sregs.cr4, sregs.efer);
}

_Noreturn static void dead(struct vcpu *v)
{
    const struct kvm_run *run = v->run;
    const char *why = "KVM gave up";

    printf("nested: vcpu %u exit %u", (unsigned)(v - v->machine->cpus),
           run->exit_reason);
    if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
        printf(" hardware reason 0x%llx",
               run->fail_entry.hardware_entry_failure_reason);
    else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
        printf(" suberror %u data 0x%llx 0x%llx", run->internal.suberror,
               run->internal.data[0], run->internal.data[1]);
    else if (run->exit_reason == KVM_EXIT_SHUTDOWN)
        why = "triple fault";
    printf("\n");
    print_state(v);
    machine_end(v->machine, 4, why);
}

static void serve_debug(struct vcpu *v)
{
    pthread_mutex_lock(&v->machine->lock);
    strike_breakpoint(v);
    pthread_mutex_unlock(&v->machine->lock);
}

static void serve_exit(struct vcpu *v)
{
    if (v->run->exit_reason == KVM_EXIT_IO)
        serve_io(v);
    else if (v->run->exit_reason == KVM_EXIT_MMIO)
        serve_mmio(v);
    else if (v->run->exit_reason == KVM_EXIT_DEBUG)
        serve_debug(v);
    else if (v->run->exit_reason != KVM_EXIT_INTR)
        dead(v);
}

_Noreturn static void run_vcpu(struct vcpu *v)
{
    current = v;
    for (;;) {
        int result = ioctl(v->fd, KVM_RUN, 0);

        if (result < 0 && errno != EINTR && errno != EAGAIN)
            dead(v);
        v->run->immediate_exit = 0;
        port_take_bunch(v->machine);
        if (result >= 0)
            serve_exit(v);
        pthread_mutex_lock(&v->machine->lock);
        strike_advance(v);
        pthread_mutex_unlock(&v->machine->lock);
    }
}

static void *run_thread(void *argument)
{
    run_vcpu(argument);
}

void machine_run(struct machine *m)
{
    struct sigaction kick = {.sa_handler = on_kick};

    sigaction(KICK, &kick, NULL);
    for (unsigned i = 1; i < m->cpu_count; i++)
        pthread_create(&m->cpus[i].thread, NULL, run_thread, &m->cpus[i]);
    m->cpus[0].thread = pthread_self();
    run_vcpu(&m->cpus[0]);
}
