# SPDX-License-Identifier: BSD-2-Clause
"""The small guests find all that they were promised, and all of it back."""

import re

import pytest

from beating import Pair, assert_consecutive, beat_line, numbers_of
from machine import ROOT

EBUSY = 16

# Each crime costs a restore; far more than these guests commit.
WELL_MEANT = "snapshot=manual budget=64/60000"
EVERY_KIND = " ".join(f"on={kind}:restore,halt" for kind in (
    "ept", "misconfig", "triple", "entry", "exit", "panic", "root"))


def crimes():
    """What crash.elf does of its own accord."""
    with open(f"{ROOT}/tests/guests/crash/crimes.c") as file:
        return re.findall(r'{"([\w-]+)", [^}]*, false}', file.read())


def assert_all_ok(lines):
    """It counted at least one check, and no failure; the number."""
    assert not [line for line in lines if line.startswith("not ok")]
    end = re.fullmatch(r"done (\d+) 0", lines[-1])
    assert end and int(end[1]) > 0
    assert len([line for line in lines if line.startswith("ok ")]) == (
        int(end[1]))
    return int(end[1])


@pytest.mark.parametrize("words", ["snapshot=manual -- slow", "snapshot=off"])
def test_the_machine_is_what_was_promised(machine, guest, words):
    m = machine(f"{guest('platform')} vm=alpha mem=64M {words}")
    assert m.wait() == 0
    assert_all_ok(m.console("alpha"))
    assert not m.all("fault")


@pytest.mark.parametrize("model", ["sandy_bridge", "broadwell_ult"])
def test_it_is_so_on_lesser_processors(machine, guest, model):
    m = machine(f"{guest('platform')} vm=alpha mem=64M", cpu_model=model)
    assert m.wait() == 0
    assert_all_ok(m.console("alpha"))


def test_two_at_a_time_do_not_mix(machine, guest):
    m = machine(f"{guest('platform')} vm=alpha mem=64M",
                f"{guest('platform')} vm=beta mem=32M", boot="slice=1")
    assert m.wait() == 0
    for vm in ("alpha", "beta"):
        assert_all_ok(m.console(vm))


@pytest.mark.parametrize("options", [
    "", "vmcall pages", "repeat=3 burn=20 cause=wild,triple,panic,long-write"])
def test_every_crime_is_undone(machine, guest, options):
    m = machine(f"{guest('crash')} vm=alpha mem=4M {WELL_MEANT} verify=full "
                f"{EVERY_KIND} -- {options}")
    assert m.wait() == 0
    lines = m.console("alpha")
    names = [line.split()[1] for line in lines if line.startswith("ok ")]
    causes = re.search(r"cause=(\S+)", options)
    wanted = causes[1].split(",") if causes else crimes()
    assert names == wanted
    assert assert_all_ok(lines) == len(wanted)
    repeat = 3 if "repeat" in options else 1
    actions = m.all("action", vm="alpha")
    assert len(actions) == repeat * len(wanted)
    assert {(event["action"], event["outcome"]) for event in actions} == {
        ("restore", "ok")}


def test_the_comparison_can_fail(machine, guest):
    m = machine(f"{guest('crash')} vm=alpha mem=16M {WELL_MEANT} "
                "-- cause=wild spoil")
    assert m.wait() == 0
    assert m.console("alpha")[-1] == "done 0 2" or (
        "not ok wild: not as it was" in m.console("alpha"))


def test_a_hang_is_ended_by_the_operator(machine, guest):
    """It spins with interrupts off: its turn must end all the same."""
    m = machine(f"{guest('crash')} vm=alpha mem=16M {WELL_MEANT} "
                "-- cause=hang",
                beat_line(guest, "beta"))
    m.expect("snapshot", vm="alpha")
    m.expect("heartbeat", vm="beta", n=lambda n: n >= 12)
    assert not m.all("vm-end")
    m.command("restore alpha")
    m.expect("console", vm="alpha", line="ok hang")
    m.expect("vm-end", vm="alpha", how="poweroff")


def insist(machine, command):
    """Gives a command until the VM is not being worked on."""
    while machine.command(command, status=None)["status"] == EBUSY:
        pass


def test_write_protection_is_exact(machine, guest):
    """The dirty engine of processors without EPT dirty bits. Bochs sets
    accessed and dirty bits of a guest's page tables without asking EPT for
    the right to write (SDM vol. 3, 28.3.3.2 wants it), and so escapes that
    engine: a guest without paging."""
    pair = Pair(machine, guest, "verify=full on=mce:restore budget=64/60000",
                cpu_model="sandy_bridge")
    m = pair.machine
    for _ in range(4):
        beat = pair.snapshot()
        pair.wait_beats("alpha", 2)
        m.command("inject alpha mce")
        m.expect("action", vm="alpha", action="restore", outcome="ok")
        pair.assert_goes_on(beat)
    assert len(m.all("verify", mismatches=0)) == 4


@pytest.mark.parametrize("model", ["skylake_x", "broadwell_ult"])
def test_restores_at_any_moment(machine, guest, model):
    """All state is in use when it goes back to whatever it was."""
    m = machine(f"{guest('busy')} vm=alpha mem=4M snapshot=every:40 "
                "verify=full budget=64/60000 -- "
                "rounds=0 every=10 stop mem=1536",
                cpu_model=model, boot="slice=1")
    m.expect("snapshot", vm="alpha")
    for i in range(9):
        m.expect("heartbeat", vm="alpha")
        insist(m, "restore alpha" if i % 3 else "inject alpha mce")
        action = m.expect("action", vm="alpha")
        assert action["outcome"] == "ok", m.command("journal 1")["output"]
    m.expect("console", vm="alpha", line=re.compile("^round .* ok$"))
    m.expect("console", vm="alpha", line=re.compile("^round .* ok$"))
    lines = m.console("alpha")
    assert not [line for line in lines if "not ok" in line
                or "failed" in line]
    while len(m.all("snapshot", vm="alpha")) < 6:
        m.expect("snapshot", vm="alpha")
    assert len(m.all("verify", mismatches=0)) >= 6


def test_snapshots_leave_time_for_the_guest(machine, guest):
    """One takes longer than the time to the next."""
    m = machine(f"{guest('busy')} vm=alpha mem=16M snapshot=every:10 "
                "verify=full -- rounds=0 every=10 stop mem=1536")
    m.expect("snapshot", vm="alpha")
    for n in range(1, 3):
        m.expect("heartbeat", vm="alpha", n=n)


def test_a_fault_at_its_own_hand_rolls_back_to_its_own_snapshot(machine,
                                                                guest):
    m = machine(beat_line(guest, "alpha", "on=ept:restore",
                          "snapshot=5 cause=wild at=8 beats=14"))
    assert m.wait() == 0
    numbers = numbers_of(m.console("alpha"), "alpha")
    assert numbers == [*range(1, 9), *range(6, 15)]
    lines = m.console("alpha")
    assert lines.count("snapshot returned 0") == 2
    assert lines.count("snapshot returned 1") == 1


def test_sums_of_a_guest_that_is_rolled_back_often(machine, guest):
    m = machine(beat_line(guest, "alpha",
                          "budget=64/60000 snapshot=every:100"))
    m.expect("snapshot", vm="alpha")
    for _ in range(5):
        m.expect("heartbeat", vm="alpha")
        m.expect("heartbeat", vm="alpha")
        insist(m, "restore alpha")  # a snapshot may be under way
        m.expect("action", action="restore", outcome="ok")
    m.expect("snapshot", vm="alpha")
    start = len(m.console("alpha"))
    for _ in range(5):
        m.expect("console", vm="alpha")
    after = numbers_of(m.console("alpha")[start + 1:], "alpha")
    assert_consecutive(after, after[0])
    m.send("alpha", "quit")
    assert m.wait() == 0
    assert m.console("alpha")[-1] == "done 0 0"
