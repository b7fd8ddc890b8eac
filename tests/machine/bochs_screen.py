# SPDX-License-Identifier: BSD-2-Clause
"""The text screen of Bochs at the last step of a panic, by its debugger."""

import re
import subprocess

from machine import ROOT

DEVICE_BASE = 0xfffffe8000000000  # arch/x86_64/paging.h
VGA = 0xb8000


def address_of(name):
    symbols = subprocess.run(["nm", f"{ROOT}/build/bulkhead.elf"], check=True,
                             text=True, capture_output=True).stdout
    return re.search(rf"^([0-9a-f]+) \w {name}$", symbols, re.M)[1]


# Commands for the debugger: stops there, and shows what is mapped and shown.
SHOW_PANIC = [f"lb 0x{address_of('panic_end')}", "c",
              *(f"page {DEVICE_BASE + i * 4096:#x}" for i in range(64)),
              f"xp /4000bx {VGA:#x}"]


class PanicScreen:
    """What the debugger said to SHOW_PANIC."""

    def __init__(self, machine):
        with open(machine.path("emulator/output")) as file:
            self.output = file.read()
        data = re.findall(r"^0x\w+ <bogus\+ *\d+>:((?:\t0x\w\w)+)",
                          self.output, re.M)
        text = bytes(int(byte, 16) for line in data
                     for byte in line.split())[::2].decode("latin-1")
        self.lines = [text[i:i + 80].rstrip() for i in range(0, 2000, 80)]

    def mapping(self):
        """The flags of the page-table entry that leads to the screen."""
        return re.search(rf"PTE: 0x\w*{VGA >> 12:08x}\w{{3}} (.*)",
                         self.output)[1].split()
