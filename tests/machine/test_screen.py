# SPDX-License-Identifier: BSD-2-Clause
"""The log on the screen, where there is no serial line."""

import os
import re

import pytest

from beating import beat_line
from bochs_screen import SHOW_PANIC, PanicScreen

from machine import ROOT
from tcg import Tcg

LAST = "the machine stays on"
END = "use the monitor"  # of the last line


@pytest.fixture
def tcg(tmp_path):
    machines = []

    def start(*arguments, **options):
        machines.append(Tcg(tmp_path, *arguments, **options))
        return machines[-1]
    yield start
    for machine in machines:
        machine.close()


def vga_text(m):
    """The 25 lines of the text screen, read from its memory."""
    m.monitor(f'pmemsave 0xb8000 4000 "{m.path("vga")}"')
    with open(m.path("vga"), "rb") as file:
        data = file.read()
    return [data[y * 160:y * 160 + 160:2].decode("latin-1").rstrip()
            for y in range(25)]


def font():
    """The rows of each glyph, as the build made them."""
    with open(f"{ROOT}/build/gen/font.c") as file:
        rows = [line for line in file if line.startswith("    {")]
    return {bytes(int(byte, 16) for byte in re.findall("0x(..)", row)):
            chr(32 + i) for i, row in enumerate(rows)}


def picture(m):
    """(width, height, bytes of the red channel) of what the screen shows."""
    m.monitor(f'screendump "{m.path("screen.ppm")}"')
    with open(m.path("screen.ppm"), "rb") as file:
        head, data = file.read().split(b"\n255\n", 1)
    width, height = (int(word) for word in head.split()[1:3])
    return width, height, data[::3]


def pixel_text(m):
    """The lines that a framebuffer of 8x16 glyphs shows."""
    width, height, red = picture(m)
    glyphs = font()

    def cell(column, row):
        bits = bytes(sum((red[(row * 16 + y) * width + column * 8 + x] > 0)
                         << (7 - x) for x in range(8)) for y in range(16))
        return glyphs.get(bits, "\0")
    return ["".join(cell(x, y) for x in range(width // 8)).rstrip()
            for y in range(height // 16)]


def wait_screen(m, read):
    """Waits for the last line of the log; all lines that are shown."""
    def shown():
        lines = read(m)
        return lines if any(END in line for line in lines) else None
    return m.wait_for(shown, "log on the screen")


def assert_is_the_log(lines, screen):
    assert lines[0].startswith("Bulkhead, a hypervisor that contains faults")
    assert f"screen: {screen} shows the log" in lines
    assert any("VMX is missing" in line for line in lines)
    last = [line for line in lines if line][-1]
    assert LAST in last


def test_vga_text_without_a_serial_line(tcg):
    m = tcg("-vga", "std", serial=0)
    assert_is_the_log(wait_screen(m, vga_text), "VGA text")


def test_the_screen_is_left_alone_while_com1_shows_the_log(tcg):
    m = tcg("-vga", "std")
    m.wait_text(LAST)
    assert "screen: not used: com1 shows the log" in m.text()
    assert not any("Bulkhead" in line for line in vga_text(m))


def test_com1_and_the_screen_show_the_same(tcg):
    m = tcg("-vga", "std", boot="screen=on")
    lines = wait_screen(m, vga_text)
    m.wait_text(f"{LAST}.*\n")
    assert [line for line in lines if line] == m.text().splitlines()


@pytest.mark.parametrize("via, payload, size, bits", [
    ("uefi", None, "1280x800", 32),
    ("efi", None, "1280x800", 32),
    ("grub", "1024x768x32", "1024x768", 32),
    ("grub", "800x600x24", "800x600", 24),
    ("grub", "800x600x16", "800x600", 16),
])
def test_pixels(tcg, via, payload, size, bits):
    """The framebuffer that firmware or GRUB left."""
    m = tcg("-M", "q35", "-vga", "std", via=via, payload=payload,
            boot="com1=off")
    lines = wait_screen(m, pixel_text)
    told = next(line for line in lines if line.startswith("screen: "))
    assert re.fullmatch(
        rf"screen: {size} pixels of {bits} bits at 0x\w+ shows the log", told)
    assert_is_the_log(lines, told[8:-14])


def test_bios_keeps_text(tcg):
    """GRUB sets no graphics mode that nobody asked for."""
    m = tcg("-vga", "std", via="grub", boot="com1=off")
    assert_is_the_log(wait_screen(m, vga_text), "VGA text")


def test_a_long_log_moves_the_screen_up(tcg):
    m = tcg("-vga", "std", boot="com1=off what= " * 12)
    lines = wait_screen(m, vga_text)
    assert "Bulkhead, a hyper" not in lines[0]
    assert any("VMX is missing" in line for line in lines)


# VAL UC EN PCC, with RIPV and MCIP: nobody goes on after that.
FATAL = "mce 0 9 0xb200000000000000 0x5 0 0"


def assert_is_a_panic(lines, what):
    """Its message at the top, the build and a back trace."""
    assert lines[0].startswith("BULKHEAD PANIC: ")
    assert what in "".join(lines[:2])
    assert any(line.startswith("build ") for line in lines)
    trace = lines[lines.index("back trace:"):]
    assert any(re.match(r"  [0-9a-f]{16} \w+\+0x", line) for line in trace)


def give(m, command):
    """A command that is answered by the machine's end."""
    os.write(m.commands, command.encode() + b"\n")


@pytest.mark.parametrize("via, arguments, read", [
    ("kernel", "-M pc", vga_text), ("efi", "-M q35", pixel_text)])
def test_a_panic_without_a_serial_line(tcg, via, arguments, read):
    """A real machine check of the core, after the log."""
    m = tcg(*arguments.split(), "-vga", "std", via=via, boot="com1=off")
    wait_screen(m, read)
    m.monitor(FATAL)

    def told():
        lines = read(m)
        return lines if "back trace:" in lines and lines[-1] == "" else None
    lines = m.wait_for(told, "panic on the screen")
    assert_is_a_panic(lines, "machine check in the core: processor context")


def test_a_panic_while_guests_run(machine, guest, tmp_path):
    """Asked for through COM2, with no COM1; writes are combined there: the
    page is not cached, but by PAT entry 1 (SDM vol. 3, 12.12)."""
    script = tmp_path / "debugger"
    script.write_text("\n".join([*SHOW_PANIC, "c", "quit", ""]))
    m = machine(beat_line(guest, "alpha"), boot="com1=off",
                debugger=str(script))
    m.expect("heartbeat", vm="alpha", n=2)
    give(m, "inject alpha mce core")
    m.expect("panic", what=re.compile("machine check in the core"))
    screen = PanicScreen(m)
    assert_is_a_panic(screen.lines, "machine check in the core")
    entry = screen.mapping()
    assert "PWT" in entry and "pcd" in entry
