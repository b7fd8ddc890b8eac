# SPDX-License-Identifier: BSD-2-Clause
"""Runs cases in one outer machine: each boots Bulkhead anew with two guests.

A case strikes a machine check and says what is to come of it.
"""

import dataclasses
import functools
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, f"{ROOT}/tests/guests")

from beat_model import BeatModel, check_output  # noqa: E402

ELF = f"{ROOT}/build/bulkhead.elf"
GUEST = f"{ROOT}/build/guests/beat.elf"
LIMIT_S = 1500    # of real time, for all cases of one outer machine
CASE_LIMIT_S = 25  # of the outer machine's own time
MEMORY = 64       # MiB of the inner machine
IMAGE_BASE = 0xFFFFFFFF80000000
SIZE_KIB = 64
CHANGE = 512  # words that each beat changes, spread over the buffer
TEXT_PAGE = 0x100000
BEAT = re.compile(r"beat (\d+) [0-9a-f]{8}$")

# Virtual-interrupt delivery: README.md says why.
HIDE = "200"

# MCi_STATUS, MCi_MISC, MCG_STATUS. srar is what QEMU builds for a data load;
# the others are test vectors of Linux's mce-test.
VECTORS = {
    "srar": (0xBD80000000000134, 0x8C, 7),
    "srar-fetch": (0xBD80000000000150, 0x8C, 7),
    "srar-no-ripv": (0xBD80000000000134, 0x8C, 6),
    "srar-over": (0xFD80000000000134, 0x8C, 7),
    "srao": (0xBD2000008000017A, 0x86, 5),
    "srao-scrub": (0xBD000000004000CF, 0x86, 5),
    "ucna": (0xBC20000080000136, 0x86, 0),
    "corrected": (0x9C00000000000134, 0x86, 0),
    "fatal": (0xBF2000008000017A, 0x86, 5),
}


@functools.cache
def symbols(path):
    listing = subprocess.run(["nm", path], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    return {name: int(value, 16) for value, _, name in
            re.findall(r"^(\S+) (\S) (\S+)$", listing, re.M)}


@functools.cache
def entry_instruction():
    """Where Bulkhead's VMRESUME is."""
    return instruction("vm_entry_begin", "vm_entry_end", r"vmresume")


def instruction(start, end, pattern):
    """The address of the first instruction like this between two symbols."""
    listing = subprocess.run(
        ["objdump", "-d", f"--start-address={symbols(ELF)[start]:#x}",
         f"--stop-address={symbols(ELF)[end]:#x}", ELF],
        check=True, text=True, stdout=subprocess.PIPE).stdout
    return int(re.search(rf"^\s*([0-9a-f]+):.*\b{pattern}\b", listing,
                         re.M)[1], 16)


def buffer_page():
    """Guest-physical address of the first page that each beat writes."""
    return (symbols(GUEST)["image_end"] + 4095) & ~4095


# How each kind of frame is found: a command that tells it, or its address.
def frame_of(place):
    if place == "core":  # data that nobody reads while the test runs
        return symbols(ELF)["rows"] - IMAGE_BASE
    return {
        "alpha clean": f"frame alpha {TEXT_PAGE:#x}",
        "alpha dirty": f"frame alpha {buffer_page():#x}",
        "beta clean": f"frame beta {TEXT_PAGE:#x}",
        "beta dirty": f"frame beta {buffer_page():#x}",
        "alpha mirror": f"frame alpha {TEXT_PAGE:#x} copy",
        "free": 40 << 20,  # between what is used from below and from above
        "nobody": 0x40000000,  # where there is no memory
    }[place]


def moment_of(when):
    """The launcher's word for it."""
    if when in ("guest", "root", "entering"):
        return when
    if when == "entry":
        return f"{entry_instruction():x}"
    return f"{symbols(ELF)[when]:x}"


@dataclasses.dataclass(frozen=True)
class Case:
    vector: str
    place: str           # a key of frame_of()
    # guest, root, entering (KVM loses it), entry (Bulkhead's VMRESUME), or a
    # function of Bulkhead
    when: str = "guest"
    # What is to come: (VM or "", action, outcome) for each action, in any
    # order; or "panic".
    expect: tuple | str = ()
    cpus: int = 1
    struck: int = 0      # the CPU that is hit
    others: str = ""     # broadcast, shared
    alone: bool = False  # beta pauses until alpha was served
    trigger: str = ""    # the command given while the strike waits
    then: str = ""       # the place of another one, after the first action
    quarantined: int = 0
    boot: str = ""       # further words of Bulkhead's own line

    @property
    def name(self):
        words = [self.vector, self.place, "while", self.when]
        if self.then:
            words += ["then", self.then]
        if self.cpus > 1:
            words += [f"cpu{self.struck} of {self.cpus}", self.others]
        words.append(self.boot)
        return " ".join(filter(None, words))

    def strike(self, address="last"):
        status, misc, mcg = VECTORS[self.vector]
        words = (f"strike status={status:x} misc={misc:x} mcg={mcg:x} "
                 f"addr={address} when={moment_of(self.when)} "
                 f"cpu={self.struck} {self.others}")
        return words.rstrip()

    def steps(self):
        """The script: snapshots, beats, the blow, what came of it."""
        beat = '"event":"console","vm":"{}","line":"beat'
        yield beat.format("alpha") + "=>send snapshot alpha"
        yield '"event":"snapshot","vm":"alpha"=>send snapshot beta'
        yield '"event":"snapshot","vm":"beta"=>wait'
        yield beat.format("alpha") + "=>wait"
        frame = frame_of(self.place)
        ready = beat.format("beta")
        if self.alone:
            yield f"{ready}=>send pause beta"
            ready = '"command":"pause beta"'
        if isinstance(frame, str):
            yield f"{ready}=>send {frame}"
            ready = '"event":"frame"'
            yield f"{ready}=>{self.strike()}"
        else:
            yield f"{ready}=>{self.strike(f'{frame:x}')}"
        if self.trigger:
            yield f"nested: strike waits=>send {self.trigger}"
        if self.expect == "panic":
            yield '"event":"panic"=>end 100'
        else:
            yield from self.aftermath(beat)

    def aftermath(self, beat):
        actions = len(self.expect)
        if self.then:
            actions -= 1
            yield f'"event":"action"=>send {frame_of(self.then)}'
            yield f'"event":"frame"=>{self.strike()}'
        for _ in range(actions):
            yield '"event":"action"=>wait'
        yield beat.format("alpha") + "=>send resume beta"
        yield beat.format("beta") + "=>wait"
        if not self.quarantined or self.place == "free":
            yield beat.format("alpha") + "=>send check"
            yield '"event":"monitor","command":"check"=>wait'
        yield beat.format("beta") + "=>wait"
        yield beat.format("alpha") + "=>end 0"

    def arguments(self):
        words = ["--kernel", ELF, "--append",
                 f"console=monitor loglevel=error {self.boot}".rstrip(),
                 "--memory", str(MEMORY),
                 "--cpus", str(self.cpus), "--timeout", str(CASE_LIMIT_S),
                 "--hide", HIDE]
        for vm in ("alpha", "beta"):
            words += ["--module", f"{GUEST}:vm={vm} mem=2M snapshot=manual "
                      "on=mce:heal,restore -- "
                      f"size={SIZE_KIB} change={CHANGE} period=150"]
        for step in self.steps():
            words += ["--step", step]
        return words


class Result:
    """What one run printed."""

    def __init__(self, lines, status):
        self.lines = lines
        self.status = status
        self.events = [json.loads(line[3:]) for line in lines
                       if line.startswith("ev {") and line.endswith("}")]

    def named(self, name, **wanted):
        return [event for event in self.events
                if event.get("event") == name and
                all(event.get(key) == value
                    for key, value in wanted.items())]

    def console(self, vm):
        return [event["line"] for event in self.named("console", vm=vm)]

    def beats(self, vm):
        return [int(match[1]) for match in
                map(BEAT.match, self.console(vm)) if match]

    def check_sums(self, vm):
        check_output("\n".join(self.console(vm)),
                     BeatModel(SIZE_KIB, CHANGE))

    def text(self):
        return "\n".join(self.lines)


def run_cases(cases, limit=LIMIT_S):
    """A Result for each case, from one outer machine; None where it did not
    come to the case."""
    command = [f"{HERE}/outer", "--timeout", str(limit), "--"]
    for number, case in enumerate(cases):
        command += (["+"] if number else []) + case.arguments()
    output = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, timeout=limit + 60).stdout
    results = []
    lines = []
    for line in output.split("nested: start\n", 1)[-1].splitlines():
        match = re.match(r"nested: run \d+ ended with (\d+)", line)
        if match:
            results.append(Result(lines, int(match[1])))
            lines = []
        else:
            lines.append(line)
    return results + [None] * (len(cases) - len(results))
