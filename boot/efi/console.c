/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/efi/firmware.h"

#include "kernel/format.h"

#define TEXT_SIZE         512
#define UNITS_OF_A_SECOND 10000000 /* 100 ns */

void say(const struct firmware *firmware, const char *text, ...)
{
    char line[TEXT_SIZE];
    CHAR16 wide[TEXT_SIZE + 2];
    size_t i;
    va_list args;

    va_start(args, text);
    vformat(line, sizeof(line), text, args);
    va_end(args);
    for (i = 0; line[i]; i++) {
        wide[i] = line[i] >= ' ' && line[i] <= '~' ? (CHAR16)line[i] : L'?';
    }
    wide[i++] = L'\r';
    wide[i++] = L'\n';
    wide[i] = 0;
    firmware->system->ConOut->OutputString(firmware->system->ConOut, wide);
}

void wait_for_key(const struct firmware *firmware, unsigned seconds)
{
    EFI_BOOT_SERVICES *services = firmware->services;
    SIMPLE_INPUT_INTERFACE *keys = firmware->system->ConIn;
    EFI_EVENT events[2];
    EFI_INPUT_KEY key;
    UINTN index;

    if (services->CreateEvent(EVT_TIMER, 0, NULL, NULL, &events[0])) {
        return;
    }
    services->SetTimer(events[0], TimerRelative,
                       (UINT64)seconds * UNITS_OF_A_SECOND);
    events[1] = keys ? keys->WaitForKey : NULL;
    services->WaitForEvent(keys ? 2 : 1, events, &index);
    services->CloseEvent(events[0]);
    if (keys) {
        keys->ReadKeyStroke(keys, &key); /* it is meant for nobody else */
    }
}
