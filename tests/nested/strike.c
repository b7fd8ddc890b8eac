/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine checks: raised by KVM_X86_SET_MCE, which the kernel sees exactly as
 * hardware raises them, at a moment that the script names.
 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define NESTED_STATE_MAX 16384 /* KVM: two pages of VMCS */
#define MCE_BANK         9     /* the last one, as QEMU does */
#define OTHER_BANK       1     /* what QEMU takes on the other CPUs */
#define IMAGE_BASE       0xFFFFFFFF80000000 /* boot/bulkhead.lds */
#define BREAKPOINT       0xCC
#define WAITS            "nested: strike waits"

/* SRAR, data load: VAL UC EN MISCV ADDRV S AR (SDM vol. 3, 16.9.3.2). */
#define SRAR_STATUS 0xBD80000000000134
#define SRAR_MISC   0x8C /* physical address, valid down to bit 12 */

/* What QEMU's `mce -b` gives the other CPUs: VAL and UC, but not EN; RIPV and
 * MCIP (QEMU 7.2, target/i386/helper.c). */
#define OTHER_STATUS 0xA000000000000000
#define OTHER_MCG    5
#define MCG_EIPV     2

static bool take_moment(struct strike *s, const char *value)
{
    if (!strcmp(value, "guest")) {
        s->when = STRIKE_GUEST;
    } else if (!strcmp(value, "root")) {
        s->when = STRIKE_ROOT;
    } else if (!strcmp(value, "entering")) {
        s->when = STRIKE_ENTERING;
    } else {
        s->when = STRIKE_AT;
        s->at = strtoull(value, NULL, 16);
    }
    return s->when != STRIKE_AT || s->at >= IMAGE_BASE;
}

static bool take_pair(struct strike *s, const char *key, const char *value)
{
    uint64_t number = strtoull(value, NULL, 16);

    if (!strcmp(key, "when"))
        return take_moment(s, value);
    if (!strcmp(key, "status"))
        s->mce.status = number;
    else if (!strcmp(key, "misc"))
        s->mce.misc = number;
    else if (!strcmp(key, "mcg"))
        s->mce.mcg_status = number;
    else if (!strcmp(key, "bank"))
        s->mce.bank = (uint8_t)number;
    else if (!strcmp(key, "cpu"))
        s->cpu = (unsigned)number % MAX_CPUS;
    else if (!strcmp(key, "delay"))
        s->delay_ms = (unsigned)atoi(value);
    else if (strcmp(key, "addr") != 0)
        return false;
    else if (strcmp(value, "last") != 0) {
        s->mce.addr = number;
        s->last_address = false;
    }
    return true;
}

static bool take_word(struct strike *s, char *word)
{
    char *equals = strchr(word, '=');

    if (equals) {
        *equals = '\0';
        return take_pair(s, word, equals + 1);
    }
    if (!strcmp(word, "shared"))
        s->shared = true;
    else if (strcmp(word, "broadcast") != 0)
        return false;
    s->broadcast = true;
    return true;
}

bool strike_parse(struct strike *s, char *words)
{
    char *rest = words, *word;

    *s = (struct strike){.mce = {.status = SRAR_STATUS,
                                 .misc = SRAR_MISC,
                                 .mcg_status = 7, /* RIPV, EIPV, MCIP */
                                 .bank = MCE_BANK},
                         .last_address = true};
    while ((word = strtok_r(rest, " ", &rest)))
        if (!take_word(s, word))
            return false;
    return true;
}

/* ---- the moment ---- */

/* KVM 6.1 forgets the exception while an entry is under way. */
static bool is_moment(struct vcpu *v)
{
    struct {
        struct kvm_nested_state state;
        uint8_t rest[NESTED_STATE_MAX];
    } nested = {.state.size = sizeof(nested)};
    bool guest, entering;

    machine_must(v->machine, ioctl(v->fd, KVM_GET_NESTED_STATE, &nested),
                 "KVM_GET_NESTED_STATE");
    guest = nested.state.flags & KVM_STATE_NESTED_GUEST_MODE;
    entering = nested.state.flags & KVM_STATE_NESTED_RUN_PENDING;
    switch (v->strike.when) {
    case STRIKE_GUEST:
        return guest && !entering;
    case STRIKE_ROOT:
    case STRIKE_AT: /* KVM 6.1 forgets a breakpoint set in the guest */
        return !guest;
    case STRIKE_ENTERING:
        return entering;
    default:
        return !entering;
    }
}

static uint8_t *code_at(const struct vcpu *v)
{
    return v->machine->ram + (v->strike.at - IMAGE_BASE);
}

static void debug(struct vcpu *v, uint32_t control)
{
    struct kvm_guest_debug debug = {.control = control};

    machine_must(v->machine, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &debug),
                 "KVM_SET_GUEST_DEBUG");
}

/* ---- the blow ---- */

static void set_mce(struct vcpu *v, struct kvm_x86_mce *mce)
{
    machine_must(v->machine, ioctl(v->fd, KVM_X86_SET_MCE, mce),
                 "KVM_X86_SET_MCE");
}

/* The others get theirs at their next exit, whatever they are at. */
static void broadcast(struct vcpu *v)
{
    struct machine *m = v->machine;
    struct strike other = v->strike;

    other.broadcast = false;
    other.mce.mcg_status &= ~(uint64_t)MCG_EIPV; /* not of its instruction */
    if (!other.shared) {
        other.mce = (struct kvm_x86_mce){.status = OTHER_STATUS,
                                         .mcg_status = OTHER_MCG,
                                         .bank = OTHER_BANK};
    }
    for (unsigned i = 0; i < m->cpu_count; i++) {
        if (&m->cpus[i] == v)
            continue;
        other.when = STRIKE_ANY;
        m->cpus[i].strike = other;
        m->cpus[i].state = STRIKE_WAITING;
        machine_kick(&m->cpus[i]);
    }
}

static void strike(struct vcpu *v)
{
    printf("nested: machine check at 0x%llx on vcpu %u\n", v->strike.mce.addr,
           (unsigned)(v - v->machine->cpus));
    fflush(stdout);
    v->state = STRIKE_NONE;
    set_mce(v, &v->strike.mce);
    if (v->strike.broadcast)
        broadcast(v);
}

void strike_advance(struct vcpu *v)
{
    if (v->state != STRIKE_WAITING)
        return;
    if (v->strike.last_address) {
        v->strike.mce.addr = v->machine->told_address;
        v->strike.last_address = false;
    }
    if (!is_moment(v))
        return;
    if (v->strike.when == STRIKE_AT) {
        v->overwritten = *code_at(v);
        *code_at(v) = BREAKPOINT;
        debug(v, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP);
        v->state = STRIKE_PLANTED;
        puts(WAITS);
        script_line(v->machine, WAITS);
    } else {
        strike(v);
    }
}

void strike_breakpoint(struct vcpu *v)
{
    if (v->state != STRIKE_PLANTED || v->run->debug.arch.pc != v->strike.at)
        machine_end(v->machine, 4, "a breakpoint that is not ours");
    *code_at(v) = v->overwritten;
    debug(v, 0);
    strike(v);
}
