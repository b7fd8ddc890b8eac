# SPDX-License-Identifier: BSD-2-Clause
"""One bad page: repaired in place where that is possible, and the frame is
never used again."""

import subprocess

from beating import Pair, assert_consecutive, numbers_of

TEXT = 0x100000


def buffer_address(guest):
    """Where beat.elf's buffer starts, of which each beat changes a part."""
    symbols = subprocess.run(["nm", guest("beat")], check=True, text=True,
                             capture_output=True).stdout
    end = next(int(line.split()[0], 16) for line in symbols.splitlines()
               if line.endswith(" image_end"))
    return (end + 4095) & ~4095


def frame(machine, address):
    machine.command(f"frame alpha {address:#x}")
    return machine.expect("frame", vm="alpha", gpa=address)["hpa"]


def quarantined(machine):
    line = next(line for line in machine.command("health")["output"]
                if "quarantined" in line)
    return int(line.split()[0])


def test_a_clean_page_is_healed_unnoticed(machine, guest):
    """alpha neither repeats nor skips a beat."""
    pair = Pair(machine, guest, "on=mce:heal,halt")
    m = pair.machine
    pair.snapshot()
    pair.watch_calm()
    before = frame(m, TEXT)
    fault, action = pair.suffer(f"inject alpha mce page {TEXT >> 12}", "mce",
                                action="heal", outcome="ok")
    assert fault["address"] == before and action["pages"] == 1
    assert frame(m, TEXT) != before
    assert quarantined(m) == 1
    pair.wait_beats("alpha", 4)
    m.expect("console", vm="alpha")
    assert_consecutive([event["n"] for event in
                        m.all("heartbeat", vm="alpha")], 1)
    assert_consecutive(numbers_of(m.console("alpha"), "alpha"), 1)
    assert not m.all("action", action="restore")
    pair.assert_unharmed()
    pair.end()


def test_a_written_page_is_not_healed(machine, guest):
    pair = Pair(machine, guest, "on=mce:heal,restore")
    beat = pair.snapshot()
    pair.wait_beats("alpha", 3)
    page = buffer_address(guest) >> 12
    pair.suffer(f"inject alpha mce page {page}", "mce", action="restore",
                outcome="ok")
    assert not pair.machine.all("action", action="heal", outcome="ok")
    pair.assert_goes_on(beat)
    pair.end()


def test_without_a_snapshot_nothing_is_healed(machine, guest):
    pair = Pair(machine, guest, "on=mce:heal,restart")
    pair.suffer(f"inject alpha mce page {TEXT >> 12}", "mce",
                action="restart", outcome="ok")
    assert pair.machine.expect("heartbeat", vm="alpha")["n"] == 1
    pair.end()


def test_a_bad_frame_is_never_used_again(machine, guest):
    """Not by this page, not by another one, not after restore and restart.
    """
    pair = Pair(machine, guest, "on=mce:restore budget=20/60000")
    m = pair.machine
    address = buffer_address(guest)
    pair.snapshot()
    bad = set()
    for i in range(3):
        pair.wait_beats("alpha", 2)  # more than a ms of work
        now = frame(m, address)
        assert now not in bad
        bad.add(now)
        pair.suffer(f"inject alpha mce page {address >> 12}", "mce",
                    outcome="ok")
        assert quarantined(m) == i + 1
    m.command("restart alpha")
    m.expect("action", action="restart", outcome="ok")
    assert m.expect("heartbeat", vm="alpha")["n"] == 1
    in_use = {frame(m, page) for page in range(0, 4 << 20, 64 << 10)}
    in_use.add(frame(m, address))
    assert not in_use & bad
    assert quarantined(m) == 3
    pair.assert_unharmed()
    pair.end()


def test_when_the_spares_are_used_up_the_vm_ends(machine, guest):
    """Eight frames can be replaced; the ninth cannot."""
    pair = Pair(machine, guest, "on=mce:restore budget=20/60000")
    m = pair.machine
    pair.snapshot()
    for i in range(8):
        pair.wait_beats("alpha", 2)
        pair.suffer(f"inject alpha mce page {256 + i}", "mce", outcome="ok")
    pair.wait_beats("alpha", 2)
    pair.suffer("inject alpha mce page 300", "mce", action="halt")
    m.expect("vm-end", vm="alpha", how="halted")
    pair.assert_unharmed()
    pair.end("beta", status=3)


def test_a_bad_copy_is_made_anew(machine, guest):
    """The guest does not notice, and the snapshot stays good."""
    pair = Pair(machine, guest, "on=mce:heal,halt verify=full")
    m = pair.machine
    beat = pair.snapshot()
    pair.suffer(f"inject alpha mce copy {TEXT >> 12} srao", "mce",
                action="heal", outcome="ok")
    numbers = [event["n"] for event in m.all("heartbeat", vm="alpha")]
    assert_consecutive(numbers, 1)
    pair.wait_beats("alpha", 2)
    m.command("restore alpha")
    m.expect("action", kind="operator", action="restore", outcome="ok")
    pair.assert_goes_on(beat)
    pair.end()
