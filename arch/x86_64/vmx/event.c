/* SPDX-License-Identifier: BSD-2-Clause */
/* An event and the format of the fields for it (SDM vol. 3, 24.8.3 and
 * 24.9.3). Pure. */
#include "arch/x86_64/vmx/vmx.h"

static bool is_software(uint8_t type)
{
    return type == EVENT_SOFT_INTERRUPT || type == EVENT_PRIVILEGED_SOFT ||
           type == EVENT_SOFT_EXCEPTION;
}

struct x86_event vmx_event_decode(uint32_t info, uint32_t error,
                                  uint32_t length)
{
    struct x86_event event = {0};

    if (!(info & EVENT_INFO_VALID)) {
        return event;
    }
    event.valid = true;
    event.vector = (uint8_t)info;
    event.type = info >> 8 & 7;
    if (info & EVENT_INFO_ERROR) {
        event.has_error = true;
        event.error_code = error;
    }
    if (is_software(event.type)) {
        event.length = (uint8_t)length;
    }
    return event;
}
