# SPDX-License-Identifier: BSD-2-Clause
"""One line for all: whose line it is, where keys go, the monitor."""

import os
import re

import pexpect
import pytest

from beating import Pair, beat_line
from machine import ROOT

FAILURE = 1
CHORD = "\x01"


@pytest.fixture
def terminal(guest):
    """tools/run on a terminal, with two guests that beat."""
    child = pexpect.spawn(
        f"{ROOT}/tools/run", ["--timeout", "300", "--",
                              beat_line(guest, "alpha"),
                              beat_line(guest, "beta")],
        encoding="utf-8", timeout=120, dimensions=(50, 100))
    child.expect("Ctrl-A q ends the run")
    yield child
    if child.isalive():
        child.send(CHORD + "q")
        child.expect(pexpect.EOF)
    child.close()


def test_the_keys_are_told_and_lines_have_names(terminal):
    terminal.expect("keys: Ctrl-A m monitor, 0-7 that guest, x all mixed")
    terminal.expect(r"alpha\| beat 3 [0-9a-f]{8}\r\n")
    terminal.expect(r"beta\| beat 4 [0-9a-f]{8}\r\n")


def test_moving_between_guests(terminal):
    terminal.expect(r"alpha\| beat 2 ")
    terminal.send(CHORD + "0")
    terminal.expect(r"\[alpha\]\r\n.*\r\n")  # the rest of a line, or one
    for _ in range(4):
        terminal.expect(r"beat \d+ [0-9a-f]{8}\r\n")
        assert terminal.before == ""
    terminal.send("sing\r")
    terminal.expect("what is sing\\?\r\n")
    terminal.send(CHORD + "1")
    terminal.expect(r"\[beta\]\r\n")
    terminal.send("dance\r")
    terminal.expect("what is dance\\?\r\n")
    terminal.send(CHORD + "x")
    terminal.expect(r"\[all guests mixed\]\r\n")
    terminal.expect(r"alpha\| beat")
    # Keys still go where they went before.
    terminal.send("leap\r")
    terminal.expect(r"beta\| what is leap\?")


def test_the_monitor_by_hand(terminal):
    terminal.expect(r"alpha\| beat 2 ")
    terminal.send(CHORD + "m")
    terminal.expect(r"\[monitor\]\r\nbulkhead> ")
    terminal.send("pausx\x7fe alpha\r")  # corrected while it is typed
    terminal.expect("bulkhead> ")
    terminal.send("list\r")
    terminal.expect(r"0 +alpha +paused")
    terminal.expect(r"1 +beta +running")
    terminal.expect("bulkhead> ")
    terminal.send("dance\r")
    terminal.expect("dance: no such command; try help")
    terminal.send("pause\r")
    terminal.expect("usage: pause VM")
    assert "beat" not in terminal.before


def test_break_and_nmi_by_key(terminal):
    terminal.expect(r"alpha\| beat 2 ")
    terminal.send(CHORD + "1")
    terminal.expect(r"\[beta\]")
    # A BREAK is a NUL for a guest that does not look closer; it is now the
    # first character of the line.
    terminal.send(CHORD + "b")
    terminal.send("snapshot\r")
    terminal.expect(r"what is \?\r\n")
    terminal.send(CHORD + "n")
    terminal.expect("not ok trap: vector 2 ")
    terminal.send(CHORD + "0")
    terminal.expect(r"\[alpha\]")
    terminal.send("quit\r")
    terminal.expect("every guest powered off")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_help_on_keys_and_the_chord_itself(terminal):
    terminal.expect(r"alpha\| beat 2 ")
    terminal.send(CHORD + "?")
    terminal.expect("keys: Ctrl-A m monitor")
    terminal.send(CHORD + "0")
    terminal.expect(r"\[alpha\]")
    terminal.send(CHORD + "a" + "go\r")
    terminal.expect("what is \x01go\\?")


def test_the_first_view_can_be_chosen(machine, guest):
    m = machine(beat_line(guest, "alpha"), beat_line(guest, "beta"),
                boot="console=beta")
    m.expect("heartbeat", vm="alpha", n=4)
    m.expect_com1(r"\nbeat 4 [0-9a-f]{8}\n")
    assert "alpha|" not in m.com1() and "beta|" not in m.com1()
    m.key(b"quit\r")
    m.expect("vm-end", vm="beta", how="poweroff")


def test_monitor_commands(machine, guest):
    pair = Pair(machine, guest)
    m = pair.machine
    names = {line.split()[0] for line in m.command("help")["output"]}
    assert names >= {
        "help", "list", "pause", "resume", "snapshot", "restore", "restart",
        "halt", "preserve", "inject", "frame", "journal", "loglevel",
        "reboot", "poweroff", "check", "health", "send", "break", "nmi"}
    m.command("pause alpha")
    rows = m.command("list")["output"][1:]
    assert [row.split()[1:3] for row in rows] == [["alpha", "paused"],
                                                  ["beta", "running"]]
    last = m.all("heartbeat", vm="alpha")[-1]
    pair.wait_beats("beta", 5)
    assert m.all("heartbeat", vm="alpha")[-1] == last
    m.command("resume alpha")
    assert pair.wait_beats("alpha", 1)["n"] == last["n"] + 1
    assert m.command("resume alpha", status=None)["status"] != 0
    for bad in ("pause gamma", "snapshot", "restore alpha 2", "loglevel loud",
                "inject alpha plague", "inject alpha mce page 99999999",
                "frame alpha 0xd0000000", "fly"):
        answer = m.command(bad, status=None)
        assert answer["status"] != 0 and not answer["ok"], bad
        assert answer["output"], bad
    assert m.command("journal")["output"] == ["the journal is empty"]
    output = m.command("check")["output"]
    assert "yes no event was lost" in output
    m.command("loglevel warn")
    assert m.command("loglevel")["output"] == ["log level: warn"]
    text = m.com1()
    pair.snapshot()
    pair.assert_unharmed()
    pair.end()
    assert "snapshot" not in m.com1()[len(text):]


def test_list_shows_statistics(machine, guest):
    pair = Pair(machine, guest)
    m = pair.machine

    def numbers(rows):
        return [int(word) for word in rows[1].split()[3:]]
    first = m.command("list")["output"]
    head = first[0].split()
    assert head[:4] == ["id", "name", "state", "MiB"]
    before = numbers(first)
    while pair.wait_beats("alpha", 1)["n"] < before[-1] + 5:
        pass  # the list may be newer than the events that are read now
    after = numbers(m.command("list")["output"])
    assert before[0] == after[0] == 4
    assert after[1] > before[1] > 0  # exits
    assert after[2] >= before[2] > 0  # run ms
    assert after[-1] >= before[-1] + 5  # beats


def test_nmi_and_break_by_command(machine, guest):
    pair = Pair(machine, guest)
    m = pair.machine
    m.command("break alpha")
    m.send("alpha", "snapshot")
    m.expect("console", vm="alpha", line=re.compile(r"what is \?$"))
    m.command("nmi alpha")
    m.expect("console", vm="alpha",
             line=re.compile("^not ok trap: vector 2 "))
    m.expect("vm-end", vm="alpha", how="poweroff")
    pair.assert_unharmed()
    pair.end("beta")


def test_input_for_a_guest_that_does_not_read_is_refused(machine, guest):
    m = machine(beat_line(guest, "alpha", "start=paused"))
    m.expect("ready")
    line = "x" * 60
    statuses = [m.command(f"send alpha {line}", status=None)["status"]
                for _ in range(80)]
    assert statuses[0] == 0 and statuses[-1] != 0
    assert sorted(statuses) == statuses
    m.command("resume alpha")
    m.expect("console", vm="alpha", line=f"what is {line}?")


def test_a_flood_is_counted_not_waited_for(machine, guest):
    """A guest that prints all it can does not hold up the other."""
    m = machine(f"{guest('beat')} vm=alpha mem=4M -- size=1 change=1 "
                "period=0 tick=1 seed=1",
                beat_line(guest, "beta"))
    m.expect("heartbeat", vm="beta", n=lambda n: n >= 12)
    beats = m.all("heartbeat", vm="beta")
    per_ms = m.all("ready")[0]["tsc_per_ms"]
    gaps = [(after["t"] - before["t"]) / per_ms
            for before, after in zip(beats, beats[1:])
            if after["n"] == before["n"] + 1]
    assert len(gaps) > 5 and max(gaps) < 110


def test_reboot(machine, guest):
    """Firmware, the loader and Bulkhead come again."""
    m = machine(beat_line(guest, "alpha"))
    m.expect("heartbeat", vm="alpha", n=2)
    os.write(m.commands, b"reboot\n")
    m.expect("ready")
    assert m.expect("heartbeat", vm="alpha")["n"] == 1


def test_poweroff(machine, guest):
    m = machine(beat_line(guest, "alpha"))
    m.expect("heartbeat", vm="alpha", n=2)
    os.write(m.commands, b"poweroff\n")
    assert m.wait() == FAILURE  # it went before any guest had ended
    assert "the emulator ended" in open(m.path("stderr")).read()
