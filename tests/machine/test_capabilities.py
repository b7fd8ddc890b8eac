# SPDX-License-Identifier: BSD-2-Clause
"""Each capability of VT-x hidden by a boot word: what is needed is named and
nothing starts; without the rest guests run, and it says what that costs."""

import re

import pytest

from beating import beat_line
from machine import ROOT

REFUSED = 4
ROW = re.compile(r'^    \{"([^"]+)", VMX_\w+, \d+, (\w+),\s*(NULL|"[^"]*")',
                 re.M)


def rows():
    """(name, level, cost) of the table itself."""
    with open(f"{ROOT}/arch/x86_64/vmx/caps.c") as file:
        return ROW.findall(file.read())


NEEDED = [name for name, level, _ in rows() if level == "NEED"]
OPTIONAL = [(name, cost.strip('"')) for name, level, cost in rows()
            if level in ("USE", "SWITCH")]


def word(name):
    return "force-missing=" + name.replace(" ", "-")


def test_the_table_was_read():
    assert len(NEEDED) > 20 and len(OPTIONAL) > 15
    assert "EPT" in NEEDED and "PML" in dict(OPTIONAL)


@pytest.mark.parametrize("name", ["VMX", *NEEDED])
def test_what_is_needed_is_named(machine, guest, name):
    m = machine(f"{guest('hello')} vm=alpha mem=4M", boot=word(name))
    assert m.wait() == REFUSED
    refusal, = m.all("refuse")
    assert refusal["missing"] == name and refusal["hint"]
    assert f"this machine cannot run guests: {name} is missing" in m.com1()
    assert not m.all("vm-start")


@pytest.mark.parametrize("name, cost", OPTIONAL)
def test_guests_run_and_are_restored_without(machine, guest, name, cost):
    m = machine(beat_line(guest, "alpha"), boot=word(name))
    m.expect("heartbeat", vm="alpha", n=2)
    m.command("snapshot alpha")
    m.expect("snapshot", vm="alpha")
    m.expect("heartbeat", vm="alpha")
    m.command("inject alpha mce dirty")
    m.expect("action", vm="alpha", action="restore", outcome="ok")
    m.expect("heartbeat", vm="alpha")
    text = m.com1()
    assert not re.search(rf"uses .*\b{re.escape(name)}(,|$)", text, re.M)
    if cost != "NULL":
        assert f"{name} missing: {cost}" in text


def test_a_word_that_names_nothing_is_told(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=4M", boot=word("warp drive"))
    assert m.wait() == 0
    assert '"force-missing=warp-drive": is not the name' in m.com1()
