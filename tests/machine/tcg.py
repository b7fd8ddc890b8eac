# SPDX-License-Identifier: BSD-2-Clause
"""Machines of QEMU's own processor: no VT-x, but much that Bochs lacks.

Bulkhead starts on them as far as it can and refuses by name.
"""

import json
import os
import re
import subprocess
import time

from bulkhead import disk, iso
from bulkhead.emulator import die_with_parent
from machine import ROOT, MachineError

ELF = f"{ROOT}/build/bulkhead.elf"
LOADER = f"{ROOT}/build/BOOTX64.EFI"
OVMF = "/usr/share/ovmf/OVMF.fd"
PROMPT = b"(qemu) "
SECONDS = 150  # for all that is waited for: a loaded machine is slow


class Tcg:
    """One machine, until close(). arguments are QEMU's; boot is Bulkhead's
    own line; via: "kernel" (QEMU's Multiboot1 loader), "grub" (a disc),
    "uefi" (the same by OVMF) or "efi" (OVMF and our own loader, from a
    disk); payload: GRUB's gfxpayload."""

    def __init__(self, directory, *arguments, boot="", via="kernel",
                 serial=2, modules=(), payload=None):
        self.directory = directory
        command = ["qemu-system-x86_64", "-accel", "tcg", "-nodefaults",
                   "-display", "none", "-no-reboot", "-monitor", "stdio"]
        for name in ("com1", "com2"):
            if os.path.exists(self.path(name)):
                os.remove(self.path(name))  # of the machine before
        for i in range(serial):
            command += ["-serial", f"file:{self.path(f'com{i + 1}')}"]
        command += self.loader(via, boot, modules, payload)
        self.process = subprocess.Popen(
            command + list(arguments), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent)
        self.answer()

    def path(self, name):
        return f"{self.directory}/{name}"

    def loader(self, via, boot, modules, payload):
        if via == "kernel":
            return ["-kernel", ELF, "-append", boot]
        if via == "efi":
            path = self.path("boot.disk")
            disk.build(path, ELF, boot, modules, str(self.directory), LOADER)
            return ["-bios", OVMF, "-drive",
                    f"file={path},format=raw,snapshot=on"]
        disc = self.path("boot.iso")
        iso.build(disc, ELF, boot, modules, str(self.directory),
                  efi=via == "uefi", payload=payload)
        firmware = ["-bios", OVMF] if via == "uefi" else []
        return [*firmware, "-cdrom", disc, "-boot", "d"]

    def answer(self):
        """What the monitor says, up to its prompt."""
        text = b""
        while not text.endswith(PROMPT):
            byte = self.process.stdout.read(1)
            if not byte:
                raise MachineError(f"QEMU ended: {text.decode()}")
            text += byte
        return text[:-len(PROMPT)].decode(errors="replace")

    def monitor(self, command):
        """Gives QEMU a command; what it prints."""
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self.answer()

    def text(self, name="com1"):
        """What has come on a serial line; GRUB's own words are left out."""
        if not os.path.exists(self.path(name)):
            return ""
        with open(self.path(name), errors="replace", newline="") as file:
            text = file.read().replace("\r", "")
        return text[max(text.rfind("Bulkhead, a hyp"), 0):]

    def wait_for(self, found, what):
        """Waits until found() is true; what it gave."""
        end = time.monotonic() + SECONDS
        while True:
            value = found()
            if value:
                return value
            if time.monotonic() > end:
                raise MachineError(f"no {what}; COM1: {self.text()}")
            time.sleep(0.05)

    def wait_text(self, pattern, name="com1"):
        return self.wait_for(lambda: re.search(pattern, self.text(name)),
                             pattern)

    def wait_end(self):
        """Waits until the machine has been switched off."""
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise MachineError(f"no end; COM1: {self.text()}") from None

    def events(self):
        """Firmware writes on COM2, too: that is not ours."""
        return [json.loads(line) for line in self.text("com2").splitlines()
                if line.startswith("{")]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
