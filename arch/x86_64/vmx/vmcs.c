/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/vmx/vmcs.h"

#include <stddef.h>

#include "kernel/log.h"

#define REFUSALS_LOGGED 16

static const struct {
    const char *name;
    uint32_t encoding;
} fields[] = {
#define VMCS_NAME(name, encoding) {#name, encoding},
    VMCS_FIELDS(VMCS_NAME)
#undef VMCS_NAME
};

/* The field's name, or the one below it for an indexed field. */
static const char *field_name(uint64_t field)
{
    const char *name = "?";

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].encoding <= field) {
            name = fields[i].name;
        }
    }
    return name;
}

static void tell(const char *access, uint64_t field)
{
    static unsigned refusals;

    if (__atomic_fetch_add(&refusals, 1, __ATOMIC_RELAXED) < REFUSALS_LOGGED) {
        log_error("vmx: %s of %s (0x%x) refused", access, field_name(field),
                  (unsigned)field);
    }
}

/* The caller's argument lies above the frame pointer and the return address. */
#define FIELD_ON_STACK ((const uint64_t *)__builtin_frame_address(0))[2]

/* Clang 14 would jump to tell() with the registers restored already. */
#define NO_TAIL_CALL() asm volatile("" ::: "memory")

void vmread_refused(void)
{
    tell("VMREAD", FIELD_ON_STACK);
    NO_TAIL_CALL();
}

void vmwrite_refused(void)
{
    tell("VMWRITE", FIELD_ON_STACK);
    NO_TAIL_CALL();
}
