# SPDX-License-Identifier: BSD-2-Clause
"""What is done when a restore is not wanted, not possible or too often."""

import subprocess

import pytest

from beating import Pair, assert_consecutive, numbers_of

HALTED = 3


def test_halt(machine, guest):
    pair = Pair(machine, guest, "on=ept:halt")
    pair.snapshot()
    pair.watch_calm()
    pair.suffer("send alpha wild", "ept", action="halt", outcome="ok")
    pair.machine.expect("vm-end", vm="alpha", how="halted")
    pair.assert_unharmed()
    assert not pair.machine.all("action", action="restore")
    pair.end("beta", status=HALTED)


def test_preserve(machine, guest):
    pair = Pair(machine, guest, "on=triple:preserve")
    pair.snapshot()
    pair.suffer("send alpha triple", "triple", action="preserve",
                outcome="ok")
    pair.machine.expect("vm-end", vm="alpha", how="preserved")
    assert any("preserved" in line
               for line in pair.machine.command("list")["output"])
    pair.assert_unharmed()
    pair.end("beta", status=HALTED)


@pytest.mark.parametrize("words", ["snapshot=manual", "snapshot=off"])
def test_restart(machine, guest, words):
    """All of it is new: the count of beats, and its memory."""
    pair = Pair(machine, guest, f"{words} on=panic:restart")
    m = pair.machine
    pair.watch_calm()
    pair.suffer("send alpha panic", "panic", action="restart", outcome="ok")
    start = m.cursor
    for n in range(1, 5):
        assert m.expect("heartbeat", vm="alpha")["n"] == n
    m.expect("console", vm="alpha")
    lines = [event["line"] for event in m.events[start:m.cursor]
             if event["event"] == "console" and event["vm"] == "alpha"]
    assert lines[0].endswith("beat start size 64 change 64 seed 1")
    assert_consecutive(numbers_of(lines, "alpha"), 1)
    pair.assert_unharmed()
    pair.end()


def test_restore_without_a_snapshot_is_a_restart(machine, guest):
    pair = Pair(machine, guest, "on=triple:restore,restart,halt")
    pair.suffer("send alpha triple", "triple", action="restart",
                outcome="ok")
    assert pair.machine.expect("heartbeat", vm="alpha")["n"] == 1
    assert not pair.machine.all("action", action="restore", outcome="ok")
    pair.assert_unharmed()
    pair.end()


def test_restore_alone_without_a_snapshot_is_the_end(machine, guest):
    pair = Pair(machine, guest, "on=triple:restore")
    pair.suffer("send alpha triple", "triple", action="halt")
    pair.machine.expect("vm-end", vm="alpha", how="halted")
    pair.end("beta", status=HALTED)


def test_a_damaged_copy_leads_to_the_older_generation(machine, guest):
    """The newest has lost a page that has changed since the older one."""
    pair = Pair(machine, guest, "on=ept:restore,restart on=mce:log")
    m = pair.machine
    beat = pair.snapshot()
    pair.wait_beats("alpha", 2)
    pair.snapshot()
    pair.wait_beats("alpha", 2)
    page = changed_page(guest)
    m.command(f"inject alpha mce copy {page} srao")
    m.expect("fault", vm="alpha", kind="mce")
    pair.suffer("send alpha wild", "ept", action="restore", outcome="ok",
                generation=1)
    assert m.all("action", kind="ept", action="restore", outcome="failed",
                 generation=0)
    pair.assert_goes_on(beat)
    pair.assert_unharmed()
    pair.end()


def changed_page(guest):
    """The guest frame number of beat's buffer: written in every beat."""
    symbols = subprocess.run(["nm", guest("beat")], check=True, text=True,
                             capture_output=True).stdout
    end = next(int(line.split()[0], 16) for line in symbols.splitlines()
               if line.endswith(" image_end"))
    return (end + 4095) // 4096


def test_the_budget_ends_it(machine, guest):
    """Two restores, and no third; the neighbour goes on."""
    pair = Pair(machine, guest, "budget=2/60000 on=ept:restore,restart")
    pair.snapshot()
    pair.watch_calm()
    for _ in range(2):
        pair.suffer("send alpha wild", "ept", action="restore", outcome="ok")
        pair.wait_progress()
    pair.suffer("send alpha wild", "ept", action="halt", why="budget")
    pair.machine.expect("vm-end", vm="alpha", how="budget")
    pair.assert_unharmed()
    pair.end("beta", status=HALTED)


def test_the_budget_comes_back_with_time(machine, guest):
    pair = Pair(machine, guest, "budget=1/300")
    pair.snapshot()
    for _ in range(3):
        pair.suffer("send alpha wild", "ept", action="restore", outcome="ok")
        pair.wait_beats("alpha", 8)  # one period less is 350 ms
        pair.wait_progress()
    pair.end()


def test_a_snapshot_of_a_doomed_guest_ends_in_a_restart(machine, guest):
    """It does it again at once, however often it is restored."""
    m = machine(f"{guest('crash')} vm=alpha mem=16M on=ept:restore "
                "-- cause=wild repeat=9 burn=0 mem=4")
    m.expect("action", action="restore", why="ladder")
    m.expect("action", action="restore", generation=1)
    m.expect("action", action="restart", why="no-progress")


def test_commands_of_the_operator(machine, guest):
    pair = Pair(machine, guest)
    m = pair.machine
    beat = pair.snapshot()
    pair.wait_beats("alpha", 2)
    m.command("restore alpha")
    m.expect("action", kind="operator", action="restore", outcome="ok")
    pair.assert_goes_on(beat)
    m.command("restart alpha")
    m.expect("action", kind="operator", action="restart", outcome="ok")
    assert m.expect("heartbeat", vm="alpha")["n"] == 1
    m.command("halt alpha")
    m.expect("vm-end", vm="alpha", how="halted")
    assert m.command("restore alpha", status=None)["status"] != 0
    assert m.command("inject alpha mce", status=None)["status"] != 0
    pair.assert_unharmed()
    pair.end("beta", status=HALTED)


@pytest.mark.parametrize("words", ["on=triple:restart", ""])
def test_a_guest_that_fails_at_every_boot_is_halted(machine, guest, words):
    m = machine(f"{guest('crash')} vm=alpha mem=16M budget=3/60000 {words} "
                "-- cause=triple repeat=9 burn=0 mem=4", timeout=60)
    m.expect("action", vm="alpha", action="halt", why="budget")
    m.expect("vm-end", vm="alpha", how="budget")
    answers = [event["action"] for event in m.all("action", outcome="ok")]
    assert len(answers) == 4 and "restart" in answers
    assert m.wait() == HALTED


def test_a_reset_by_the_guest_boots_it_again(machine, guest):
    pair = Pair(machine, guest)
    m = pair.machine
    m.send("alpha", "reset")
    m.expect("vm-reset", vm="alpha")
    assert m.expect("heartbeat", vm="alpha")["n"] == 1
    assert not m.all("fault")
    pair.assert_unharmed()
    pair.end()
