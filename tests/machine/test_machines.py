# SPDX-License-Identifier: BSD-2-Clause
"""Other machines than Bochs: each starts as far as a processor without VT-x
lets it, tells the same facts in the same order, and refuses by name."""

import re
import struct

import pytest

from machine import ROOT
from tcg import Tcg

# The subjects of the start-up log (README.md), up to the refusal.
ORDER = ["boot", "firmware", "pci", "memory", "black box", "serial", "screen",
         "acpi", "hest", "mcfg", "apic", "ioapic", "time", "tsc", "cpu",
         "mca", "crc32c", "copy", "irq"]
LATER = ["VT-x/EPT", "watchdog"]
COLUMNS = 80
NO_VTX = "VMX is missing (CPUID 0x1 ECX bit 5)"


class Row:
    """A machine, and lines that its log has beside the usual ones."""

    def __init__(self, name, arguments, *lines, via="kernel", refusal=NO_VTX,
                 **options):
        self.name = name
        self.arguments = arguments.split()
        self.lines = lines
        self.refusal = refusal
        self.options = {"via": via, **options}


MACHINES = [
    Row("pc-64M", "-M pc -m 64", "firmware: BIOS", "mcfg: none",
        r"boot: Multiboot1 by qemu, 0 modules", r"memory: \d\d MiB free, .*",
        "ioapic: 24 pins at 0xfec00000",
        "irq: com1 by interrupt, com2 by interrupt"),
    Row("pc-grub-2cpus", "-M pc -m 256 -smp 2", "cpu: 2 running, 0 failed.*",
        r"boot: Multiboot2 by GRUB.*", via="grub"),
    Row("q35-3G-4cpus", "-M q35 -m 3G -smp 4 -cpu max",
        r"memory: 30\d\d MiB free, in \d ranges below 5120 MiB",
        "cpu: 4 running, 0 failed.*", "mcfg: one PCI segment", via="grub"),
    Row("q35-5G", "-M q35 -m 5G", r"memory: 5\d\d\d MiB free, in \d+ ranges "
        "below 7168 MiB"),
    Row("q35-uefi-5G-4cpus", "-M q35 -m 5G -smp 4", "firmware: UEFI",
        r"acpi: XSDT, \d+ tables", r"memory: \d{4} MiB free, in \d+ ranges "
        "below 7168 MiB", "cpu: 4 running, 0 failed.*", via="uefi"),
    Row("pc-uefi", "-M pc -m 256", "firmware: UEFI", "cpu: 1 running.*",
        via="uefi"),
    Row("pc-uefi-own-loader", "-M pc -m 256", "firmware: UEFI",
        "boot: Multiboot2 by Bulkhead's UEFI loader, 0 modules", via="efi"),
    Row("q35-16cpus", "-M q35 -smp 16", "cpu: 16 running, 0 failed.*"),
    Row("q35-70cpus", "-M q35 -smp 70 -m 512",
        "warning: cpu: 6 more than 64 are left: a broadcast #MC resets all",
        "cpu: 64 running, 0 failed.*"),
    Row("no-pit-no-hpet", "-M pc,pit=off -no-hpet -smp 2",
        r"time: TSC \d+ kHz by the ACPI PM timer", "cpu: 2 running.*"),
    Row("no-acpi", "-M pc -no-acpi -smp 2", "warning: acpi: none: .*",
        r"time: TSC \d+ kHz by the PIT", "warning: ioapic: none: .*",
        "cpu: 1 running, 0 failed.*",
        "irq: com1 polled each ms, com2 polled each ms"),
    Row("no-mca", "-cpu qemu64,-mce,-mca",
        "warning: mca: none: only injected machine checks are seen"),
    Row("no-clock", "-M microvm,acpi=on,pit=off,pic=off,isa-serial=on -m 256",
        "pci: none", "warning: serial: no 16550 for com2: no event stream",
        refusal="a clock is missing", serial=1),
    Row("no-apic", "-cpu qemu64,-apic",
        refusal="the local APIC is missing"),
]


@pytest.fixture
def tcg(tmp_path):
    machines = []

    def start(*arguments, **options):
        machines.append(Tcg(tmp_path, *arguments, **options))
        return machines[-1]
    yield start
    for machine in machines:
        machine.close()


def facts(lines):
    """[(subject, line)] of those lines of the log that tell a fact."""
    found = []
    for line in lines:
        match = re.match(r"(?:warning: |ERROR: )?([a-zA-Z0-9/ -]+?): ", line)
        if match and match[1] in ORDER + LATER:
            found.append((match[1], line))
    return found


def in_order(subjects):
    """Without repetitions of the one before."""
    return [subject for i, subject in enumerate(subjects)
            if i == 0 or subject != subjects[i - 1]]


def assert_tells(m, refusal, lines):
    """The order, the width, the events, and the one message."""
    log = m.text().splitlines()
    told = facts(log)
    subjects = in_order([subject for subject, _ in told])
    assert subjects == ORDER[:len(subjects)]
    assert refusal != NO_VTX or subjects == ORDER
    assert all(len(line) <= COLUMNS for line in log)
    refusals = [line for line in log if "cannot run guests" in line]
    assert refusals == [
        f"ERROR: this machine cannot run guests: {refusal}"]
    for wanted in lines:
        assert any(re.fullmatch(wanted, line) for line in log), wanted
    if m.text("com2"):
        assert_events(m, told)


def assert_events(m, told):
    """Each fact is an event, too, and the refusal is one."""
    events = [event for event in m.events() if event["event"] == "fact"]
    marks = {"info": "", "warn": "warning: ", "error": "ERROR: "}
    assert [f"{marks[event['level']]}{event['subject']}: {event['text']}"
            for event in events] == [line for _, line in told]
    assert [event["event"] for event in m.events()
            if event["event"] in ("refuse", "panic")] == ["refuse"]


def finish(m):
    """Waits for the last line, or the end of the machine."""
    m.wait_for(lambda: "the machine stays on" in m.text(), "last line")


@pytest.mark.parametrize("row", MACHINES, ids=lambda row: row.name)
def test_the_same_log_and_one_message(tcg, row):
    m = tcg(*row.arguments, **row.options)
    finish(m)
    assert_tells(m, row.refusal, row.lines)


def test_the_log_of_a_machine_that_runs_guests(machine, guest):
    """Bochs has VT-x: the same facts, and what comes after them."""
    m = machine(f"{guest('hello')} vm=alpha mem=4M")
    assert m.wait() == 0
    log = m.com1().replace("\r", "").splitlines()
    told = facts(log[:log.index("every guest has ended")])
    assert in_order([subject for subject, _ in told]) == ORDER + LATER
    assert all(len(line) <= COLUMNS for _, line in told)


@pytest.mark.parametrize("left, status, line", [
    ("nothing", 3, "apic: x2APIC"),
    ("x2apic", 3, "apic: x2APIC, left on by firmware"),
    ("vmxe", 3, "apic: x2APIC"),
    ("vmxon", 3, "warning: VT-x/EPT: VMX operation was on already: switched "
     "off"),
    ("noapic", 4, "ERROR: this machine cannot run guests: the local APIC is "
     "missing"),
])
def test_what_firmware_leaves_of_the_processor(machine, left, status, line):
    """A loader in between (tests/guests/chain) sets it, on Bochs."""
    m = machine(f"{ROOT}/build/bulkhead.elf", boot=f"chain={left}", cpus=2,
                extra=["--elf", f"{ROOT}/build/guests/chain.elf"])
    assert m.wait() == status
    log = m.com1().replace("\r", "").splitlines()
    assert line in log
    assert not any("boot line" in text for text in log)
    if status == 3:
        assert "cpu: 2 running, 0 failed; cpu0 runs guests" in log
        assert any("VT-x/EPT: uses" in text for text in log)


def test_firmware_that_locked_vmx_off(machine):
    """With OVMF, which leaves IA32_FEATURE_CONTROL alone: Bochs' own BIOS
    locks it, with VMX on."""
    m = machine(f"{ROOT}/build/bulkhead.elf", boot="chain=locked",
                firmware="uefi",
                extra=["--elf", f"{ROOT}/build/guests/chain.elf"])
    assert m.wait() == 4
    refusal, = m.all("refuse")
    assert refusal["missing"] == "VMX (locked off by firmware)"
    assert "switch on VT-x in the firmware's set-up" in m.com1()


def test_a_cpu_that_does_not_start(tcg, tmp_path):
    """A second MADT names one that is not there (ACPI 6.4, 5.2.12.2)."""
    local = struct.pack("<BBBBI", 0, 8, 7, 200, 1)
    m = tcg("-smp", "2", *acpi_table(
        tmp_path / "madt", "APIC", struct.pack("<II", 0xfee00000, 0) + local))
    finish(m)
    assert_tells(m, NO_VTX, [
        "ERROR: cpu: APIC id 200 does not start: a broadcast #MC resets all",
        "cpu: 2 running, 1 failed; cpu0 runs guests"])


def acpi_table(path, signature, body):
    """A table as QEMU's -acpitable takes it: the whole of it."""
    head = struct.pack("<4sIBB6s8sI4sI", signature.encode(), 36 + len(body), 1,
                       0, b"BLKHD ", b"TEST    ", 1, b"TEST", 1)
    whole = bytearray(head + body)
    whole[9] = -sum(whole) & 0xff
    path.write_bytes(whole)
    return ["-acpitable", f"file={path}"]


def test_firmware_first_is_named(tcg, tmp_path):
    """HEST: a PCI Express source, then machine checks, firmware first."""
    aer = struct.pack("<HHHBB", 6, 0, 0, 0, 1) + bytes(40)
    mce = struct.pack("<HHHBB", 0, 1, 0, 1, 1) + bytes(32)
    m = tcg(*acpi_table(tmp_path / "hest", "HEST",
                        struct.pack("<I", 2) + aer + mce))
    finish(m)
    assert_tells(m, NO_VTX, [
        "warning: hest: firmware first: it may hide machine checks from us"])


def test_segments_that_are_not_reached_are_told(tcg, tmp_path):
    body = bytes(8) + struct.pack("<QHBBI", 0xe0000000, 0, 0, 255, 0) + (
        struct.pack("<QHBBI", 0xd0000000, 1, 0, 255, 0))
    m = tcg(*acpi_table(tmp_path / "mcfg", "MCFG", body))
    finish(m)
    assert_tells(m, NO_VTX, ["warning: mcfg: 1 PCI segments beyond the first: "
                             "their DMA goes on"])


def port_in(m, size, port):
    """Reads an I/O port by QEMU's monitor."""
    return int(re.search(r"= *(0x[0-9a-f]+)",
                         m.monitor(f"i /{size} 0x{port:x}"))[1], 16)


def config(m, bus, device, function, register):
    address = (1 << 31 | bus << 16 | device << 11 | function << 8 | register)
    m.monitor(f"o /w 0xcf8 0x{address:x}")
    return port_in(m, "w", 0xcfc)


def masters(m, buses):
    """The class codes of the functions that may write to memory."""
    found = []
    for bus in buses:
        for place in range(256):
            where = (bus, place >> 3, place & 7)
            if config(m, *where, 0) not in (0xffffffff, 0) and (
                    config(m, *where, 4) & 4):
                found.append(config(m, *where, 8) >> 16)
    return found


@pytest.mark.parametrize("arguments, via, buses, least", [
    ("-M q35 -device nec-usb-xhci -device e1000e", "uefi", [0], 2),
    ("-M pc -device pxb,bus_nr=128,id=far -device nec-usb-xhci,bus=far,addr=1",
     "kernel", [0, 128, 129], 1),
])
def test_no_device_can_write_to_memory(tcg, arguments, via, buses, least):
    m = tcg(*arguments.split(), via=via)
    finish(m)
    cleared = re.search(r"pci: \d+ functions, bus mastering cleared on (\d+)",
                        m.text())
    assert int(cleared[1]) >= least
    assert "keep bus mastering" not in m.text()
    assert set(masters(m, buses)) <= {0x0600, 0x0601}


def test_functions_behind_another_root_are_found(tcg):
    counts = []
    for more in ([], ["-device", "pxb,bus_nr=128,id=far", "-device",
                      "e1000,bus=far,addr=1"]):
        m = tcg("-M", "pc", *more)
        finish(m)
        counts.append(int(re.search(r"pci: (\d+) functions", m.text())[1]))
        m.close()
    assert counts[1] == counts[0] + 3  # the root, its bridge, the card


def serial_device(m_path, *device):
    return ["-chardev", f"file,id=line,path={m_path}/com1",
            "-device", ",".join([*device, "chardev=line"])]


def test_a_serial_line_on_pci_is_taken(tcg, tmp_path):
    m = tcg(*serial_device(tmp_path, "pci-serial"), serial=0)
    finish(m)
    assert_tells(m, NO_VTX, [r"serial: com1 at port 0xc\w+, 115200 baud",
                             "irq: com1 polled each ms, com2 not there"])


def test_a_serial_line_on_pci_by_its_word(tcg, tmp_path):
    """com1=pci leaves the PC's own line alone."""
    m = tcg("-serial", "null", *serial_device(tmp_path, "pci-serial"),
            serial=0, boot="com1=pci com2=off")
    finish(m)
    assert_tells(m, NO_VTX, [r"serial: com1 at port 0xc\w+, 115200 baud",
                             "serial: com2 is off: no event stream"])


def test_a_serial_line_at_another_port(tcg, tmp_path):
    m = tcg(*serial_device(tmp_path, "isa-serial", "iobase=0x3e8", "irq=4"),
            serial=0, boot="com1=0x3e8 com2=off")
    finish(m)
    assert_tells(m, NO_VTX, ["serial: com1 at port 0x3e8, 115200 baud"])


@pytest.mark.parametrize("word, divisor", [("", 1), ("baud=9600", 12)])
def test_the_rate_of_the_lines(tcg, word, divisor):
    """The divisor latch, read by QEMU's monitor."""
    m = tcg(boot=word)
    finish(m)
    for port in (0x3f8, 0x2f8):
        m.monitor(f"o /b 0x{port + 3:x} 0x83")
        assert port_in(m, "b", port) == divisor
        assert port_in(m, "b", port + 1) == 0
    rate = 115200 // divisor
    assert f"serial: com1 at port 0x3f8, {rate} baud" in m.text()
