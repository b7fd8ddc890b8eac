#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real machine checks of each class, in each kind of frame, at each moment.

Each case boots Bulkhead on KVM with the guests alpha and beta, strikes once
by KVM_X86_SET_MCE, and compares what Bulkhead reports with the table here:
what must survive survives, what cannot is a panic that tells the record, and
whoever is not concerned goes on undisturbed.
"""

import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from lab import VECTORS, Case, run_cases  # noqa: E402

HEAL_ALPHA = (("alpha", "heal", "ok"),)
HEAL_BETA = (("beta", "heal", "ok"),)
RESTORE_ALPHA = (("alpha", "restore", "ok"),)
RESTORE_BETA = (("beta", "restore", "ok"),)
NOTED = (("", "log", "ok"),)
IDLE = "idle_begin"  # the core, which sleeps

CASES = [
    # While a guest runs. Consumed: repaired, or the core's end.
    Case("srar", "alpha clean", expect=HEAL_ALPHA, quarantined=1),
    Case("srar", "alpha dirty", expect=RESTORE_ALPHA, quarantined=1),
    Case("srar-fetch", "alpha clean", expect=HEAL_ALPHA, quarantined=1),
    Case("srar", "beta clean", expect=HEAL_BETA, quarantined=1),
    Case("srar", "beta dirty", expect=RESTORE_BETA, quarantined=1),
    Case("srar", "alpha mirror", expect=HEAL_ALPHA, quarantined=1),
    Case("srar", "core", expect="panic"),
    Case("srar", "free", alone=True, expect=RESTORE_ALPHA, quarantined=1),
    Case("srar", "nobody", alone=True, expect=RESTORE_ALPHA),
    Case("srar-no-ripv", "alpha clean", alone=True, expect=RESTORE_ALPHA,
         quarantined=1),
    Case("srar-over", "alpha clean", expect="panic"),
    Case("fatal", "alpha clean", expect="panic"),
    Case("fatal", "nobody", expect="panic"),
    # One after the other.
    Case("srar", "alpha clean", then="beta dirty",
         expect=HEAL_ALPHA + RESTORE_BETA, quarantined=2),
    Case("srar", "alpha dirty", then="alpha clean",
         expect=RESTORE_ALPHA + HEAL_ALPHA, quarantined=2),
    # Not consumed.
    Case("srao", "alpha clean", expect=HEAL_ALPHA, quarantined=1),
    Case("srao", "alpha dirty", expect=RESTORE_ALPHA, quarantined=1),
    Case("srao-scrub", "beta clean", expect=HEAL_BETA, quarantined=1),
    Case("srao", "alpha mirror", expect=HEAL_ALPHA, quarantined=1),
    Case("srao", "core", expect=NOTED),
    Case("srao", "free", expect=NOTED, quarantined=1),
    Case("srao", "nobody", expect=NOTED),
    # No machine check at all: found when the banks are read.
    Case("ucna", "alpha clean", expect=HEAL_ALPHA, quarantined=1),
    Case("ucna", "beta dirty", expect=RESTORE_BETA, quarantined=1),
    Case("ucna", "core", expect=NOTED),
    Case("corrected", "alpha clean", expect=(("alpha", "log", "ok"),)),
    # While the core sleeps.
    Case("srao", "alpha clean", IDLE, expect=HEAL_ALPHA, quarantined=1),
    Case("srao", "beta dirty", IDLE, expect=RESTORE_BETA, quarantined=1),
    Case("srao", "core", IDLE, expect=NOTED),
    Case("ucna", "alpha clean", IDLE, expect=HEAL_ALPHA, quarantined=1),
    Case("srar", "alpha clean", IDLE, expect="panic"),
    Case("srar-no-ripv", "alpha clean", IDLE, expect="panic"),
    Case("fatal", "free", IDLE, expect="panic"),
    # While Bulkhead copies alpha's pages for a snapshot.
    Case("srar", "alpha clean", "mirror_take", trigger="snapshot alpha",
         expect=RESTORE_ALPHA, quarantined=1),
    Case("srao", "alpha clean", "mirror_take", trigger="snapshot alpha",
         expect=HEAL_ALPHA, quarantined=1),
    Case("srar", "beta clean", "mirror_take", trigger="snapshot alpha",
         expect=RESTORE_ALPHA + HEAL_BETA, quarantined=1),
    Case("srar", "core", "mirror_take", trigger="snapshot alpha",
         expect="panic"),
    Case("srar-no-ripv", "alpha clean", "mirror_take",
         trigger="snapshot alpha", expect=RESTORE_ALPHA, quarantined=1),
    Case("fatal", "alpha clean", "mirror_take", trigger="snapshot alpha",
         expect="panic"),
    # Between the last look and VMRESUME.
    Case("srao", "alpha clean", "entry", expect=HEAL_ALPHA, quarantined=1),
    Case("srar", "alpha clean", "entry", alone=True, expect=RESTORE_ALPHA,
         quarantined=1),
    Case("fatal", "alpha clean", "entry", expect="panic"),
    # While Bulkhead handles an exit of alpha.
    Case("srao", "beta dirty", "io_exit", alone=True,
         expect=RESTORE_BETA, quarantined=1),
    Case("srar", "alpha clean", "io_exit", alone=True,
         expect=RESTORE_ALPHA, quarantined=1),
    Case("srar", "beta clean", "io_exit", alone=True,
         expect=RESTORE_ALPHA + HEAL_BETA, quarantined=1),
    Case("srar", "free", "io_exit", alone=True, expect=RESTORE_ALPHA,
         quarantined=1),
    # KVM loses the exception; the banks are read all the same.
    Case("srao", "alpha clean", "entering", expect=HEAL_ALPHA,
         quarantined=1),
    Case("srar", "alpha clean", "entering", expect="panic"),
    # Two CPUs; the second one halts.
    Case("srar", "alpha clean", cpus=2, others="broadcast",
         expect=HEAL_ALPHA, quarantined=1),
    Case("srar", "alpha dirty", cpus=2, others="broadcast",
         expect=RESTORE_ALPHA, quarantined=1),
    Case("srar", "beta clean", cpus=2, expect=HEAL_BETA, quarantined=1),
    Case("srao", "alpha clean", cpus=2, others="shared",
         expect=HEAL_ALPHA + NOTED, quarantined=1),
    Case("srar", "alpha dirty", cpus=2, others="shared",
         expect=RESTORE_ALPHA + NOTED, quarantined=1),
    Case("srao", "alpha clean", "root", cpus=2, struck=1,
         expect=HEAL_ALPHA, quarantined=1),
    Case("srao", "beta dirty", "root", cpus=2, struck=1, others="broadcast",
         expect=RESTORE_BETA, quarantined=1),
    Case("srar", "alpha clean", "root", cpus=2, struck=1, expect="panic"),
    Case("fatal", "alpha clean", cpus=2, others="broadcast",
         expect="panic"),
    Case("fatal", "nobody", "root", cpus=2, struck=1, expect="panic"),
]


def run_wanted(cases):
    """The result of each case that NESTED_CASES asks for, by its name."""
    wanted = os.environ.get("NESTED_CASES")
    cases = [case for case in cases
             if not wanted or re.search(wanted, case.name)]
    return dict(zip((case.name for case in cases), run_cases(cases)))


def judge(case, results):
    """What came of the case; fails unless that is what it expects."""
    if os.environ.get("NESTED_CASES") and case.name not in results:
        pytest.skip("not wanted")
    result = results[case.name]
    assert result is not None, "the outer machine did not come to it"
    print(result.text())
    if case.expect == "panic":
        check_panic(case, result)
    else:
        check_survival(case, result)
    return result


@pytest.fixture(scope="module")
def results():
    return run_wanted(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, results):
    judge(case, results)


def check_panic(case, result):
    """The record is told, on the line for people and on that for programs."""
    assert result.status == 0
    assert len(result.named("panic")) == 1
    assert any("BULKHEAD PANIC" in line for line in result.lines)
    status = VECTORS[case.vector][0]
    assert f"0x{status:x}" in result.text()


def check_survival(case, result):
    assert result.status == 0, "the script came not to its end"
    assert not result.named("panic")
    actions = [(event["vm"], event["action"], event["outcome"])
               for event in result.named("action")]
    assert sorted(actions) == sorted(case.expect)
    assert all(event["kind"] == "mce" and not event["injected"]
               for event in result.named("fault"))
    quarantined = re.search(r" (\d+) quarantined", result.text())
    assert not quarantined or int(quarantined[1]) == case.quarantined
    for vm in ("alpha", "beta"):
        result.check_sums(vm)
        beats = result.beats(vm)
        if not any(action == (vm, "restore", "ok") for action in actions):
            assert beats == list(range(1, len(beats) + 1))
