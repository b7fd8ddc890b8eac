# SPDX-License-Identifier: BSD-2-Clause
"""No bug of ours stops the machine while a VM is served."""

import re
import subprocess

import pytest

from beating import Pair, beat_line
from machine import ROOT, MachineError

PANICKED = 5
ELF = f"{ROOT}/build/bulkhead.elf"

# The mistake, the vector that tells of it, and how it showed itself.
MISTAKES = {
    "nullwrite": (14, "exception"),
    "wild": (14, "exception"),
    "ud": (6, "exception"),
    "gp": (13, "exception"),
    "stack": (8, "exception"),
    "divide": (0, "exception"),
    "check": (6, "check"),
    "loop": (2, "watchdog"),
}
IN_CORE = {
    "nullwrite": "exception 14 in the core",
    "wild": "exception 14 in the core",
    "ud": "exception 6 in the core",
    "gp": "exception 13 in the core",
    "stack": "exception 8 in the core",
    "divide": "exception 0 in the core",
    "check": "check failed in the core: what != ROOT_CHECK",
    "loop": "endless loop in the core (root watchdog)",
}

# kernel/watchdog.c: the turn's rest, its patience (with 16 ticks a frame), two
# looks more, and what an NMI that was armed before may be late.
WATCHDOG_MS = 20 + 2 * 2 + 2
FRAMES = 2500


def symbol(name):
    out = subprocess.run(["nm", ELF], check=True, text=True,
                         capture_output=True).stdout
    return next(int(line.split()[0], 16) for line in out.splitlines()
                if line.split()[2] == name)


def watchdog_ticks(ready):
    return (ready["slice"] + WATCHDOG_MS * ready["tsc_per_ms"]
            + 16 * FRAMES)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_at_depth_0_one_vm_is_restored(machine, guest, mistake):
    """And the machine goes on: the other does not notice, but for what the
    watchdog takes to be sure."""
    vector, cause = MISTAKES[mistake]
    pair = Pair(machine, guest, "on=root:restore verify=full")
    m = pair.machine
    beat = pair.snapshot()
    pair.watch_calm()
    fault, action = pair.suffer(f"inject alpha {mistake}", "root",
                                outcome="ok")
    assert (fault["detail"], fault["cause"]) == (vector, cause)
    assert fault["context"] == "serving"
    assert ("check" in fault) == (cause == "check")
    assert action["generation"] == 0 and 0 < action["pages"] < 1024
    checked = m.all("verify", vm="alpha")
    assert [event["mismatches"] for event in checked] == [0]
    pair.assert_goes_on(beat)
    if mistake == "loop":
        ready = m.all("ready")[0]
        pair.calm += watchdog_ticks(ready)
        assert m.command("journal 1")["output"][3] == "  cause: watchdog"
    pair.assert_unharmed()
    pair.end()


def last_words(m, command):
    """Gives a command that is not the last one to be answered."""
    try:
        m.command(command, status=None)
        m.wait()
    except MachineError:
        pass
    assert m.wait() == PANICKED
    return m.com1()


@pytest.mark.parametrize("mistake", IN_CORE)
def test_in_a_core_section_the_report_says_what(machine, guest, mistake):
    m = machine(beat_line(guest, "alpha"))
    m.expect("heartbeat", vm="alpha", n=2)
    text = last_words(m, f"inject alpha {mistake} core")
    panic = m.all("panic")
    assert len(panic) == 1 and IN_CORE[mistake] in panic[0]["what"]
    assert f"BULKHEAD PANIC: {panic[0]['what']}" in text
    assert "serving VM 0 (vCPU 0), core depth 1" in text
    place = "overflow" if mistake == "stack" else "strike"
    assert re.search(rf"back trace:\s+[0-9a-f]{{16}} (guest_)?{place}", text)
    assert not m.all("fault") and not m.all("action")
    if mistake == "loop":  # it might have been a section that began late
        began = [event["t"] for event in m.all("heartbeat")][-1]
        assert panic[0]["t"] - began > 1000 * m.all("ready")[0]["tsc_per_ms"]


def test_loops_in_a_row(machine, guest):
    """The watchdog is there again after it has struck."""
    pair = Pair(machine, guest, "budget=9/60000 on=root:restore")
    for _ in range(3):
        beat = pair.snapshot()
        pair.suffer("inject alpha loop", "root", outcome="ok")
        pair.assert_goes_on(beat, beats=2)
        pair.wait_progress()
    pair.end()


def test_a_guest_that_runs_long_is_no_loop(machine, guest):
    """A turn of 200 ms is longer than the watchdog waits."""
    m = machine(beat_line(guest, "alpha"), boot="slice=200")
    m.expect("heartbeat", vm="alpha", n=6)
    assert not m.all("fault")
    m.command("inject alpha loop")
    fault = m.expect("fault", vm="alpha", kind="root")
    assert fault["cause"] == "watchdog"


# Where the NMIs come from: options of the machine, and what check says.
SOURCES = [
    ({}, "yes a root watchdog, by NMIs of the PIT"),
    ({"cpus": 2}, "yes a root watchdog, by NMIs of the PIT"),
    ({"cpus": 2, "boot": "force-missing=watchdog-clock"},
     "yes a root watchdog, by NMIs of another CPU"),
]


@pytest.mark.parametrize("options, line", SOURCES)
def test_by_whatever_there_is(machine, guest, options, line):
    m = machine(beat_line(guest, "alpha", "on=root:restart"), **options)
    m.expect("heartbeat", vm="alpha", n=1)
    assert line in m.command("check")["output"]
    m.command("inject alpha loop")
    fault = m.expect("fault", vm="alpha", kind="root")
    assert fault["cause"] == "watchdog"
    m.expect("action", vm="alpha", action="restart", outcome="ok")
    m.expect("heartbeat", vm="alpha", n=3)
    m.send("alpha", "quit")
    assert m.wait() == 0


def test_without_a_source_it_is_said(machine, guest):
    m = machine(beat_line(guest, "alpha"),
                boot="force-missing=watchdog-clock")
    m.expect("heartbeat", vm="alpha", n=1)
    assert ("NO  a root watchdog: an endless loop of ours stops the machine"
            in m.command("check")["output"])
    assert "watchdog: none: an endless loop" in m.com1()


# What is tried of another VM's memory: the address that it would have in a
# map of all memory, in the image's mapping, and in the cell window; and what
# the core shares, but does not write.
def addresses_of_another(hpa):
    return {"identity": hpa, "image": 0xFFFFFFFF80000000 + hpa,
            "window": 0xFFFF800000000000 + hpa,
            "text": symbol("exception_entry"),
            "rodata": symbol("symbol_count")}


def hashes(m, vm):
    m.command(f"hash {vm}")
    event = m.expect("hash", vm=vm)
    return event["ram"], event["copies"]


@pytest.mark.parametrize("where", ["identity", "image", "window", "text",
                                   "rodata"])
def test_a_wild_write_to_another_cell_faults(machine, guest, where):
    pair = Pair(machine, guest, "on=root:restore")
    m = pair.machine
    m.command("frame beta 0x100000")
    hpa = m.expect("frame", vm="beta")["hpa"]
    assert hpa >= 4 << 20  # alpha's own RAM ends below
    beat = pair.snapshot()
    m.command("pause beta")
    before = hashes(m, "beta")
    address = addresses_of_another(hpa)[where]
    fault, _ = pair.suffer(f"inject alpha wild {address:#x}", "root",
                           outcome="ok")
    assert (fault["detail"], fault["address"]) == (14, address)
    pair.assert_goes_on(beat)
    assert hashes(m, "beta") == before
    m.command("resume beta")
    pair.assert_unharmed()
    pair.end()


def test_no_mapping_leads_to_another_cell(machine, guest):
    """Whatever address a mistake may hit."""
    pair = Pair(machine, guest)
    m = pair.machine
    for vm, other, frames in (("alpha", "beta", 0), ("beta", "alpha", 0),
                              ("alpha", "alpha", 1024 + 1024)):
        m.command(f"reach {vm} {other}")
        mappings = m.expect("reach", vm=vm, other=other)["mappings"]
        assert mappings >= frames if frames else mappings == 0
    pair.assert_unharmed()
    pair.end()


def test_a_machine_check_without_a_restart_rip(machine, guest):
    """The service of a VM leaves its stack behind: it needs no restart."""
    pair = Pair(machine, guest, "on=mce:restore verify=full")
    beat = pair.snapshot()
    pair.watch_calm()
    fault, _ = pair.suffer("inject alpha mce serving norip", "mce",
                           outcome="ok")
    assert (fault["context"], fault["severity"]) == ("serving", "action")
    pair.assert_goes_on(beat)
    pair.assert_unharmed()
    pair.end()


def test_the_same_in_the_core_is_the_end(machine, guest):
    m = machine(beat_line(guest, "alpha"))
    m.expect("heartbeat", vm="alpha", n=2)
    last_words(m, "inject alpha mce core norip")
    assert "machine check in the core" in m.all("panic")[0]["what"]
