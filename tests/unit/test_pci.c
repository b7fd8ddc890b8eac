/* sources: drivers/pci.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drivers/pci.h"
#include "kernel/string.h"

/* A machine's functions; whatever is not listed reads as all ones. */
struct fake {
    pci_id id;
    uint32_t word[6]; /* the registers up to the second base address */
    uint32_t forced;  /* command bits that stay on */
    unsigned writes;
};

static struct fake fakes[12];
static unsigned fake_count;
static bool present;

static struct fake *find(pci_id id)
{
    for (unsigned i = 0; i < fake_count; i++) {
        if (fakes[i].id == id) {
            return &fakes[i];
        }
    }
    return NULL;
}

bool pci_config_present(void)
{
    return present;
}

uint32_t pci_config_read(pci_id id, uint8_t offset)
{
    struct fake *f = find(id);

    assert_true(present);
    assert_true(offset % 4 == 0 && offset <= 0x14);
    return f ? f->word[offset / 4] : UINT32_MAX;
}

void pci_config_write(pci_id id, uint8_t offset, uint32_t value)
{
    struct fake *f = find(id);

    assert_non_null(f);
    assert_int_equal(offset, 4);
    assert_int_equal(value >> 16, 0); /* no status bit is cleared */
    f->word[1] = (f->word[1] & 0xffff0000) | value | f->forced;
    f->writes++;
}

static struct fake *add(unsigned bus, unsigned device, unsigned function,
                        uint32_t class, uint32_t command)
{
    struct fake *f = &fakes[fake_count++];

    assert_true(fake_count <= 12);
    *f = (struct fake){.id = PCI_ID(bus, device, function)};
    f->word[0] = 0x12378086;
    f->word[1] = 0xf2900000 | command;
    f->word[2] = class << 8 | 2;
    return f;
}

static int reset(void **state)
{
    (void)state;
    fake_count = 0;
    present = true;
    return 0;
}

static void nothing_is_touched_without_pci(void **state)
{
    struct pci_scan scan;

    (void)state;
    present = false;
    pci_scan(false, &scan);
    assert_false(scan.present);
    assert_int_equal(scan.functions, 0);
}

static void masters_are_stopped_on_every_bus(void **state)
{
    struct pci_scan scan;

    (void)state;
    add(0, 0, 0, 0x060000, 0x2)->word[3] = 0;
    add(0, 1, 0, 0x060400, 0x107)->word[3] = 1u << 16; /* a bridge */
    add(1, 0, 0, 0x0c0330, 0x406);
    add(0x80, 31, 0, 0x010601, 0x7); /* another root */
    add(0xff, 0, 0, 0x020000, 0x3);  /* no master */
    pci_scan(false, &scan);
    assert_true(scan.present);
    assert_int_equal(scan.functions, 5);
    assert_int_equal(scan.cleared, 3);
    assert_int_equal(scan.stuck, 0);
    assert_int_equal(fakes[1].word[1], 0xf2900103); /* the other bits stay */
    assert_int_equal(fakes[2].word[1], 0xf2900402);
    assert_int_equal(fakes[3].word[1], 0xf2900003);
    assert_int_equal(fakes[0].writes + fakes[4].writes, 0);
}

static void further_functions_only_where_there_are_many(void **state)
{
    struct pci_scan scan;

    (void)state;
    add(0, 1, 0, 0x060100, 0)->word[3] = 0x80u << 16;
    add(0, 1, 1, 0x010180, 5);
    add(0, 1, 7, 0x0c0300, 5);
    add(0, 2, 0, 0x020000, 0);
    add(0, 2, 1, 0x020000, 5); /* an echo of function 0 */
    add(0, 3, 1, 0x020000, 5); /* function 0 is absent */
    add(0, 4, 0, 0x020000, 5)->word[0] = 0;
    pci_scan(false, &scan);
    assert_int_equal(scan.functions, 4);
    assert_int_equal(scan.cleared, 2);
    assert_int_equal(fakes[4].writes + fakes[5].writes + fakes[6].writes, 0);
}

static void what_stays_on_is_named(void **state)
{
    struct pci_scan scan;

    (void)state;
    add(0, 2, 0, 0x020000, 4);
    add(0, 3, 0, 0x0c0300, 4)->forced = 4;
    add(0, 4, 0, 0x0c0300, 4)->forced = 4;
    add(0, 5, 0, 0x060000, 4)->forced = 4; /* always, and harmless */
    add(0, 6, 0, 0x060100, 4)->forced = 4;
    pci_scan(false, &scan);
    assert_int_equal(scan.cleared, 1);
    assert_int_equal(scan.stuck, 2);
    assert_int_equal(scan.first_stuck, PCI_ID(0, 3, 0));
}

static void a_display_in_use_is_left_alone(void **state)
{
    struct pci_scan scan;

    (void)state;
    add(0, 2, 0, 0x030000, 6);
    add(0, 3, 0, 0x020000, 6);
    pci_scan(true, &scan);
    assert_int_equal(scan.kept, 1);
    assert_int_equal(scan.cleared, 1);
    assert_int_equal(fakes[0].word[1] & 4, 4);
    pci_scan(false, &scan);
    assert_int_equal(scan.kept, 0);
    assert_int_equal(fakes[0].word[1] & 4, 0);
}

static void serial_lines_are_found_and_decoded(void **state)
{
    struct pci_scan scan;

    (void)state;
    add(0, 3, 0, 0x070002, 0)->word[4] = 0xc001;
    add(0, 4, 0, 0x070002, 4)->word[4] = 0xfebd1000;
    add(0, 5, 0, 0x070003, 0)->word[4] = 0x00000004 | 0x20;
    fakes[2].word[5] = 0x38;
    add(0, 6, 0, 0x070001, 0)->word[4] = 0xc009; /* 16450 */
    add(0, 7, 0, 0x070080, 0)->word[4] = 0;      /* no address */
    add(0, 8, 0, 0x070103, 0)->word[4] = 0xc011; /* parallel */
    pci_scan(false, &scan);
    assert_int_equal(scan.uart_count, 3);
    assert_int_equal(scan.uarts[0].kind, UART_PORT);
    assert_int_equal(scan.uarts[0].address, 0xc000);
    assert_int_equal(fakes[0].word[1], 0xf2900001);
    assert_int_equal(scan.uarts[1].kind, UART_MMIO);
    assert_int_equal(scan.uarts[1].address, 0xfebd1000);
    assert_int_equal(fakes[1].word[1], 0xf2900002);
    assert_int_equal(scan.uarts[2].kind, UART_MMIO);
    assert_int_equal(scan.uarts[2].address, 0x3800000020);
    for (unsigned i = 3; i < 6; i++) {
        assert_int_equal(fakes[i].writes, 0);
    }
}

static void no_more_serial_lines_than_fit(void **state)
{
    struct pci_scan scan;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        add(0, i, 0, 0x070002, 0)->word[4] = 0xc001 + 8 * i;
    }
    pci_scan(false, &scan);
    assert_int_equal(scan.uart_count, PCI_UARTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_touched_without_pci, reset),
        cmocka_unit_test_setup(masters_are_stopped_on_every_bus, reset),
        cmocka_unit_test_setup(further_functions_only_where_there_are_many,
                               reset),
        cmocka_unit_test_setup(what_stays_on_is_named, reset),
        cmocka_unit_test_setup(a_display_in_use_is_left_alone, reset),
        cmocka_unit_test_setup(serial_lines_are_found_and_decoded, reset),
        cmocka_unit_test_setup(no_more_serial_lines_than_fit, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
