/* SPDX-License-Identifier: BSD-2-Clause */
/* Bulkhead's UEFI loader: BOOTX64.EFI. */
#include <efi.h>

#include "boot/efi/config.h"
#include "boot/efi/describe.h"
#include "boot/efi/firmware.h"
#include "boot/efi/image.h"
#include "boot/efi/information.h"
#include "boot/efi/start.h"
#include "boot/efi/vmx.h"
#include "kernel/string.h"

#define PAGE         4096ull
#define WAIT_SECONDS 20
#define MIB(bytes)   (((bytes) + 0xfffff) >> 20)

struct part {
    uint64_t start, size; /* of the file in memory */
};

static struct firmware firmware;
static struct efi_config config;
static struct config_error error_list[EFI_ERRORS_MAX];
static struct part parts[1 + EFI_MODULES_MAX]; /* the image comes first */
static struct efi_image image;
static struct efi_information information;
static uint64_t staging; /* the image as it will be, not yet in its place */
static uint64_t page;    /* the page that puts it there and starts it */

static const struct efi_line *line_of(unsigned part)
{
    return part ? &config.modules[part - 1] : &config.kernel;
}

/* Says what was asked for in vain, and how much there is. */
static EFI_STATUS refuse_memory(const char *what, uint64_t size)
{
    uint64_t left = 0;

    if (memory_read_map(&firmware) == EFI_SUCCESS) {
        left = efi_map_largest_below(&firmware.map, 0x100000000);
    }
    say(&firmware,
        "bulkhead: too little memory: %s takes %lu MiB, and the largest "
        "piece left below 4 GiB has %lu MiB: load less, or add memory",
        what, MIB(size), left >> 20);
    return EFI_OUT_OF_RESOURCES;
}

static EFI_STATUS read_config(void)
{
    struct config_errors errors = {error_list, EFI_ERRORS_MAX, 0};
    const char *path = firmware.config_path;
    uint64_t size = 0;
    EFI_STATUS status = file_size(&firmware, path, &size);
    uint64_t text;

    if (status != EFI_SUCCESS || size > EFI_CONFIG_MAX) {
        say(&firmware, "bulkhead: %s: %s", path,
            status ? describe_status(status)
                   : "is larger than 64 KiB: this is no configuration");
        return status ? status : EFI_LOAD_ERROR;
    }
    text = memory_allocate(&firmware, EfiLoaderData, size);
    if (!text) {
        return refuse_memory(path, size);
    }
    status = file_read(&firmware, path, (void *)text, size);
    if (status != EFI_SUCCESS) {
        say(&firmware, "bulkhead: %s: %s", path, describe_status(status));
        return status;
    }
    if (!efi_config_parse((const char *)text, size, &config, &errors)) {
        return EFI_SUCCESS;
    }
    for (unsigned i = 0; i < errors.count && i < EFI_ERRORS_MAX; i++) {
        say(&firmware, "bulkhead: %s line %u: \"%s\" %s", path,
            error_list[i].line, error_list[i].word, error_list[i].why);
    }
    return EFI_LOAD_ERROR;
}

/* Looks for all files before any is read, and says all that are missing. */
static EFI_STATUS find_files(void)
{
    EFI_STATUS result = EFI_SUCCESS;

    for (unsigned i = 0; i <= config.module_count; i++) {
        const struct efi_line *line = line_of(i);
        EFI_STATUS status = file_size(&firmware, line->path, &parts[i].size);

        if (status != EFI_SUCCESS) {
            say(&firmware, "bulkhead: %s line %u: \"%s\": %s",
                firmware.config_path, line->number, line->path,
                describe_status(status));
            result = status;
        }
    }
    return result;
}

static EFI_STATUS load_file(unsigned i)
{
    const struct efi_line *line = line_of(i);
    EFI_STATUS status;

    parts[i].start = memory_allocate(&firmware, EfiLoaderData, parts[i].size);
    if (!parts[i].start) {
        return refuse_memory(line->path, parts[i].size);
    }
    status =
        file_read(&firmware, line->path, (void *)parts[i].start, parts[i].size);
    if (status != EFI_SUCCESS) {
        say(&firmware, "bulkhead: %s line %u: \"%s\": %s", firmware.config_path,
            line->number, line->path, describe_status(status));
        return status;
    }
    say(&firmware, "bulkhead: %s, %lu KiB", line->path,
        (parts[i].size + 1023) >> 10);
    return EFI_SUCCESS;
}

/* Reads the image and lays it out; from here on its place is kept free. */
static EFI_STATUS load_image(void)
{
    EFI_STATUS status = load_file(0);
    const char *why;
    uint64_t taken;

    if (status != EFI_SUCCESS) {
        return status;
    }
    if (efi_image_check((const void *)parts[0].start, parts[0].size, &image,
                        &why)) {
        say(&firmware,
            "bulkhead: %s line %u: \"%s\" %s: copy build/"
            "bulkhead.elf there",
            firmware.config_path, config.kernel.number, config.kernel.path,
            why);
        return EFI_LOAD_ERROR;
    }
    status = memory_read_map(&firmware);
    if (status != EFI_SUCCESS) {
        return refuse_memory("the memory map", firmware.map.size);
    }
    taken = efi_map_usable_until(&firmware.map, image.start, image.end);
    if (taken != image.end) {
        say(&firmware,
            "bulkhead: the firmware keeps the memory at 0x%lx for "
            "itself, where Bulkhead goes (0x%lx to 0x%lx): this "
            "firmware cannot start it",
            taken, image.start, image.end);
        return EFI_UNSUPPORTED;
    }
    memory_keep(&firmware, image.start, image.end);
    staging =
        memory_allocate(&firmware, EfiLoaderData, image.end - image.start);
    page = memory_allocate(&firmware, EfiLoaderCode, PAGE);
    if (!staging || !page) {
        return refuse_memory("Bulkhead", image.end - image.start);
    }
    efi_image_place((const void *)parts[0].start, &image, (void *)staging);
    return EFI_SUCCESS;
}

/* All of the information but the memory map and the end. */
static EFI_STATUS describe(void)
{
    const size_t entry = sizeof(struct mb2_memory);
    uint64_t size = PAGE + efi_map_room(&firmware.map) * entry;
    uint64_t buffer;

    for (unsigned i = 0; i <= config.module_count; i++) {
        size += 32 + strlen(line_of(i)->words);
    }
    buffer = memory_allocate(&firmware, EfiLoaderData, size);
    if (!buffer) {
        return refuse_memory("the boot information", size);
    }
    information_begin(&information, (void *)buffer, size);
    information_add_text(&information, MB2_COMMAND_LINE, config.kernel.words);
    information_add_text(&information, MB2_LOADER_NAME,
                         "Bulkhead's UEFI loader");
    for (unsigned i = 1; i <= config.module_count; i++) {
        information_add_module(&information, parts[i].start,
                               parts[i].start + parts[i].size,
                               line_of(i)->words);
    }
    describe_machine(firmware.system, &information);
    return EFI_SUCCESS;
}

static EFI_STATUS prepare(void)
{
    EFI_STATUS status;

    if (!files_open(&firmware)) {
        return EFI_UNSUPPORTED;
    }
    status = read_config();
    if (status == EFI_SUCCESS) {
        status = find_files();
    }
    if (status == EFI_SUCCESS) {
        status = load_image();
    }
    for (unsigned i = 1; status == EFI_SUCCESS && i <= config.module_count;
         i++) {
        status = load_file(i);
    }
    return status == EFI_SUCCESS ? describe() : status;
}

/* Boot services have ended: nothing of firmware is called any more. */
static _Noreturn void start(void *map)
{
    const uint32_t words[] = {(uint32_t)staging, (uint32_t)image.start,
                              (uint32_t)((image.end - image.start) / 4),
                              image.entry,
                              (uint32_t)(uint64_t)information.buffer};
    void (*code)(uint64_t) = (void (*)(uint64_t))page;

    information_shrink_map(&information, map,
                           efi_map_convert(&firmware.map, map));
    information_end(&information);
    memcpy((void *)page, start_page, (size_t)(start_page_end - start_page));
    memcpy((char *)page + START_SOURCE, words, sizeof(words));
    vmx_leave();
    code(page);
    __builtin_unreachable();
}

/* Returns only when firmware keeps its boot services. */
static EFI_STATUS leave(void)
{
    EFI_STATUS status = EFI_SUCCESS;
    bool tried = false;
    void *map;

    /* Room is made for all that the buffer of the map can hold: it may grow
     * until the end. */
    map = information_begin_map(&information, efi_map_room(&firmware.map));
    if (map) {
        say(&firmware, "bulkhead: starting");
        status =
            efi_leave(firmware.services, firmware.self, &firmware.map, &tried);
    }
    if (map && status == EFI_SUCCESS) {
        start(map);
    }
    if (tried) {
        /* Half shut down: all that is left is a new start of the machine. */
        firmware.system->RuntimeServices->ResetSystem(EfiResetCold, status, 0,
                                                      NULL);
    }
    say(&firmware, "bulkhead: the firmware's memory map cannot be had: %s",
        map ? describe_status(status) : "it is too large");
    return map ? status : EFI_OUT_OF_RESOURCES;
}

/* What gnu-efi's first code calls. */
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_STATUS status;

    firmware.self = self;
    firmware.system = system;
    firmware.services = system->BootServices;
    firmware.services->SetWatchdogTimer(0, 0, 0, NULL);
    status = prepare();
    if (status == EFI_SUCCESS) {
        status = leave();
    }
    memory_release(&firmware);
    if (firmware.root) {
        firmware.root->Close(firmware.root);
    }
    say(&firmware,
        "bulkhead: not started; back to the firmware with a key, "
        "or in %u seconds",
        WAIT_SECONDS);
    wait_for_key(&firmware, WAIT_SECONDS);
    return status;
}
