#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real machine checks, raised by KVM while guests of Bulkhead run.

One run serves all tests here, since it costs some 20 s: two guests beat;
alpha gets a machine check in a page that it never writes (which Bulkhead
can heal) and then one in a page that it writes at every beat (which takes a
restore); beta must not notice.
"""

import json
import os
import re
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, f"{ROOT}/tests/guests")

from beat_model import BeatModel, check_output  # noqa: E402

GUEST = f"{ROOT}/build/guests/beat.elf"
SIZE_KIB = 256
CHANGE = 512  # 8 words of each page at every beat
TEXT_PAGE = 0x100000
LIMIT_S = 240  # of real time; a run takes 20 s when the machine is idle
HIDE = "200"  # virtual-interrupt delivery: README.md says why
BEATS_AFTER = 3  # that each guest must show after the last recovery
BEAT = re.compile(r"beat (\d+) [0-9a-f]{8}$")


def buffer_page():
    """Guest-physical address of the first page that each beat writes."""
    symbols = subprocess.run(["nm", GUEST], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    end = int(re.search(r"^(\S+) \S image_end$", symbols, re.M)[1], 16)
    return (end + 4095) & ~4095


def module(vm):
    return (f"{GUEST}:vm={vm} mem=8M snapshot=manual on=mce:heal,restore -- "
            f"size={SIZE_KIB} change={CHANGE} period=50")


def steps():
    beat = '"vm":"alpha","line":"beat {} '
    return [
        beat.format(2) + "=>send snapshot alpha",
        beat.format(4) + f"=>send frame alpha {TEXT_PAGE:#x}",
        '"event":"frame"=>mce 20',
        '"event":"action"=>wait',
        beat.format(8) + f"=>send frame alpha {buffer_page():#x}",
        '"event":"frame"=>mce 20',
        '"event":"action"=>end 1000',
    ]


def run_nested():
    """Exit status, what was printed, and the events as dictionaries."""
    command = [f"{HERE}/outer", "--timeout", str(LIMIT_S), "--",
               "--kernel", f"{ROOT}/build/bulkhead.elf",
               "--append", "console=monitor", "--memory", "128",
               "--timeout", "30", "--hide", HIDE,
               "--module", module("alpha"), "--module", module("beta")]
    for step in steps():
        command += ["--step", step]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, timeout=LIMIT_S + 60)
    print(result.stdout)
    events = [json.loads(line[3:]) for line in result.stdout.splitlines()
              if line.startswith("ev {")]
    return result.returncode, result.stdout, events


@pytest.fixture(scope="module")
def run():
    return run_nested()


def named(events, name, **wanted):
    return [event for event in events if event.get("event") == name and
            all(event.get(key) == value for key, value in wanted.items())]


def console(events, vm):
    return [event["line"] for event in named(events, "console", vm=vm)]


def beats(events, vm):
    return [int(match[1]) for match in map(BEAT.match, console(events, vm))
            if match]


def test_the_script_ran_to_its_end(run):
    status, output, _ = run
    assert status == 0
    assert output.count("nested: machine check at ") == 2


def test_bulkhead_was_ready(run):
    assert len(named(run[2], "ready")) == 1


def test_each_machine_check_is_a_fault_of_alpha(run):
    _, _, events = run
    faults = named(events, "fault", kind="mce")
    assert [fault["vm"] for fault in faults] == ["alpha", "alpha"]


def test_the_unwritten_page_is_healed_the_written_one_restored(run):
    actions = named(run[2], "action")
    assert [(action["action"], action["outcome"]) for action in actions
            if action["action"] != "log"] == [
                ("heal", "ok"), ("restore", "ok")]


def test_alpha_goes_on_with_what_it_had(run):
    _, _, events = run
    last = max(index for index, event in enumerate(events)
               if event.get("event") == "action")
    assert len(beats(events[last:], "alpha")) >= BEATS_AFTER
    check_output("\n".join(console(events, "alpha")),
                 BeatModel(SIZE_KIB, CHANGE))


def test_beta_does_not_notice(run):
    _, _, events = run
    seen = beats(events, "beta")
    assert seen == list(range(1, len(seen) + 1))
    last = max(index for index, event in enumerate(events)
               if event.get("event") == "action")
    assert len(beats(events[last:], "beta")) >= BEATS_AFTER
    check_output("\n".join(console(events, "beta")),
                 BeatModel(SIZE_KIB, CHANGE))
