# SPDX-License-Identifier: BSD-2-Clause
"""Two guests whose hearts beat: alpha is hit, beta must not notice.

beat.elf prints numbered sums that beat_model.py predicts, so what a guest
lost or repeated can be seen from its console, and when from its heartbeats.
"""

import re
import sys

from machine import ROOT

sys.path.insert(0, f"{ROOT}/tests/guests")

from beat_model import BeatModel  # noqa: E402

SIZE_KIB = 64
CHANGE = 64
SEEDS = {"alpha": 1, "beta": 2}
CALM_BEATS = 12
PROGRESS_MS = 10  # ft/ft_vm.h: of run time, until the same fault is another
BEAT = re.compile(r"beat (\d+) ([0-9a-f]{8})")


def beat_line(guest, vm, words="", options="", tick=5):
    """The module line of a guest that beats every 50 ms, counted by a timer
    of so many. Beside a guest that never waits, a tick as short as a slice is
    lost now and then: two of them come while the other has its turn.
    """
    return (f"{guest('beat')} vm={vm} mem=4M {words} -- size={SIZE_KIB} "
            f"change={CHANGE} period=50 tick={tick} seed={SEEDS[vm]} "
            f"{options}")


def numbers_of(lines, vm, size=SIZE_KIB):
    """The beats among a guest's lines; each sum must be right."""
    model = BeatModel(size, CHANGE, SEEDS[vm])
    numbers = []
    for line in lines:
        match = BEAT.fullmatch(line)
        if match:
            number = int(match[1])
            assert match[2] == model.sum(number), f"{vm}: {line}"
            numbers.append(number)
    return numbers


def assert_consecutive(numbers, first):
    assert numbers == list(range(first, first + len(numbers)))


class Pair:
    """alpha and beta on one machine, both beating."""

    def __init__(self, machine, guest, words="", options="", beta="",
                 **machine_options):
        self.machine = machine(
            beat_line(guest, "alpha", words, options),
            beat_line(guest, "beta", beta), **machine_options)
        ready = self.machine.expect("ready")
        self.slice, self.per_ms = ready["slice"], ready["tsc_per_ms"]
        for vm in SEEDS:
            self.machine.cursor = 0
            self.machine.expect("heartbeat", vm=vm, n=3)
        self.machine.cursor = len(self.machine.events)
        self.calm = None

    def wait_beats(self, vm, count):
        for _ in range(count):
            event = self.machine.expect("heartbeat", vm=vm)
        return event

    def run_ticks(self, vm):
        """Ticks of its turns so far."""
        line = self.machine.command(f"time {vm}")["output"][0]
        return int(re.search(r"(\d+) ticks of turns", line)[1])

    def wait_progress(self, vm="alpha"):
        """Lets it run for so long that a fault is no repetition of the one
        that it was restored from, however fast commands come."""
        enough = self.run_ticks(vm) + PROGRESS_MS * self.per_ms
        while self.run_ticks(vm) <= enough:
            self.wait_beats(vm, 1)

    def gap(self, start):
        """beta's longest time between beats, of those that end after start.
        """
        times = [event["t"]
                 for event in self.machine.all("heartbeat", vm="beta")]
        gaps = [after - before for before, after in zip(times, times[1:])
                if after > start]
        assert gaps, "beta does not beat"
        return max(gaps)

    def watch_calm(self):
        """Lets beta's undisturbed beats be known."""
        machine = self.machine
        start = machine.events[machine.cursor - 1]["t"]  # others have come
        self.wait_beats("beta", CALM_BEATS)
        self.calm = self.gap(start)

    def snapshot(self):
        """Takes one of alpha; its last beat in it."""
        self.machine.command("snapshot alpha")
        self.machine.expect("snapshot", vm="alpha")
        before = self.machine.events[:self.machine.cursor]
        return [event["n"] for event in before
                if event["event"] == "heartbeat"
                and event["vm"] == "alpha"][-1]

    def suffer(self, command, kind, action="restore", **conditions):
        """Gives the command; the fault and what was done about it."""
        machine = self.machine
        self.hit_at = machine.events[-1]["t"]
        machine.command(command)
        fault = machine.expect("fault", vm="alpha", kind=kind)
        done = machine.expect("action", vm="alpha", kind=kind, action=action,
                              **conditions)
        return fault, done

    def assert_goes_on(self, snapshot_beat, beats=4):
        """alpha's beats after its restore are those after the snapshot."""
        machine = self.machine
        start = machine.cursor
        assert self.wait_beats("alpha", 1)["n"] == snapshot_beat + 1
        self.wait_beats("alpha", beats - 1)
        machine.expect("console", vm="alpha")
        events = machine.events[start:machine.cursor]
        assert_consecutive([event["n"] for event in events
                            if event["event"] == "heartbeat"
                            and event["vm"] == "alpha"], snapshot_beat + 1)
        # The first line may be made of two, one cut off by the fault and the
        # rest of another that the snapshot cut, or kept from its begin: that
        # of the last beat before the snapshot, or of the first one after it.
        lines = [event["line"] for event in events
                 if event["event"] == "console"
                 and event["vm"] == "alpha"][1:]
        numbers = numbers_of(lines, "alpha")
        assert numbers[0] - snapshot_beat in (1, 2)
        assert_consecutive(numbers, numbers[0])
        assert not [line for line in lines if line.startswith("not ok")]

    def assert_unharmed(self):
        """beta's beats are all there, right, and in time."""
        self.wait_beats("beta", 3)
        machine = self.machine
        machine.expect("console", vm="beta")
        lines = machine.console("beta")
        assert lines[0].startswith("beat start")
        assert_consecutive(numbers_of(lines, "beta"), 1)
        assert len(numbers_of(lines, "beta")) == len(lines) - 1
        assert_consecutive([event["n"] for event in
                            machine.all("heartbeat", vm="beta")], 1)
        assert not machine.all("fault", vm="beta")
        if self.calm is not None:
            gap = self.gap(self.hit_at)
            print(f"longest gap {gap}, undisturbed {self.calm}")
            assert gap <= self.calm + self.slice

    def end(self, *vms, status=0):
        """These guests power off; the exit status of tools/run."""
        for vm in vms or SEEDS:
            self.machine.send(vm, "quit")
            self.machine.expect("vm-end", vm=vm, how="poweroff")
        self.machine.expect("end")
        assert self.machine.wait() == status
