# SPDX-License-Identifier: BSD-2-Clause
"""When snapshots are taken, what they hold, and going back to either."""

import re

import pytest

from beating import SIZE_KIB, Pair, beat_line

PAGES = 4 << 20 >> 12  # of a guest that beats
ROM = 96               # pages below 1 MiB that are no e820 RAM, but memory


def restores_listed(machine, vm):
    head, *rows = machine.command("list")["output"]
    row = next(row for row in rows if row.split()[1] == vm)
    return int(row.split()[head.split().index("rest.") - 1])


def test_a_guest_asks_for_one(machine, guest):
    pair = Pair(machine, guest)
    m = pair.machine
    m.send("alpha", "snapshot")
    taken = m.expect("snapshot", vm="alpha")
    assert taken["generation"] == 1 and taken["first"]
    m.expect("console", vm="alpha", line="snapshot returned 0")
    for n in (1, 2):
        m.command("restore alpha")
        # behind what it was amid of printing
        m.expect("console", vm="alpha",
                 line=re.compile(f"snapshot returned {n}$"))
    assert restores_listed(m, "alpha") == 2
    assert restores_listed(m, "beta") == 0
    pair.assert_unharmed()
    pair.end()


def test_a_guest_without_mirror_is_told(machine, guest):
    """It asks, gets -1, and lives on; so does the operator's command."""
    pair = Pair(machine, guest, "snapshot=off")
    m = pair.machine
    m.send("alpha", "snapshot")
    m.expect("console", vm="alpha", line=f"snapshot returned {2 ** 32 - 1}")
    answer = m.command("snapshot alpha", status=None)
    assert answer["status"] != 0
    assert "snapshot=off" in answer["output"][0]
    assert not m.all("snapshot")
    pair.end()


def test_once(machine, guest):
    m = machine(beat_line(guest, "alpha", "snapshot=once:100"))
    ready = m.expect("ready")
    taken = m.expect("snapshot", vm="alpha")
    ms = (taken["t"] - ready["t"]) / ready["tsc_per_ms"]
    assert 100 <= ms < 150  # its 1024 pages take 25
    m.expect("heartbeat", vm="alpha", n=20)
    assert len(m.all("snapshot")) == 1
    m.send("alpha", "quit")
    assert m.wait() == 0


def test_every(machine, guest):
    m = machine(beat_line(guest, "alpha", "snapshot=every:50"))
    per_ms = m.expect("ready")["tsc_per_ms"]
    times = [m.expect("snapshot")["t"] / per_ms for _ in range(8)]
    gaps = [after - before for before, after in zip(times, times[1:])]
    assert all(35 <= gap <= 65 for gap in gaps)
    assert [event["generation"] for event in m.all("snapshot")][:8] == [
        *range(1, 9)]
    m.command("pause alpha")
    # One that had begun is completed first.
    while " paused " not in m.command("list")["output"][1]:
        pass
    count = len(m.all("snapshot"))
    for _ in range(3):
        m.command("list")
    assert len(m.all("snapshot")) == count
    m.command("resume alpha")  # none is made up for
    times = [m.expect("snapshot")["t"] / per_ms for _ in range(3)]
    assert all(after - before >= 35
               for before, after in zip(times, times[1:]))
    m.send("alpha", "quit")
    assert m.wait() == 0


@pytest.mark.parametrize("model", ["skylake_x", "broadwell_ult",
                                   "sandy_bridge"])
def test_what_was_not_written_is_not_copied(machine, guest, model):
    """By page-modification logging, dirty bits, write protection."""
    pair = Pair(machine, guest, cpu_model=model)
    m = pair.machine
    sizes = []
    for _ in range(3):
        m.command("snapshot alpha")
        sizes.append(m.expect("snapshot", vm="alpha")["pages"])
        m.command("pause alpha")
        m.command("resume alpha")
        pair.wait_beats("alpha", 4)
    # Four beats write 256 words, all over the buffer, and a little beside.
    buffer = SIZE_KIB // 4
    assert buffer < sizes[0] < PAGES
    assert all(buffer <= size <= buffer + 12 for size in sizes[1:])
    pair.end()


@pytest.mark.parametrize("model", ["skylake_x", "sandy_bridge"])
def test_the_older_generation(machine, guest, model):
    pair = Pair(machine, guest, "verify=full", cpu_model=model)
    m = pair.machine
    first = pair.snapshot()
    pair.wait_beats("alpha", 3)
    second = pair.snapshot()
    pair.wait_beats("alpha", 3)
    m.command("restore alpha")
    m.expect("action", action="restore", outcome="ok", generation=0)
    pair.assert_goes_on(second)
    m.command("restore alpha 1")
    m.expect("action", action="restore", outcome="ok", generation=1)
    pair.assert_goes_on(first)
    answer = m.command("restore alpha 1", status=None)
    assert answer["status"] != 0 and "generation 1" in answer["output"][0]
    m.command("restore alpha 0")
    m.expect("action", action="restore", outcome="ok", generation=0)
    pair.assert_goes_on(first)
    assert restores_listed(m, "alpha") == 3
    assert [event["mismatches"] for event in m.all("verify")] == [0, 0, 0]
    pair.end()


def test_verify_looks_at_all_memory(machine, guest):
    pair = Pair(machine, guest, "verify=full")
    m = pair.machine
    pair.snapshot()
    pair.wait_beats("alpha", 2)
    m.command("restore alpha")
    checked = m.expect("verify", vm="alpha")
    assert checked["mismatches"] == 0
    assert PAGES - ROM <= checked["pages"] <= PAGES
    text = "\n".join(m.command("journal 1")["output"])
    assert f"verified {checked['pages']} pages: 0 differences" in text
    pair.end()


def test_a_paused_guest_is_saved_and_restored(machine, guest):
    pair = Pair(machine, guest)
    m = pair.machine
    m.command("pause alpha")
    count = len(m.all("heartbeat", vm="alpha"))
    beat = pair.snapshot()
    m.command("resume alpha")
    pair.wait_beats("alpha", 3)
    m.command("pause alpha")
    m.command("restore alpha")
    m.expect("action", action="restore", outcome="ok")
    before = len(m.all("heartbeat", vm="alpha"))
    assert before >= count + 3
    pair.wait_beats("beta", 3)
    assert len(m.all("heartbeat", vm="alpha")) == before
    m.command("resume alpha")
    pair.assert_goes_on(beat)
    pair.end()


def test_more_than_the_undo_log_holds(machine, guest):
    """The older generation is given up, and that is said; the newest is
    good."""
    m = machine(f"{guest('beat')} vm=alpha mem=8M -- size=4096 "
                f"change=8192 period=100 tick=10 seed=1")
    m.expect("heartbeat", vm="alpha", n=1)
    for _ in range(2):  # each with another beat behind it
        m.command("snapshot alpha")
        taken = m.expect("snapshot", vm="alpha")
        after = m.expect("heartbeat", vm="alpha")["n"]
    assert taken["pages"] > 900 and not taken["older"]
    assert m.command("restore alpha 1", status=None)["status"] != 0
    m.command("restore alpha")
    m.expect("action", action="restore", outcome="ok")
    m.expect("heartbeat", vm="alpha", n=after)
    m.send("alpha", "quit")
    assert m.wait() == 0
    assert m.console("alpha")[-1] == "done 0 0"
