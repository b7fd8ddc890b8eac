#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The whole grid: each class of error, in each kind of frame, while a guest
runs and while Bulkhead runs, with one CPU and with two.

Squares that test_matrix.py has a case for are left to it.
"""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from lab import Case  # noqa: E402
from test_matrix import (  # noqa: E402
    CASES, HEAL_ALPHA, HEAL_BETA, NOTED, RESTORE_ALPHA, judge, run_wanted)

# Of whom the frame is, and which one is taken.
OWNERS = {"own": "alpha clean", "other": "beta clean",
          "mirror": "alpha mirror", "core": "core", "nobody": "nobody"}
HANDLING = "io_exit"  # Bulkhead serves alpha
CPUS = (1, 2)

# (class, while the guest runs, when it strikes): what comes of it, in the
# order of OWNERS. Whatever was consumed while Bulkhead served alpha costs
# alpha's turn, whosever frame it was.
GRID = {
    ("srar", True, "guest"): (
        HEAL_ALPHA, HEAL_BETA, HEAL_ALPHA, "panic", RESTORE_ALPHA),
    ("srar", False, HANDLING): (
        RESTORE_ALPHA, RESTORE_ALPHA + HEAL_BETA, RESTORE_ALPHA, "panic",
        RESTORE_ALPHA),
    ("srao", True, "guest"): (
        HEAL_ALPHA, HEAL_BETA, HEAL_ALPHA, NOTED, NOTED),
    ("srao", False, HANDLING): (
        HEAL_ALPHA, HEAL_BETA, HEAL_ALPHA, NOTED, NOTED),
    ("ucna", True, "guest"): (
        HEAL_ALPHA, HEAL_BETA, HEAL_ALPHA, NOTED, NOTED),
    ("ucna", False, HANDLING): (
        HEAL_ALPHA, HEAL_BETA, HEAL_ALPHA, NOTED, NOTED),
    ("fatal", True, "guest"): ("panic",) * len(OWNERS),
    ("fatal", False, HANDLING): ("panic",) * len(OWNERS),
}


def owner_of(place):
    """The key of OWNERS; another one where it is none of these."""
    if place.endswith("mirror"):
        return "mirror"
    return {"alpha": "own", "beta": "other"}.get(place.split()[0], place)


def square_of(case):
    """Where in the grid a case is: class, guest, owner, CPUs."""
    return (case.vector.split("-")[0], case.when == "guest",
            owner_of(case.place), case.cpus)


def case_at(vector, guest, when, owner, cpus, expect):
    """The blow of that square. Errors that were consumed or are fatal are
    broadcast, as processors without local machine checks do."""
    consumed = vector in ("srar", "fatal")
    frame = owner not in ("core", "nobody")
    return Case(vector, OWNERS[owner], when, expect=expect, cpus=cpus,
                others="broadcast" if cpus > 1 and vector != "ucna" else "",
                alone=owner == "nobody" and consumed or when == HANDLING,
                quarantined=int(frame))


def squares():
    """(square, case) for each of the grid."""
    for (vector, guest, when), row in GRID.items():
        for owner, expect in zip(OWNERS, row):
            for cpus in CPUS:
                yield ((vector, guest, owner, cpus),
                       case_at(vector, guest, when, owner, cpus, expect))


TAKEN = {square_of(case) for case in CASES}
REST = [case for square, case in squares() if square not in TAKEN]

# No emulator has a 16550 in memory, but launcher does (machine.h): one more
# case, with both serial lines there.
IN_MEMORY = Case("srao", "alpha clean", expect=HEAL_ALPHA, quarantined=1,
                 boot="loglevel=info com1=mmio:fe400000 com2=mmio32:fe401000")


@pytest.fixture(scope="module")
def results():
    return run_wanted([*REST, IN_MEMORY])


def test_no_square_is_empty():
    assert len(dict(squares())) == 4 * 2 * len(OWNERS) * len(CPUS)
    assert TAKEN | {square_of(case) for case in REST} >= set(dict(squares()))


@pytest.mark.parametrize("case", REST, ids=lambda case: case.name)
def test_square(case, results):
    judge(case, results)


def test_serial_lines_in_memory(results):
    """The log came by the one, commands and events went by the other."""
    result = judge(IN_MEMORY, results)
    for place in ("com1 at address 0xfe400000", "com2 at 32-bit address "
                  "0xfe401000"):
        assert f"c1 serial: {place}, 115200 baud" in result.lines
    assert "c1 irq: com1 polled each ms, com2 polled each ms" in result.lines
