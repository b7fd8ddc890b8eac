# SPDX-License-Identifier: BSD-2-Clause
"""Guests that try to stop the machine, and one beside them that must not
notice.

Seven hostile guests at a time; what each deed of theirs has to lead to
stands in tests/guests/hostile. The guest beside them is compared with one
that has seven neighbours that do nothing but compute.
"""

import re

import pytest

from beating import numbers_of
from conftest import Machines

SIZE_KIB = 4
RUNS = [
    ["ports_in", "strings", "tables", "paging", "control", "spin", "real"],
    ["ports_out", "devices", "walks", "tasks", "instructions", "idle",
     "long"],
    ["msrs_low", "addresses", "mmio", "debug", "interface", "repeat",
     "delivery"],
    ["msrs_high", "registers", "fetch", "storms", "interrupts", "timers",
     "modes"],
]
KINDS = ["ept", "misconfig", "triple", "entry", "exit", "panic"]
WORDS = ("mem=4M snapshot=manual budget=64/60000 verify=full on=root:halt " +
         " ".join(f"on={kind}:restore,halt" for kind in KINDS))
DEED = re.compile(r"deed (\S+) (\S+)")
BEATS_MAX = 200  # of the guest beside them, at 50 ms: how long all may take
SPIN_BEATS = 4   # how long something endless goes on


class Hostile:
    """One hostile VM, as its events tell."""

    def __init__(self, vm):
        self.vm = vm
        self.kinds = []  # of faults that its deeds have to lead to
        self.faults = []
        self.endless_since = None
        self.how = None

    def see(self, event, beats):
        if event["event"] == "console":
            match = DEED.fullmatch(event["line"])
            if match and match[2] == "endless":
                self.endless_since = beats
            elif match:
                self.kinds.append(match[2])
        elif event["event"] == "fault":
            self.faults.append(event["kind"])
        elif event["event"] == "vm-end":
            self.how = event["how"]

    def is_due(self, beats):
        """Has it gone on long enough?"""
        return self.how is None and self.endless_since is not None and (
            beats >= self.endless_since + SPIN_BEATS)


class Run:
    """The machine, until all hostile guests have ended."""

    def __init__(self, machine, guest, attempts):
        self.hostile = {f"h{i}": Hostile(f"h{i}")
                        for i in range(len(attempts))}
        lines = [f"{guest('hostile')} vm={vm} {WORDS} -- attempt={attempt}"
                 for vm, attempt in zip(self.hostile, attempts)]
        beat = (f"{guest('beat')} vm=beta mem=4M -- size={SIZE_KIB} "
                "change=64 period=50 tick=50 seed=2")
        self.m = machine(beat, *lines, boot="slice=1", timeout=400)
        self.slice = self.m.expect("ready")["slice"]
        self.beats = 0
        self.seen = 0

    def look(self):
        """Takes in what came."""
        self.m.collect()
        for event in self.m.events[self.seen:]:
            if event["event"] == "heartbeat" and event["vm"] == "beta":
                self.beats = event["n"]
            elif event.get("vm") in self.hostile:
                self.hostile[event["vm"]].see(event, self.beats)
        self.seen = len(self.m.events)

    def left(self):
        return [h.vm for h in self.hostile.values() if h.how is None]

    def wait(self):
        """Until all have ended; restores what would not end."""
        while self.left():
            self.m.cursor = self.seen
            self.m.expect("heartbeat", vm="beta", timeout=120)
            self.look()
            if self.beats > BEATS_MAX:
                raise self.m.error(f"{self.left()} did not end")
            for h in self.hostile.values():
                if h.is_due(self.beats):
                    h.endless_since = None
                    self.m.command(f"restore {h.vm}")
                    self.look()

    def gap(self):
        """The longest time between beta's beats."""
        times = [event["t"]
                 for event in self.m.all("heartbeat", vm="beta")]
        return max(after - before
                   for before, after in zip(times, times[1:]))

    def end(self):
        self.m.send("beta", "quit")
        self.m.expect("vm-end", vm="beta", how="poweroff")
        self.m.expect("end")
        return self.m.wait()


@pytest.fixture(scope="module")
def calm(tmp_path_factory, guest):
    """beta's longest gap beside seven guests that mean no harm."""
    machines = Machines(tmp_path_factory.mktemp("calm"))
    try:
        run = Run(machines, guest, ["spin"] * 7)
        run.wait()
        return run.gap()
    finally:
        for started in machines.started:
            started.close()


def check_deeds(run, h):
    """It was restored from what it could not survive, and from no more."""
    lines = run.m.console(h.vm)
    assert not [line for line in lines
                if line.startswith(("not ok", "wrong"))], lines
    assert re.fullmatch(r"done [1-9]\d* 0", lines[-1]), lines
    assert len(h.kinds) == len(h.faults), (h.kinds, h.faults)
    for kinds, fault in zip(h.kinds, h.faults):
        assert fault in kinds.split(","), (h.kinds, h.faults)
    assert h.how == "poweroff"


def check_neighbour(run, calm):
    m = run.m
    numbers = numbers_of(m.console("beta"), "beta", SIZE_KIB)
    assert numbers == list(range(1, len(numbers) + 1))
    assert [event["n"] for event in m.all("heartbeat", vm="beta")] == numbers
    assert not m.all("fault", vm="beta")
    assert run.gap() <= calm + run.slice


@pytest.mark.parametrize("attempts", RUNS, ids=["-".join(a) for a in RUNS])
def test_none_stops_the_machine(machine, guest, calm, attempts):
    run = Run(machine, guest, attempts)
    run.wait()
    status = run.end()
    m = run.m
    assert not m.all("panic")
    assert not m.all("fault", kind="root")
    for h in run.hostile.values():
        check_deeds(run, h)
    check_neighbour(run, calm)
    assert status == 0
