#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `make run EMU=kvm` and `make demo EMU=kvm` start, inside Bochs: QEMU
by KVM, with the same command line. The demo's story, with a Debian guest and
a small one, and with machine checks from QEMU's `mce` in place of injected
ones. They tell of errors that nobody consumed yet (SRAO): QEMU's user cannot
see to it that a guest runs just then, and not Bulkhead, nor that KVM does not
lose the exception. Those that were consumed are in test_matrix.py.
"""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, f"{HERE}/../../tools")

from bulkhead import story  # noqa: E402
from bulkhead.beats import Wrong  # noqa: E402
from bulkhead.session import Machine  # noqa: E402
from lab import GUEST, VECTORS  # noqa: E402
from beat_model import BeatModel, check_output  # noqa: E402

LINUX = f"{HERE}/../../build/guest"
LIMIT_S = 1200  # of real time; alone on a machine it takes two minutes
SLOWNESS = 15   # Debian's kernel boots in a minute, or in ten
SIZE_KIB = 64
CHANGE = 512
BANK = 9        # the last of ten


def fault(title, kind, command=""):
    return story.Fault(title, kind, command)


REAL = fault("machine check (mce -b)", "mce")
FAULTS = [REAL, *(f for f in story.FAULTS if f.kind != "mce")]


def module_lines():
    alpha, initrd, _ = story.module_lines(LINUX)
    alpha = alpha.replace("on=mce:restore", "on=mce:heal,restore")
    return [alpha, initrd,
            f"{GUEST} vm=beta mem=2M snapshot=manual start=paused "
            f"on=mce:heal,restore -- size={SIZE_KIB} change={CHANGE} "
            "period=100"]


class NestedStory(story.Story):
    """The demo's story where alpha is Debian, and beta a small guest."""

    # A second. How long beta waits cannot be judged here: each character of
    # the events is an exit to QEMU, of as many instructions as a whole beat.
    patience = 1000 // story.SLICE_MS

    def __init__(self, machine):
        super().__init__(machine, LINUX, print)
        self.model = BeatModel(SIZE_KIB, CHANGE)

    def boot(self):
        machine = self.machine
        machine.expect("boot")
        self.slice = machine.expect("ready")["slice"]
        machine.expect("console", vm="alpha", line="init: alpha up")
        self.tell("alpha has reached user land")
        machine.expect("heartbeat", vm="alpha", n=2)
        machine.command("resume beta")
        self.wait_beats("beta", 2)

    def play(self):
        self.boot()
        self.watch_calm()
        self.heal()
        for each in FAULTS:
            self.rows.append(self.suffer(each))
        self.end()

    def commit(self, fault):
        """The real one is broadcast, and nobody consumed the error."""
        if fault is not REAL:
            return super().commit(fault)
        address = self.frame("dirty")
        self.mce("-b", address, "srao")
        return self.now()

    def frame(self, which):
        self.machine.command(f"frame alpha {which}")
        return self.machine.all("frame", vm="alpha")[-1]["hpa"]

    def mce(self, option, address, vector):
        status, misc, mcg = VECTORS[vector]
        self.machine.qemu(f"mce {option} 0 {BANK} {status:#x} {mcg:#x} "
                          f"{address:#x} {misc:#x}")

    def heal(self):
        """An error in a page not written since the snapshot: alpha does not
        notice either."""
        machine = self.machine
        self.snapshot("alpha")
        address = self.frame("clean")
        seen = len(self.times("alpha"))
        self.mce("", address, "srao")
        action = machine.expect("action", kind="mce")
        assert (action["vm"], action["action"], action["outcome"]) == (
            "alpha", "heal", "ok")
        self.wait_beats("alpha", story.BEATS_BETWEEN)
        beats = [event["n"] for event in machine.all("heartbeat", vm="alpha")]
        assert beats == list(range(1, len(beats) + 1)) and len(beats) > seen
        self.tell("alpha: a bad page was healed")

    def end(self):
        machine = self.machine
        machine.send("alpha", "quit")
        machine.expect("vm-end", vm="alpha", how="poweroff")
        lines = "\n".join(machine.console("beta"))
        beats = check_output(lines, self.model)
        assert beats == list(range(1, len(beats) + 1))
        self.tell(f"beta's {len(beats)} beats are those of a run without "
                  "faults")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    directory = tmp_path_factory.mktemp("nested")
    with Machine(module_lines(), directory / "machine", emu="nested", cpus=2,
                 mem=352,
                 boot=f"slice={story.SLICE_MS} console=monitor",
                 timeout=LIMIT_S) as machine:
        machine.slowness = SLOWNESS
        yield machine


def test_the_story_with_real_machine_checks(machine):
    story = NestedStory(machine)
    try:
        story.play()
    except (Wrong, AssertionError) as error:
        raise machine.error(str(error)) from None
    assert [(row["kind"], row["action"]) for row in story.rows] == [
        ("mce", "restore"), ("ept", "restore"), ("triple", "restore"),
        ("panic", "restore")]
    assert all(not event["injected"]
               for event in machine.all("fault", kind="mce"))
