# SPDX-License-Identifier: BSD-2-Clause
"""Makes the boot disc: GRUB, Bulkhead and the modules of the guests."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile

from . import Failure

GRUB_PC = "/usr/lib/grub/i386-pc"
GRUB_EFI = "/usr/lib/grub/x86_64-efi"
GRUB_MODULES = "multiboot multiboot2 iso9660 serial terminal configfile normal"


# A word that means to GRUB what it says.
PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)

NO_IMAGE = os.path.join(os.path.dirname(__file__), "no-image")


def split_words(text):
    """Splits a line into words; quotes work as in a shell."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Failure(f"{error}: {text}") from None


def quote(word):
    """The word as GRUB's script reader has to see it."""
    if PLAIN.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def place_module(text, names):
    """Turns 'IMAGE word ...' into GRUB's module line.

    names maps each file to its path on the disc and is added to: a file
    that several lines name is stored once. The image "-" is a file of one
    byte, for lines that need none (kernel-of=).
    """
    words = split_words(text)
    if not words:
        raise Failure("an empty module line")
    if words[0] == "-":
        words[0] = NO_IMAGE
    path = os.path.realpath(words[0])
    if not os.path.isfile(path):
        raise Failure(f"no such file: {words[0]}")
    if path not in names:
        names[path] = f"/boot/{len(names)}-{os.path.basename(words[0])}"
    rest = " ".join(quote(word) for word in words[1:])
    return f"module2 --nounzip {quote(names[path])} {rest}".rstrip()


def grub_config(boot, module_lines, protocol="multiboot2", efi=False,
                payload=None):
    """grub.cfg: no menu; what GRUB has to complain about goes to COM1."""
    words = " ".join(quote(word) for word in split_words(boot))
    return "\n".join([
        "serial --unit=0 --speed=115200",
        "terminal_output serial",
        "insmod efi_gop" if efi else "insmod vbe",
        f"{protocol} /boot/bulkhead.elf {words}".rstrip(),
        *payload_line(efi, payload),
        *module_lines,
        "boot",
        "",
    ])


def payload_line(efi, payload):
    """Behind multiboot2, which asks for pixels where firmware has them: a
    BIOS stays with text unless a mode is wanted."""
    return [] if efi and not payload else [f"set gfxpayload={payload or 'text'}"]


def build(path, elf, boot, modules, directory, protocol="multiboot2",
          efi=False, payload=None):
    """Writes the disc image to path; directory is for what goes into it.

    protocol is GRUB's command for elf: "multiboot" boots a small guest bare.
    efi: the disc boots on UEFI machines, and not on BIOS machines.
    payload: what is left on the screen, e.g. "keep" or "1024x768x32"; else
    firmware's framebuffer under UEFI, and text under a BIOS.
    """
    if not os.path.isfile(elf):
        raise Failure(f"no such file: {elf} (run make)")
    names = {}
    lines = [place_module(text, names) for text in modules]
    with tempfile.TemporaryDirectory(dir=directory) as tree:
        os.makedirs(f"{tree}/boot/grub")
        for source, target in [*names.items(), (elf, "/boot/bulkhead.elf")]:
            shutil.copyfile(source, tree + target)
        with open(f"{tree}/boot/grub/grub.cfg", "w") as file:
            file.write(grub_config(boot, lines, protocol, efi, payload))
        run_mkrescue(path, tree, efi)


def run_mkrescue(path, directory, efi):
    grub, modules = (GRUB_EFI, f"{GRUB_MODULES} part_gpt fat efi_gop") if efi else (
        GRUB_PC, f"{GRUB_MODULES} biosdisk vbe")
    if not shutil.which("grub-mkrescue") or not os.path.isdir(grub):
        raise Failure("grub-mkrescue is missing (run tools/setup bochs)")
    result = subprocess.run(
        ["grub-mkrescue", "-d", grub, "-o", path, "--fonts=",
         "--locales=", "--themes=", "--compress=no",
         f"--install-modules={modules}", directory],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        raise Failure("grub-mkrescue failed:\n" + result.stdout)
