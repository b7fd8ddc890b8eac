# SPDX-License-Identifier: BSD-2-Clause
"""What the loader hands over, spoilt before Bulkhead's first instruction.

Bochs' debugger stops there, once to see where the loader put it all, and once
to change it: the same disc gives the same places.
"""

import re
import struct
import subprocess

import pytest

from bochs_screen import SHOW_PANIC, PanicScreen
from machine import ROOT, MachineError

IMAGE_BASE = 0xffffffff80000000
WINDOW = (0x100000, 0x400000)  # where GRUB puts its information
TAG_MODULE, TAG_MAP = 3, 6


def entry():
    """The physical address of the first instruction."""
    symbols = subprocess.run(["nm", f"{ROOT}/build/bulkhead.elf"], check=True,
                             text=True, capture_output=True).stdout
    address = re.search(r"^([0-9a-f]+) \w boot_entry$", symbols, re.M)[1]
    return int(address, 16) - IMAGE_BASE


class Information:
    """The loader's structure as it lay in memory, and changes to it."""

    def __init__(self, directory, machine, line, boot=""):
        self.directory = directory
        self.machine = machine
        self.line = line
        self.boot = boot
        start, end = WINDOW
        dump = directory / "dump"
        text = self.debug([f'writemem "{dump}" {start:#x} {end - start}',
                           "r"])
        self.address = int(re.search(r"rbx: 0+_([0-9a-f]+)", text)[1], 16)
        assert start <= self.address < end
        self.data = dump.read_bytes()[self.address - start:]

    def script(self, commands):
        path = self.directory / "debugger"
        path.write_text("\n".join([f"pb {entry():#x}", "c", *commands]) +
                        "\n")
        return str(path)

    def debug(self, commands):
        m = self.machine(self.line, debugger=self.script(
            [*commands, "quit"]), boot=self.boot)
        m.wait()
        with open(m.path("emulator/output")) as file:
            return file.read()

    def tag(self, wanted):
        """The offset of the first tag of a type."""
        at = 8
        while True:
            kind, size = struct.unpack_from("<II", self.data, at)
            if kind == wanted:
                return at
            assert kind and size >= 8
            at += (size + 7) & ~7

    def run(self, *changes, then=()):
        """A machine with 32-bit words changed: (offset, value); then:
        further commands for the debugger."""
        commands = [f"setpmem {self.address + offset:#x} 4 {value:#x}"
                    for offset, value in changes]
        return self.machine(self.line, debugger=self.script(
            [*commands, *then, "c", "quit"]), boot=self.boot)


@pytest.fixture
def information(tmp_path, machine, guest):
    return Information(tmp_path, machine,
                       f"{guest('hello')} vm=alpha mem=4M")


def test_no_memory_map(information):
    """There is nothing to run in: it says so, and that is all."""
    m = information.run((information.tag(TAG_MAP), 99))
    m.expect("panic", what=re.compile("no usable memory map"))


def test_no_memory_map_and_no_serial_line(tmp_path, machine, guest):
    """The same on the screen, for which there are no frames yet."""
    information = Information(tmp_path, machine,
                              f"{guest('hello')} vm=alpha mem=4M",
                              "com1=off")
    m = information.run((information.tag(TAG_MAP), 99), then=SHOW_PANIC)
    m.expect("panic")
    assert "no usable memory map" in PanicScreen(m).lines[0]


@pytest.mark.parametrize("size", [0, 7, 0x7fffffff, 0xffffffff])
def test_a_tag_of_an_impossible_size(information, size):
    """What lies behind it is not believed; here that is the memory map."""
    first = 8
    m = information.run((first + 4, size))
    m.expect("panic", what=re.compile("no usable memory map"))


def test_a_map_of_entries_of_no_size(information):
    m = information.run((information.tag(TAG_MAP) + 8, 0))
    m.expect("panic", what=re.compile("no usable memory map"))


def test_a_module_that_ends_before_it_starts(information):
    module = information.tag(TAG_MODULE)
    m = information.run((module + 12, 0x1000))
    refused = m.expect("vm-refused", line=1)
    assert "image" in refused["why"]
    m.expect("end")


def test_nobody_that_is_known_started_it(information):
    """No magic of a loader: no map either, and the message is the same."""
    m = information.machine(information.line, debugger=information.script(
        ["set eax = 0", "c", "quit"]))
    try:
        m.expect_com1("BULKHEAD PANIC: .*no usable memory map")
    except MachineError:
        pytest.fail(m.report())
