/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/lib/check.h"

#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"

static uint32_t passed, failed;

bool check(bool ok, const char *name)
{
    if (ok) {
        passed++;
        print("ok %s\n", name);
    } else {
        failed++;
        print("not ok %s: see the name\n", name);
    }
    return ok;
}

bool check_equal(const char *name, uint64_t got, uint64_t wanted)
{
    if (got == wanted)
        return check(true, name);
    check_failed(name, "got %llx, wanted %llx", (unsigned long long)got,
                 (unsigned long long)wanted);
    return false;
}

void check_failed(const char *name, const char *format, ...)
{
    va_list list;

    failed++;
    print("not ok %s: ", name);
    va_start(list, format);
    print_list(format, list);
    va_end(list);
    print("\n");
}

void check_skip(const char *name, const char *why)
{
    print("skip %s: %s\n", name, why);
}

_Noreturn void check_done(void)
{
    print("done %u %u\n", passed, failed);
    machine_off();
}
