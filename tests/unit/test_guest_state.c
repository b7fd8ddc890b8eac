/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: vmm/guest_state.c vmm/pv_eoi.c vmm/devices/lapic*.c */
/* Saved state: the table names every byte once, and every part comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "vmm/exits.h"
#include "vmm/guest.h"
#include "vmm/pv_eoi.h"

static struct x86_state processor; /* what the backend holds */
static unsigned eoi_asked;
static uint64_t offset_set;

static void fake_save(struct arch_vcpu *vcpu, struct x86_state *state)
{
    (void)vcpu;
    *state = processor;
}

static void fake_restore(struct arch_vcpu *vcpu, const struct x86_state *state)
{
    (void)vcpu;
    processor = *state;
}

static void fake_x2apic(struct arch_vcpu *vcpu, bool on)
{
    (void)vcpu;
    (void)on;
}

static void fake_offset(struct arch_vcpu *vcpu, uint64_t offset)
{
    (void)vcpu;
    offset_set = offset;
}

static void fake_activity(struct arch_vcpu *vcpu, enum x86_activity activity)
{
    (void)vcpu;
    assert_int_equal(activity, ACTIVITY_ACTIVE);
}

static const struct cpu_backend fake = {
    .name = "fake",
    .save = fake_save,
    .restore = fake_restore,
    .set_x2apic = fake_x2apic,
    .set_tsc_offset = fake_offset,
    .set_activity = fake_activity,
};
const struct cpu_backend *cpu = &fake;

void cell_switch(struct cell *cell, struct arch_vcpu *vcpu)
{
    (void)cell;
    (void)vcpu;
}

void platform_eoi_wanted(struct guest *guest)
{
    (void)guest;
    eoi_asked++;
}

#define WORD 0x1000u /* where the guest's PV EOI bit is */
static uint32_t word;

bool guest_has_page(const struct guest *guest, uint64_t gpa)
{
    (void)guest;
    return gpa == WORD;
}

int guest_read(const struct guest *guest, uint64_t gpa, void *data,
               uint64_t size)
{
    (void)guest;
    assert_int_equal(size, sizeof(word));
    memcpy(data, &word, sizeof(word));
    return gpa == WORD ? 0 : -EFAULT;
}

int guest_write(struct guest *guest, uint64_t gpa, const void *data,
                uint64_t size)
{
    (void)guest;
    assert_int_equal(size, sizeof(word));
    assert_int_equal(gpa, WORD);
    memcpy(&word, data, sizeof(word));
    return 0;
}

static struct vm vm;
static struct guest *guest;
static struct guest_state *state, *again;

static void fill(void *data, size_t size)
{
    static uint64_t x = 88172645463325252u;
    uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++) {
        x ^= x << 13; /* xorshift64 */
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (uint8_t)x;
    }
}

static void fill_event(struct x86_event *event)
{
    event->valid = true;
    event->has_error = true;
}

static void fill_guest(void)
{
    fill(&processor, sizeof(processor));
    fill_event(&processor.event);
    processor.activity = ACTIVITY_HLT;
    fill(&guest->vcpu[0].lapic, sizeof(guest->vcpu[0].lapic));
    fill(&guest->vcpu[0].msrs, sizeof(guest->vcpu[0].msrs));
    fill(&guest->platform, sizeof(guest->platform));
    guest->vcpu[0].activity = ACTIVITY_HLT;
    guest->call_pending = true;
}

static int set_up(void **unused)
{
    (void)unused;
    guest = aligned_alloc(4096, sizeof(*guest));
    state = aligned_alloc(16, sizeof(*state));
    again = aligned_alloc(16, sizeof(*again));
    memset(guest, 0, sizeof(*guest));
    guest->vm = &vm;
    fill_guest();
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    free(guest);
    free(state);
    free(again);
    return 0;
}

/* Parts in order, without overlap, and nothing between them but padding. */
static void test_table_covers_the_struct(void **unused)
{
    size_t at = 0;

    (void)unused;
    for (unsigned i = 0; i < guest_state_part_count; i++) {
        size_t next = SIZE_MAX;
        const struct state_part *part = NULL;

        for (unsigned j = 0; j < guest_state_part_count; j++) {
            if (guest_state_parts[j].offset >= at &&
                guest_state_parts[j].offset < next) {
                part = &guest_state_parts[j];
                next = part->offset;
            }
        }
        assert_non_null(part);
        assert_true(part->offset - at < 16u);
        at = part->offset + part->size;
    }
    assert_true(sizeof(struct guest_state) - at < 16);
}

/* The state starts as all ones, so that what is not filled shows. */
static void test_save_fills_every_part(void **unused)
{
    (void)unused;
    memset(state, 0xa5, sizeof(*state));
    guest_save(guest, state);
    assert_memory_equal(state->vcpu[0].lapic.regs, guest->vcpu[0].lapic.regs,
                        LAPIC_USED);
    assert_int_equal(state->vcpu[0].lapic.errors, guest->vcpu[0].lapic.errors);
    assert_memory_equal(&state->vcpu[0].msrs, &guest->vcpu[0].msrs,
                        sizeof(struct vcpu_msrs));
    assert_memory_equal(&state->platform, &guest->platform,
                        sizeof(struct platform));
    assert_memory_equal(&state->vcpu[0].x86, &processor, sizeof(processor));
    assert_true(state->call_pending);
}

/* Each part is changed alone: it must come back, and nothing else change. */
static void test_every_part_comes_back(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < guest_state_part_count; i++) {
        const struct state_part *part = &guest_state_parts[i];

        guest_save(guest, state);
        state->call_pending = true;
        memcpy(again, state, sizeof(*state));
        ((uint8_t *)state)[part->offset] ^= 1;
        guest_restore(guest, state);
        guest_save(guest, again);
        if (part->offset == offsetof(struct guest_state, tsc)) {
            continue; /* goes on: the next test */
        }
        again->tsc = state->tsc;
        assert_memory_equal((uint8_t *)again + part->offset,
                            (uint8_t *)state + part->offset, part->size);
        assert_memory_equal(again, state, sizeof(*state));
    }
    assert_int_equal(eoi_asked, guest_state_part_count);
}

static void test_clock_goes_on(void **unused)
{
    const uint64_t back = 1ull << 40;

    (void)unused;
    guest_save(guest, state);
    state->tsc -= back;
    guest_restore(guest, state);
    assert_int_equal(offset_set, guest->tsc_offset);
    guest_save(guest, again);
    /* Less than 2^36 ticks (half a minute) later. */
    assert_true(again->tsc >= state->tsc);
    assert_true(again->tsc - state->tsc < 1ull << 36);
}

static void test_result_of_a_call(void **unused)
{
    (void)unused;
    guest_call_result(guest, 7);
    assert_int_equal(guest->vcpu[0].arch.gpr[GPR_RAX], 7);
    assert_false(guest->call_pending);
}

/* An exit was abandoned before it was settled who ends the interrupt: the
 * state must not leave it to a bit that nobody looks at after a restore. */
static void test_pv_eoi_is_settled(void **unused)
{
    struct vcpu *vcpu = &guest->vcpu[0];

    (void)unused;
    memset(&vcpu->lapic, 0, sizeof(vcpu->lapic));
    lapic_set_reg(&vcpu->lapic, LAPIC_ISR + 16, 1); /* vector 32 */
    vcpu->msrs.pv_eoi = WORD | PV_EOI_ENABLED;
    vcpu->look = LOOK_EOI;
    word = 0; /* the guest has ended it */
    guest_save(guest, state);
    assert_int_equal(vcpu->look & LOOK_EOI, 0);
    assert_int_equal(state->vcpu[0].lapic.regs[(LAPIC_ISR + 16) / 4], 0);
    lapic_set_reg(&vcpu->lapic, LAPIC_ISR + 16, 1);
    vcpu->look = LOOK_EOI;
    word = 1;
    guest_save(guest, state);
    assert_int_equal(word, 0);
    assert_int_equal(state->vcpu[0].lapic.regs[(LAPIC_ISR + 16) / 4], 1);
    word = 1; /* as the page was copied before */
    vcpu->look = LOOK_EOI;
    guest_restore(guest, state);
    assert_int_equal(word | (vcpu->look & LOOK_EOI), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_table_covers_the_struct), TEST(test_save_fills_every_part),
        TEST(test_every_part_comes_back),   TEST(test_clock_goes_on),
        TEST(test_result_of_a_call),        TEST(test_pv_eoi_is_settled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
