# SPDX-License-Identifier: BSD-2-Clause
"""What happened before a warm reset is told after it."""

import os
import re

from beating import beat_line
from test_core import functions


def start(machine, guest, **options):
    m = machine(beat_line(guest, "alpha"), boot="on-panic=reboot", **options)
    m.expect("black-box", boot=1, faults=0, panic=False)
    m.expect("heartbeat", vm="alpha", n=2)
    return m


def give(m, command):
    """A command that is answered by the machine's end."""
    m.collect()
    m.cursor = len(m.events)
    os.write(m.commands, command.encode() + b"\n")


def restore_alpha(m):
    m.command("snapshot alpha")
    m.expect("snapshot", vm="alpha")
    m.expect("heartbeat", vm="alpha")  # it has written since
    m.command("inject alpha mce dirty")
    return m.expect("action", vm="alpha", action="restore", outcome="ok")


def test_a_panic_is_told_after_the_reset(machine, guest):
    m = start(machine, guest)
    action = restore_alpha(m)
    give(m, "panic")
    m.expect("boot")
    m.expect("black-box", boot=2, faults=1, panic=True)
    fault = m.expect("earlier-fault", vm="alpha", kind="mce",
                     severity="action", action="restore", outcome="ok")
    assert fault["journal"] == action["journal"]
    panic = m.expect("earlier-panic")
    assert panic["what"] == m.all("panic")[0]["what"]
    m.expect("ready")
    m.expect_com1(r"earlier: PANIC[^>]*run_loop")
    told = m.com1()[m.com1().index("earlier: PANIC: asked for by"):]
    names = re.findall(r"^.*earlier:   [0-9a-f]{16} (\S+)\+0x", told, re.M)
    assert len(names) >= 4 and set(names) <= functions()
    assert "monitor_execute" in names and "run_loop" in names


def test_a_fatal_machine_check_is_told_after_the_reset(machine, guest):
    m = start(machine, guest)
    give(m, "inject alpha mce fatal")
    before = m.expect("fault", kind="mce", severity="fatal")
    m.expect("black-box", boot=2, faults=1, panic=True)
    fault = m.expect("earlier-fault", kind="mce", severity="fatal",
                     detail=before["detail"], address=before["address"],
                     rip=before["rip"])
    assert not fault["action"]
    m.expect("earlier-panic", what=re.compile("mce, fatal"))
    m.expect("ready")


def test_what_nobody_looked_at_is_told_too(machine, guest):
    """A machine check in the core panics before ft sees the fault."""
    m = start(machine, guest)
    give(m, "inject alpha mce core")
    m.expect("black-box", boot=2, faults=1, panic=True)
    m.expect("earlier-fault", kind="mce", context="core", action="")
    m.expect("earlier-panic", what=re.compile("machine check"))


def test_boots_are_counted_and_old_records_go(machine, guest):
    m = start(machine, guest)
    restore_alpha(m)
    give(m, "reboot")
    m.expect("black-box", boot=2, faults=1, panic=False)
    m.expect("heartbeat", vm="alpha", n=2)
    give(m, "reboot")
    m.expect("black-box", boot=3, faults=0, panic=False)
    m.expect("ready")
