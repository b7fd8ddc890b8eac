/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/efi/firmware.h"

#include "kernel/string.h"

#define CONFIG_NAME "bulkhead.cfg"
#define PATH_SIZE   260
#define PIECE       0x100000u /* some firmware fails at large reads */
#define INFO_SIZE   (sizeof(EFI_FILE_INFO) + 2 * 260)

static const EFI_GUID loaded_image_id = EFI_LOADED_IMAGE_PROTOCOL_GUID;
static const EFI_GUID file_system_id = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static const EFI_GUID file_info_id = EFI_FILE_INFO_ID;

static EFI_STATUS interface_of(const struct firmware *firmware,
                               EFI_HANDLE handle, EFI_GUID id, void **found)
{
    return firmware->services->HandleProtocol(handle, &id, found);
}

/* Adds the text of a file path node (UEFI 2.10, 10.3.5.4). */
static size_t add_node(char *path, size_t size, size_t length,
                       const EFI_DEVICE_PATH *node, unsigned bytes)
{
    const char *text = (const char *)node + sizeof(*node);

    if (length && path[length - 1] != '\\' && length + 1 < size) {
        path[length++] = '\\';
    }
    for (unsigned i = sizeof(*node); i + 2 <= bytes; i += 2, text += 2) {
        CHAR16 c;

        memcpy(&c, text, sizeof(c));
        if (!c || length + 1 >= size) {
            break;
        }
        path[length++] = (char)(c < 0x80 ? c : '?');
    }
    return length;
}

/* Puts the path of the configuration file together: it lies in the folder
 * from which the loader came. */
static void find_config(struct firmware *firmware, const EFI_DEVICE_PATH *node)
{
    char *path = firmware->config_path;
    const size_t room =
        sizeof(firmware->config_path) - sizeof("\\" CONFIG_NAME);
    size_t length = 0;

    while (node && node->Type != END_DEVICE_PATH_TYPE) {
        unsigned bytes = node->Length[0] | (unsigned)node->Length[1] << 8;

        if (bytes < sizeof(*node)) {
            break;
        }
        if (node->Type == MEDIA_DEVICE_PATH &&
            node->SubType == MEDIA_FILEPATH_DP) {
            length = add_node(path, room, length, node, bytes);
        }
        node = (const void *)((const char *)node + bytes);
    }
    while (length && path[length - 1] != '\\') {
        length--;
    }
    if (!length) {
        memcpy(path, "\\EFI\\BOOT\\", 10);
        length = 10;
    }
    memcpy(path + length, CONFIG_NAME, sizeof(CONFIG_NAME));
}

bool files_open(struct firmware *firmware)
{
    EFI_LOADED_IMAGE *image;
    EFI_FILE_IO_INTERFACE *volume;

    if (interface_of(firmware, firmware->self, loaded_image_id,
                     (void **)&image) ||
        interface_of(firmware, image->DeviceHandle, file_system_id,
                     (void **)&volume) ||
        volume->OpenVolume(volume, &firmware->root)) {
        say(firmware, "bulkhead: the firmware does not tell from which "
                      "partition this loader came: start it from a FAT "
                      "partition");
        return false;
    }
    find_config(firmware, image->FilePath);
    return true;
}

static EFI_STATUS open_file(const struct firmware *firmware, const char *path,
                            EFI_FILE_HANDLE *file)
{
    CHAR16 wide[PATH_SIZE];
    size_t i;

    for (i = 0; path[i] && i + 1 < PATH_SIZE; i++) {
        if ((unsigned char)path[i] >= 0x80) {
            return EFI_NOT_FOUND;
        }
        wide[i] = path[i] == '/' ? L'\\' : (CHAR16)path[i];
    }
    wide[i] = 0;
    return firmware->root->Open(firmware->root, file, wide, EFI_FILE_MODE_READ,
                                0);
}

EFI_STATUS file_size(const struct firmware *firmware, const char *path,
                     uint64_t *size)
{
    union {
        EFI_FILE_INFO info;
        char room[INFO_SIZE];
    } about;
    EFI_GUID id = file_info_id;
    UINTN room = sizeof(about);
    EFI_FILE_HANDLE file;
    EFI_STATUS status = open_file(firmware, path, &file);

    if (status != EFI_SUCCESS) {
        return status;
    }
    status = file->GetInfo(file, &id, &room, &about);
    file->Close(file);
    if (status == EFI_SUCCESS && about.info.Attribute & EFI_FILE_DIRECTORY) {
        return EFI_UNSUPPORTED;
    }
    *size = about.info.FileSize;
    return status;
}

EFI_STATUS file_read(const struct firmware *firmware, const char *path,
                     void *buffer, uint64_t size)
{
    EFI_FILE_HANDLE file;
    EFI_STATUS status = open_file(firmware, path, &file);
    uint64_t done = 0;

    if (status != EFI_SUCCESS) {
        return status;
    }
    while (status == EFI_SUCCESS && done < size) {
        UINTN piece = size - done < PIECE ? size - done : PIECE;

        status = file->Read(file, &piece, (char *)buffer + done);
        done += piece;
        if (status == EFI_SUCCESS && !piece) {
            status = EFI_END_OF_FILE;
        }
    }
    file->Close(file);
    return status;
}
