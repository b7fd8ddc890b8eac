/* SPDX-License-Identifier: BSD-2-Clause */
/* The smallest guest: one line, then off. */
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"

void guest_main(void)
{
    print("hello from a guest, ram to %u KiB\n", machine_ram_end() >> 10);
    check(true, "hello");
    check_done();
}
