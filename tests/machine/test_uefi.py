# SPDX-License-Identifier: BSD-2-Clause
"""Machines with UEFI firmware (OVMF), by GRUB and by Bulkhead's own loader.

Bochs has VT-x, but OVMF finds no ACPI tables there; QEMU has these, but no
VT-x. Firmware's console is COM1 in both.
"""

import subprocess

import pytest

from beating import Pair, beat_line
from bulkhead import disk
from machine import ROOT

REFUSED = 4
OWN = "Bulkhead's UEFI loader"
LOADER = f"{ROOT}/build/BOOTX64.EFI"


@pytest.fixture(scope="module")
def stick(tmp_path_factory, guest):
    """The image of a USB stick with two guests."""
    path = tmp_path_factory.mktemp("stick") / "stick.img"
    subprocess.run(
        [f"{ROOT}/tools/mkusb", "-o", path, "--boot", "slice=5", "--",
         beat_line(guest, "alpha", "verify=full on=triple:restore"),
         beat_line(guest, "beta")], check=True, timeout=200)
    return path


def run_a_pair(machine, guest, **options):
    """Two guests, one restore, the end; the machine."""
    pair = Pair(machine, guest, "verify=full on=triple:restore", **options)
    beat = pair.snapshot()
    pair.wait_beats("alpha", 3)
    pair.suffer("send alpha triple", "triple", outcome="ok")
    pair.assert_goes_on(beat)
    pair.assert_unharmed()
    pair.end()
    return pair.machine


@pytest.mark.parametrize("firmware, loader", [("bios", "GRUB"),
                                              ("uefi", OWN)])
def test_one_stick_for_both_firmwares(machine, guest, stick, firmware,
                                      loader):
    def from_stick(*_, **options):
        return machine(disk=stick, **options)

    m = run_a_pair(from_stick, guest, firmware=firmware)
    boot = m.all("boot")[0]
    assert boot["loader"].startswith(loader) and boot["modules"] == 2
    assert f"boot: Multiboot2 by {loader}" in m.com1()


def test_grub_for_efi(machine, guest):
    m = run_a_pair(machine, guest, firmware="uefi")
    assert m.all("boot")[0]["loader"].startswith("GRUB")
    assert "BdsDxe: starting" in m.com1()


@pytest.mark.parametrize("loader, name", [("grub", "GRUB"), ("efi", OWN)])
def test_what_firmware_tells_arrives(machine, guest, loader, name):
    """RSDP, CPUs and memory on both sides of 4 GiB, up to the refusal."""
    m = machine(f"{guest('hello')} vm=alpha mem=4M", emu="tcg", cpus=3,
                mem=4608, firmware="uefi", loader=loader)
    assert m.wait() == REFUSED
    assert m.all("refuse")[0]["missing"] == "VMX"
    assert not m.all("vm-start")
    assert m.all("boot")[0]["loader"].startswith(name)
    assert m.all("cpu")[0] == {**m.all("cpu")[0], "running": 3, "failed": 0}
    text = m.com1()
    for fact in ("firmware: UEFI", "acpi: XSDT", "by the ACPI PM timer"):
        assert fact in text
    free = int(m.expect_com1(r"memory: (\d+) MiB free")[1])
    assert 4608 - 64 < free <= 4608


GOOD = "multiboot2 /boot/bulkhead.elf\nmodule2 /boot/hello vm=alpha mem=4M\n"

# folder: (its configuration, what is said about it)
FOLDERS = {
    "EFI/BOOT": ("module2 /boot/hello\n",
                 [r'\\BOOT\\bulkhead.cfg line 1: "module2" comes too early']),
    "bad": ("# two mistakes\nmultiboot2 /boot/bulkhead.elf\n\n"
            "module2 /boot/hello vm=alpha 'mem=4M\nset timeout=1\n",
            [r'\\bad\\bulkhead.cfg line 4: "mem=4M" a \' is missing',
             r'\\bad\\bulkhead.cfg line 5: "set" is not known here']),
    "none": (None, [r"\\none\\bulkhead.cfg: there is no such file"]),
    "gone": (GOOD + "module2 /boot/gone.img vm=alpha initrd\n"
             "module2 /boot vm=alpha initrd\n",
             [r'line 3: "/boot/gone.img": there is no such file',
              r'line 4: "/boot": is a folder']),
    "strange": ("multiboot2 /boot/hello\n",
                [r'line 1: "/boot/hello" is no 64-bit ELF program']),
    "large": (GOOD + "module2 /boot/large vm=alpha initrd\n" * 6,
              [r"too little memory: /boot/large takes 20 MiB, and the "
               r"largest\s+piece left below 4 GiB has \d+ MiB"]),
    "good": (GOOD, ["bulkhead: starting"]),
}


@pytest.fixture
def unruly(tmp_path, guest):
    """A disk with tests/efi/unruly.c between firmware and the loader."""
    config = tmp_path / "config"
    config.write_text("multiboot2 /boot/bulkhead.elf\n"
                      "module2 /boot/hello vm=alpha mem=4M\n")
    disk.build_from(str(tmp_path / "unruly.img"), {
        "/EFI/BOOT/BOOTX64.EFI": f"{ROOT}/build/guests/unruly.efi",
        "/LOADER/BOOTX64.EFI": LOADER, "/LOADER/bulkhead.cfg": str(config),
        "/boot/bulkhead.elf": f"{ROOT}/build/bulkhead.elf",
        "/boot/hello": guest("hello")}, str(tmp_path))
    return tmp_path / "unruly.img"


def test_firmware_that_changes_its_map_and_leaves_vmx_on(machine, unruly):
    """It refuses three times to end boot services, and VMX is on then."""
    m = machine(disk=unruly, firmware="uefi")
    assert m.wait() == 0
    text = m.com1()
    assert "unruly: VMXON done" in text
    for attempt in (1, 2, 3):
        assert f"unruly: attempt {attempt}: Invalid Parameter" in text
    assert f"boot: Multiboot2 by {OWN}" in text
    assert m.console("alpha")[-1] == "done 1 0"


@pytest.fixture
def folders(tmp_path, guest):
    """A disk with the loader in every one of FOLDERS."""
    large = tmp_path / "large"
    with open(large, "wb") as file:
        file.truncate(20 << 20)
    files = {"/boot/bulkhead.elf": f"{ROOT}/build/bulkhead.elf",
             "/boot/hello": guest("hello"), "/boot/large": str(large)}
    for folder, (text, _) in FOLDERS.items():
        files[f"/{folder}/BOOTX64.EFI"] = LOADER
        if text:
            path = tmp_path / f"{len(files)}.cfg"
            path.write_text(text)
            files[f"/{folder}/bulkhead.cfg"] = str(path)
    disk.build_from(str(tmp_path / "folders.img"), files, str(tmp_path))
    return tmp_path / "folders.img"


class Firmware:
    """What firmware's console, on COM1, says from now on."""

    def __init__(self, machine):
        self.machine = machine
        self.seen = 0

    def expect(self, pattern):
        match = self.machine.expect_com1(
            r"(?s)\A.{%d}.*?(%s)" % (self.seen, pattern))
        self.seen = match.end()
        return match[1]

    def expect_refusal(self, folder):
        """All that is said, then a key; what was said."""
        told = [self.expect(text) for text in FOLDERS[folder][1]]
        self.expect("bulkhead: not started; back to the firmware")
        self.machine.key(b" ")
        return told


def test_mistakes_are_told_and_firmware_goes_on(machine, folders):
    """Its boot manager tries the next one, the shell, which stays as it was:
    the same memory is left in a second run, and the last one starts."""
    m = machine(disk=folders, firmware="uefi", emu="tcg", mem=128)
    firmware = Firmware(m)
    firmware.expect_refusal("EFI/BOOT")
    firmware.expect("any other key to continue")
    m.key(b"\x1b")
    told = {}
    for folder in ("bad", "none", "gone", "strange", "large", "large"):
        firmware.expect("Shell>")
        m.key(f"fs0:\\{folder}\\BOOTX64.EFI\r".encode())
        now = firmware.expect_refusal(folder)
        assert told.setdefault(folder, now) == now
    firmware.expect("Shell>")
    m.key(b"fs0:\\good\\BOOTX64.EFI\r")
    firmware.expect(FOLDERS["good"][1][0])
    assert m.wait() == REFUSED
    assert m.all("refuse")[0]["missing"] == "VMX"
