# SPDX-License-Identifier: BSD-2-Clause
"""Restores are exact: a share of what `make soak` does."""

from bulkhead import soak

SMALL = 500
LINUX = 12
# What the busy guest's snapshots must have caught it amid.
MOMENTS = {"irq", "service", "hlt", "call"}


def show(result):
    return "\n".join(result.lines())


def test_a_busy_guest_is_restored_exactly(machine, guest):
    result = soak.busy(machine, guest("busy"), SMALL)
    assert result.good(), show(result)
    assert result.verified >= SMALL
    assert MOMENTS <= set(result.amid), show(result)
    assert result.actions.get("restore 1"), "the older one was never used"


def test_debian_is_restored_exactly(machine, linux):
    result = soak.linux(machine, *linux, LINUX)
    assert result.good(), show(result)
    assert result.verified == LINUX
