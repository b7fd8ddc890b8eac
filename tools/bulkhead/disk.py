# SPDX-License-Identifier: BSD-2-Clause
"""Makes a disk that boots on BIOS and on UEFI machines.

GPT with two partitions: GRUB's core for BIOS, and an EFI system partition
(FAT32) with Bulkhead's UEFI loader and one configuration, which GRUB reads
too.
"""

import os
import shutil
import struct
import subprocess
import tempfile
import uuid
import zlib

from . import Failure, iso

SECTOR = 512
MIB = 1 << 20
CORE_START = 64     # sectors; behind the partition table
ESP_START = 2048    # at 1 MiB
GPT_SECTORS = 33    # header and table, at either end
ENTRIES, ENTRY_SIZE = 128, 128
FAT32_MIN = 40 * MIB  # fewer clusters of one sector make no FAT32

# UEFI 2.10, 5.3.3; GRUB's manual, 3.4.
ESP_TYPE = uuid.UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
BIOS_BOOT_TYPE = uuid.UUID("21686148-6449-6E6F-744E-656564454649")

LOADER = "/EFI/BOOT/BOOTX64.EFI"
CONFIG = "/EFI/BOOT/bulkhead.cfg"
CORE_MODULES = ["biosdisk", "part_gpt", "fat", "multiboot2", "normal",
                "configfile", "serial", "terminal", "test"]

GRUB_CONFIG = f"""\
if serial --unit=0 --speed=115200; then
    terminal_output console serial
fi
source {CONFIG}
set gfxpayload=text
boot
"""

CONFIG_HEAD = """\
# Bulkhead's configuration: GRUB's lines, without GRUB's own commands. On
# BIOS machines GRUB reads it, on UEFI machines Bulkhead's own loader does.
"""


def config(boot, module_lines):
    words = " ".join(iso.quote(word) for word in iso.split_words(boot))
    return "\n".join([CONFIG_HEAD + f"multiboot2 /boot/bulkhead.elf {words}"
                      .rstrip(), *module_lines, ""])


def command(*words):
    if not shutil.which(words[0]):
        raise Failure(f"{words[0]} is missing (run tools/setup bochs)")
    result = subprocess.run(words, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
    if result.returncode:
        raise Failure(f"{words[0]} failed:\n{result.stdout}")


def make_fat(path, files):
    """A FAT32 file system with these files: {path in it: source}."""
    size = sum(os.path.getsize(source) + 8192 for source in files.values())
    size = (max(size + size // 16, FAT32_MIN) + MIB) // MIB * MIB
    with open(path, "wb") as file:
        file.truncate(size)
    command("mformat", "-i", path, "-F", "-c", "1", "-T", str(size // SECTOR),
            "-h", "64", "-s", "32", "-H", str(ESP_START), "-v", "BULKHEAD",
            "::")
    folders = {os.path.dirname(name) for name in files}
    for folder in sorted({"/".join(name.split("/")[:depth])
                          for name in folders
                          for depth in range(2, name.count("/") + 2)}):
        command("mmd", "-i", path, f"::{folder}")
    for name, source in files.items():
        command("mcopy", "-i", path, source, f"::{name}")


def make_core(path):
    """GRUB's core, which finds its files on the second partition."""
    command("grub-mkimage", "-O", "i386-pc", "-d", iso.GRUB_PC, "-o", path,
            "-p", "(,gpt2)/boot/grub", *CORE_MODULES)


def install_core(image, core):
    """As grub-bios-setup does it, without a device: boot code into the first
    sector, and where the core is (boot.S, diskboot.S of GRUB 2)."""
    with open(f"{iso.GRUB_PC}/boot.img", "rb") as file:
        code = bytearray(file.read(440))
    struct.pack_into("<Q", code, 0x5C, CORE_START)
    code[0x64] = 0xFF  # the drive that it was started from
    code[0x66:0x68] = b"\x90\x90"  # always a hard disk
    sectors = -(-len(core) // SECTOR)
    if CORE_START + sectors > ESP_START:
        raise Failure("GRUB's core does not fit before the first MiB")
    core = bytearray(core)
    struct.pack_into("<QHH", core, SECTOR - 12, CORE_START + 1, sectors - 1,
                     0x820)
    image.seek(0)
    image.write(code)
    image.seek(CORE_START * SECTOR)
    image.write(core)


def gpt_entry(kind, name, first, last):
    return struct.pack("<16s16sQQQ72s", kind.bytes_le,
                       uuid.uuid5(kind, name).bytes_le, first, last, 0,
                       name.encode("utf-16-le"))


def gpt_header(table, total, here):
    """The header for one end of the disk (UEFI 2.10, 5.3.2)."""
    first = here == 1
    fields = [b"EFI PART", 0x10000, 92, 0, 0, here, total - 1 if first else 1,
              1 + GPT_SECTORS, total - GPT_SECTORS - 1,
              uuid.uuid5(ESP_TYPE, "disk").bytes_le,
              2 if first else total - GPT_SECTORS, ENTRIES, ENTRY_SIZE,
              zlib.crc32(table)]
    fields[3] = zlib.crc32(struct.pack("<8sIIIIQQQQ16sQIII", *fields))
    return struct.pack("<8sIIIIQQQQ16sQIII", *fields).ljust(SECTOR, b"\0")


def write_table(image, total, partitions):
    """Both copies of the partition table, and the MBR that protects them."""
    table = b"".join(gpt_entry(*partition) for partition in partitions)
    table = table.ljust(ENTRIES * ENTRY_SIZE, b"\0")
    image.seek(446)
    image.write(struct.pack("<B3sB3sII", 0, b"\0\x02\0", 0xEE, b"\xff" * 3, 1,
                            total - 1).ljust(64, b"\0") + b"\x55\xaa")
    image.seek(SECTOR)
    image.write(gpt_header(table, total, 1) + table)
    image.seek((total - GPT_SECTORS) * SECTOR)
    image.write(table + gpt_header(table, total, total - 1))


def assemble(path, esp, core):
    """The whole disk, from the file system and GRUB's core."""
    size = os.path.getsize(esp) // SECTOR
    total = ESP_START + size + MIB // SECTOR
    with open(path, "wb") as image, open(esp, "rb") as file:
        image.truncate(total * SECTOR)
        install_core(image, core)
        write_table(image, total, [
            (BIOS_BOOT_TYPE, "GRUB for BIOS", CORE_START, ESP_START - 1),
            (ESP_TYPE, "EFI system", ESP_START, ESP_START + size - 1)])
        for at in range(0, size * SECTOR, MIB):
            piece = file.read(MIB)
            if piece.strip(b"\0"):  # the rest stays a hole in the file
                image.seek(ESP_START * SECTOR + at)
                image.write(piece)


def build_from(path, files, directory):
    """The disk with these files: {path on the partition: source}."""
    with tempfile.TemporaryDirectory(dir=directory) as work:
        make_fat(f"{work}/esp", files)
        make_core(f"{work}/core")
        with open(f"{work}/core", "rb") as file:
            assemble(path, f"{work}/esp", file.read())


def build(path, elf, boot, modules, directory, loader):
    """The disk with Bulkhead (elf), its UEFI loader and the guests."""
    for file in (elf, loader):
        if not os.path.isfile(file):
            raise Failure(f"no such file: {file} (run make)")
    names = {}
    lines = [iso.place_module(text, names) for text in modules]
    with tempfile.TemporaryDirectory(dir=directory) as work:
        files = {"/boot/bulkhead.elf": elf, LOADER: loader,
                 **{name: source for source, name in names.items()}}
        for name, text in ((CONFIG, config(boot, lines)),
                           ("/boot/grub/grub.cfg", GRUB_CONFIG)):
            files[name] = f"{work}/{os.path.basename(name)}"
            with open(files[name], "w") as file:
                file.write(text)
        build_from(path, files, directory)
