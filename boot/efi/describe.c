/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/efi/describe.h"

#include <stdbool.h>

#include "boot/efi/multiboot2.h"
#include "kernel/string.h"

/* Sizes of the RSDP: ACPI 6.4, 5.2.5.3. */
#define RSDP_1_SIZE 20
#define RSDP_2_SIZE 36

const char *describe_status(EFI_STATUS status)
{
    switch (status) {
    case EFI_NOT_FOUND:
        return "there is no such file on this partition: copy it there, or "
               "correct the path";
    case EFI_UNSUPPORTED:
        return "is a folder, not a file: correct the path";
    case EFI_END_OF_FILE:
    case EFI_VOLUME_CORRUPTED:
        return "the file system is damaged: check it, or copy the file again";
    case EFI_DEVICE_ERROR:
    case EFI_NO_MEDIA:
    case EFI_MEDIA_CHANGED:
        return "the medium cannot be read: try another one";
    case EFI_OUT_OF_RESOURCES:
        return "the firmware is out of memory: load less, or add memory";
    default:
        return "the firmware refuses without a reason that is known here";
    }
}

static void add_rsdp(EFI_SYSTEM_TABLE *system,
                     struct efi_information *information)
{
    const EFI_GUID acpi_1 = ACPI_TABLE_GUID, acpi_2 = ACPI_20_TABLE_GUID;

    for (UINTN i = 0; i < system->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *table = &system->ConfigurationTable[i];

        if (!memcmp(&table->VendorGuid, &acpi_1, sizeof(acpi_1))) {
            information_add(information, MB2_RSDP_1, "", 0, table->VendorTable,
                            RSDP_1_SIZE);
        } else if (!memcmp(&table->VendorGuid, &acpi_2, sizeof(acpi_2))) {
            information_add(information, MB2_RSDP_2, "", 0, table->VendorTable,
                            RSDP_2_SIZE);
        }
    }
}

static void set_mask(UINT32 mask, uint8_t *shift, uint8_t *bits)
{
    if (mask) {
        *shift = (uint8_t)__builtin_ctz(mask);
        *bits = (uint8_t)(32 - __builtin_clz(mask) - *shift);
    }
}

/* Where the colours of a pixel are (UEFI 2.10, 12.9.2.2); false when there
 * are no pixels to write to. */
static bool set_colours(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode,
                        struct mb2_framebuffer *screen)
{
    EFI_PIXEL_BITMASK masks = {0xff, 0xff00, 0xff0000, 0xff000000};

    if (mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor) {
        masks = (EFI_PIXEL_BITMASK){0xff0000, 0xff00, 0xff, 0xff000000};
    } else if (mode->PixelFormat == PixelBitMask) {
        masks = mode->PixelInformation;
    } else if (mode->PixelFormat != PixelRedGreenBlueReserved8BitPerColor) {
        return false;
    }
    set_mask(masks.RedMask, &screen->red_shift, &screen->red_bits);
    set_mask(masks.GreenMask, &screen->green_shift, &screen->green_bits);
    set_mask(masks.BlueMask, &screen->blue_shift, &screen->blue_bits);
    screen->bits =
        (uint8_t)(32 - __builtin_clz(masks.RedMask | masks.GreenMask |
                                     masks.BlueMask | masks.ReservedMask | 1));
    return true;
}

static void add_framebuffer(EFI_SYSTEM_TABLE *system,
                            struct efi_information *information)
{
    EFI_GUID id = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *output;
    struct mb2_framebuffer screen = {.kind = 1};

    if (system->BootServices->LocateProtocol(&id, NULL, (void **)&output) ||
        !output->Mode || !output->Mode->Info ||
        !set_colours(output->Mode->Info, &screen)) {
        return;
    }
    screen.address = output->Mode->FrameBufferBase;
    screen.width = output->Mode->Info->HorizontalResolution;
    screen.height = output->Mode->Info->VerticalResolution;
    screen.pitch = output->Mode->Info->PixelsPerScanLine * (screen.bits / 8u);
    information_add(information, MB2_FRAMEBUFFER, "", 0, &screen,
                    sizeof(screen));
}

void describe_machine(EFI_SYSTEM_TABLE *system,
                      struct efi_information *information)
{
    const uint64_t table = (uint64_t)system;

    information_add(information, MB2_EFI_64, "", 0, &table, sizeof(table));
    add_rsdp(system, information);
    add_framebuffer(system, information);
}
