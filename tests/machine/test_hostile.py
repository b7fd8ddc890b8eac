# SPDX-License-Identifier: BSD-2-Clause
"""Guests that try to stop the machine, and one beside them that must not
notice.

Seven hostile guests at a time; what each deed of theirs has to lead to
stands in tests/guests/hostile. The guest beside them beats in time beside
seven that do nothing but compute: each has its turn in between. So it has to
be beside hostile ones, but for one slice.
"""

import re

import pytest

from beating import numbers_of

SIZE_KIB = 4
RUNS = [
    ["ports_in", "strings", "tables", "paging", "control", "spin", "real"],
    ["ports_out", "devices", "walks", "tasks", "instructions", "long",
     "resets"],
    ["msrs_low", "addresses", "mmio", "debug", "interface", "repeat",
     "delivery"],
    ["msrs_high", "registers", "fetch", "storms", "interrupts", "timers",
     "modes"],
    ["floods", "beats", "snapshots", "idle", "pause", "spin", "floods"],
]
KINDS = ["ept", "misconfig", "triple", "entry", "exit", "panic"]
WORDS = ("mem=4M snapshot=manual budget=64/60000 verify=full on=root:halt " +
         " ".join(f"on={kind}:restore,halt" for kind in KINDS))
DEED = re.compile(r"deed (\S+) (\S+)")
PERIOD_MS = 20
EVERY = 5        # beats for each line of the console
BEATS_MAX = 800  # of the guest beside them: how long all may take
SPIN_BEATS = 10  # how long something endless goes on


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
                self.endless_since = self.endless_since or beats
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
                f"change=64 period={PERIOD_MS} tick={PERIOD_MS} "
                f"every={EVERY} seed=2")
        self.m = machine(beat, *lines, boot="slice=1", timeout=900)
        ready = self.m.expect("ready")
        self.slice, self.ms = ready["slice"], ready["tsc_per_ms"]
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
            self.m.expect("heartbeat", vm="beta")
            self.look()
            if self.left() and self.beats > BEATS_MAX:
                raise self.m.error(f"{self.left()} did not end")
            for h in self.hostile.values():
                if h.is_due(self.beats):
                    self.restore(h)

    def restore(self, h):
        """What resets itself has no snapshot now and then: tried again."""
        answer = self.m.command(f"restore {h.vm}", None, timeout=200)
        if answer["status"] == 0:
            h.endless_since = None
        self.look()

    def lateness(self):
        """The longest time between beta's beats, less one period."""
        times = [event["t"]
                 for event in self.m.all("heartbeat", vm="beta")]
        return max(after - before for before, after in zip(
            times, times[1:])) - PERIOD_MS * self.ms

    def end(self):
        self.m.command("send beta quit", timeout=200)
        self.m.expect("vm-end", vm="beta", how="poweroff")
        self.m.expect("end")
        return self.m.wait()


def check_deeds(run, h, attempt):
    """It was restored from what it could not survive, and from no more."""
    lines = run.m.console(h.vm)
    assert not [line for line in lines
                if line.startswith(("not ok", "wrong"))], lines
    if attempt == "floods":
        assert len(lines) < 1000  # most of its own were lost
    else:
        assert re.fullmatch(r"done [1-9]\d* 0", lines[-1]), lines
    assert len(h.kinds) == len(h.faults), (h.kinds, h.faults)
    for kinds, fault in zip(h.kinds, h.faults):
        assert fault in kinds.split(","), (h.kinds, h.faults)
    assert h.how == "poweroff"


def check_neighbour(run):
    m = run.m
    beats = [event["n"] for event in m.all("heartbeat", vm="beta")]
    assert beats == list(range(1, len(beats) + 1))
    numbers = numbers_of(m.console("beta"), "beta", SIZE_KIB)
    assert numbers == list(range(EVERY, len(beats) + 1, EVERY))
    assert not m.all("fault", vm="beta")


def test_seven_that_compute(machine, guest):
    """The yardstick: how long each beat has to wait for its turn."""
    run = Run(machine, guest, ["spin"] * 7)
    run.wait()
    assert run.end() == 0
    check_neighbour(run)
    assert run.lateness() <= 7 * run.slice


@pytest.mark.parametrize("attempts", RUNS, ids=["-".join(a) for a in RUNS])
def test_none_stops_the_machine(machine, guest, attempts):
    run = Run(machine, guest, attempts)
    run.wait()
    status = run.end()
    m = run.m
    assert not m.all("panic")
    assert not m.all("fault", kind="root")
    for h, attempt in zip(run.hostile.values(), attempts):
        check_deeds(run, h, attempt)
    check_neighbour(run)
    assert run.lateness() <= 8 * run.slice
    assert status == 0
