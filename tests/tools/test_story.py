# SPDX-License-Identifier: BSD-2-Clause
"""The demo notices whatever goes wrong: its checks against a made-up run."""

import json

import pytest

from bulkhead import story
from bulkhead.beats import Wrong
from bulkhead.session import MachineError, matches

STEP = 2_000_000  # ticks of a beat
SLICE = 250_000


class Guest:
    def __init__(self, vm):
        self.vm = vm
        self.number = 0
        self.saved = 0


class MadeUpMachine:
    """Plays a machine; sabotage names what it does wrong."""

    def __init__(self, expected, sabotage=""):
        self.expected = expected
        self.sabotage = sabotage
        self.events = []
        self.cursor = 0
        self.t = 0
        self.status = 0
        self.guests = {vm: Guest(vm) for vm in story.SEEDS}
        self.say("boot")
        self.say("ready", slice=SLICE)
        for vm in self.guests:
            self.say("console", vm=vm, line=f"init: {vm} up")

    def say(self, name, **values):
        self.events.append({"t": self.t, "event": name, **values})

    def beat(self, guest):
        self.t += STEP
        guest.number += 1
        line = f"beat {guest.number} {self.expected[guest.vm][guest.number]}"
        if self.sabotage == "beta sum" and (guest.vm, guest.number) == (
                "beta", 9):
            line = "beat 9 0123456789abcdef"
        if self.sabotage == "beta bad" and (guest.vm, guest.number) == (
                "beta", 9):
            line = "bad 9"
        self.say("heartbeat", vm=guest.vm, n=guest.number)
        self.say("console", vm=guest.vm, line=line)

    def expect(self, name, timeout=0, **conditions):
        for _ in range(1000):
            while self.cursor < len(self.events):
                self.cursor += 1
                if matches(self.events[self.cursor - 1], name, conditions):
                    return self.events[self.cursor - 1]
            for guest in self.guests.values():
                self.beat(guest)
        raise MachineError(f"no {name}")

    def command(self, text):
        self.cursor = len(self.events)
        verb, vm, *rest = text.split()
        guest = self.guests[vm]
        place = len(self.events)
        if verb == "snapshot":
            guest.saved = guest.number
            self.say("snapshot", vm=vm, generation=1, pages=7, ticks=1)
        elif rest == ["quit"]:
            self.quit(vm)
        else:
            self.hit(guest, verb, rest[0])
        self.say("monitor", command=text, status=0)
        self.cursor = place
        return self.events[-1]

    send = None  # bound below

    def hit(self, guest, verb, what):
        kind = {"wild": "ept"}.get(what, what)
        if self.sabotage == "no fault" and kind == "triple":
            return
        self.say("fault", vm=guest.vm, kind=kind)
        outcome = "failed" if self.sabotage == "failed" else "ok"
        self.say("action", vm=guest.vm, kind=kind, action="restore",
                 outcome=outcome, pages=99, ticks=100)
        if self.sabotage != "no rollback":
            guest.number = guest.saved
        if self.sabotage == "wrong generation":
            guest.number -= 1
        if self.sabotage == "slow":
            self.t += SLICE + 1
        if self.sabotage == "nearly slow":
            self.t += SLICE
        if self.sabotage == "beta too":
            self.guests["beta"].number -= 1
        if self.sabotage == "splice":
            self.say("console", vm=guest.vm, line="do " + what + "4af")
        if self.sabotage == "alpha sum":
            self.expected = {**self.expected, "alpha": self.expected["beta"]}

    def quit(self, vm):
        self.say("console", vm=vm, line="do quit")
        how = "halted" if self.sabotage == "halted" else "poweroff"
        self.say("vm-end", vm=vm, how=how)
        if vm == "beta":
            self.say("end", why="all")
        self.guests.pop(vm)

    def wait(self):
        return 3 if self.sabotage == "status" else 0

    def all(self, name, **conditions):
        return [event for event in self.events
                if matches(event, name, conditions)]

    def console(self, vm):
        return [event["line"] for event in self.all("console", vm=vm)]


MadeUpMachine.send = lambda self, vm, text: self.command(f"send {vm} {text}")


@pytest.fixture(autouse=True)
def made_up_beats(monkeypatch):
    """Sums without the guests' program, which needs to be compiled."""
    monkeypatch.setattr(story, "expected_beats", lambda _, seed: {
        n: f"{seed:08x}{n:08x}" for n in range(1, story.BEATS_MAX)})


def play(sabotage=""):
    told = story.Story(MadeUpMachine({}, sabotage), "", lambda text: None)
    told.machine.expected = dict(told.expected)
    return told.play()


@pytest.mark.parametrize("harmless", ["", "splice", "nearly slow"])
def test_a_good_run_gives_the_table(harmless):
    result = json.loads(json.dumps(play(harmless)))
    assert [row["kind"] for row in result["faults"]] == [
        "mce", "ept", "triple", "panic"]
    for row in result["faults"]:
        assert row["pages"] == 99
        assert row["ticks_to_good_beat"] >= STEP
        assert row["beta_gap"] <= row["beta_gap_undisturbed"] + SLICE


@pytest.mark.parametrize("sabotage", [
    "no fault", "failed", "no rollback", "wrong generation", "slow",
    "beta too", "beta sum", "beta bad", "alpha sum", "halted", "status"])
def test_what_goes_wrong_is_noticed(sabotage):
    with pytest.raises((Wrong, MachineError)):
        play(sabotage)
