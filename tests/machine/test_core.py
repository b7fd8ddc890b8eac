# SPDX-License-Identifier: BSD-2-Clause
"""The core's own fault is the end, and it says all that it knows."""

import os
import re
import subprocess

import pytest

from beating import beat_line
from machine import ROOT, MachineError

PANICKED = 5
ELF = f"{ROOT}/build/bulkhead.elf"


def last_words(m, command):
    """Gives a command that may never be answered."""
    try:
        m.command(command, status=None)
    except MachineError:
        pass
    assert m.wait() == PANICKED


def build_id():
    notes = subprocess.run(["readelf", "-n", ELF], check=True, text=True,
                           capture_output=True).stdout
    return re.search(r"Build ID: ([0-9a-f]{40})", notes)[1]


def functions():
    symbols = subprocess.run(["nm", ELF], check=True, text=True,
                             capture_output=True).stdout
    return {line.split()[2] for line in symbols.splitlines()
            if line.split()[1] in "tT"}


def back_trace(text):
    """[(address, function)] of the last words."""
    part = text[text.index("back trace:"):]
    return [(int(a, 16), name) for a, name in
            re.findall(r"^  ([0-9a-f]{16}) (\S+)\+0x[0-9a-f]+\r?$", part,
                       re.M)]


@pytest.mark.parametrize("command, what, who", [
    ("inject alpha mce core", "machine check", "monitor_execute"),
    ("inject alpha mce fatal", "the core is hit: mce, fatal", "ft_detect"),
    ("panic", "asked for by the operator", "monitor_execute"),
])
def test_a_panic_says_what_is_known(machine, guest, command, what, who):
    m = machine(beat_line(guest, "alpha"))
    m.expect("heartbeat", vm="alpha", n=2)
    last_words(m, command)
    panic = m.all("panic")
    assert len(panic) == 1
    text = m.com1()
    assert f"BULKHEAD PANIC: {panic[0]['what']}" in text
    assert what in panic[0]["what"]
    assert f"build {build_id()}" in text
    assert "no VM was being served" in text
    trace = back_trace(text)
    names = [name for _, name in trace]
    assert len(trace) >= 4
    assert set(names) <= functions()
    assert "run_loop" in names and who in names


def test_a_panic_by_an_exception_shows_the_registers(machine, guest):
    m = machine(beat_line(guest, "alpha"))
    m.expect("heartbeat", vm="alpha", n=2)
    last_words(m, "inject alpha mce core")
    text = m.com1()
    for name in ("rip", "rsp", "rflags", "rax", "r15", "cr0", "cr2", "cr3",
                 "cr4"):
        assert re.search(rf"\b{name} +[0-9a-f]{{8,16}}\b", text), name
    rip = int(re.search(r"rip ([0-9a-f]{16}) rsp", text)[1], 16)
    assert back_trace(text)[0][0] == rip


def test_reboot_after_a_panic(machine, guest):
    """on-panic=reboot: the machine comes up again by itself."""
    m = machine(f"{guest('hello')} vm=alpha mem=4M start=paused",
                boot="on-panic=reboot")
    m.expect("ready")
    os.write(m.commands, b"panic\n")
    m.expect("panic")
    m.expect("ready")
