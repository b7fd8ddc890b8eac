# SPDX-License-Identifier: BSD-2-Clause
"""The scrubber finds what changed silently in a snapshot, and heals it."""

from beating import beat_line, numbers_of, assert_consecutive

PAGE = 0x100  # the guest's text: never written after it was loaded


def start(machine, guest, words):
    m = machine(beat_line(guest, "alpha", words), beat_line(guest, "beta"))
    m.expect("heartbeat", vm="alpha", n=2)
    m.command("snapshot alpha")
    m.expect("snapshot", vm="alpha")
    m.expect("heartbeat", vm="alpha")
    return m


def health_line(m):
    lines = m.command("health")["output"]
    return next(line for line in lines if "scrub:" in line)


def check_others(m):
    assert_consecutive(numbers_of(m.console("alpha"), "alpha"), 1)
    assert_consecutive(numbers_of(m.console("beta"), "beta"), 1)


def test_a_flipped_bit_is_healed_while_the_guest_runs(machine, guest):
    m = start(machine, guest, "verify=scrub scrub=200")
    m.command(f"inject alpha flip copy {PAGE}")
    fault = m.expect("fault", vm="alpha", kind="copy", severity="deferred")
    action = m.expect("action", vm="alpha", kind="copy", outcome="ok")
    assert action["action"] == "heal" and action["pages"] == 1
    assert fault["address"]
    m.expect("heartbeat", vm="alpha")
    assert "1 damaged" in health_line(m)
    check_others(m)
    # What was healed is good: a restore takes it.
    m.command("restore alpha")
    m.expect("action", vm="alpha", kind="operator", outcome="ok")
    m.expect("heartbeat", vm="alpha")


def test_a_pass_ends_within_its_time(machine, guest):
    m = start(machine, guest, "scrub=300")
    per_ms = m.all("ready")[0]["tsc_per_ms"]
    end = m.all("heartbeat")[-1]["t"] + 1000 * per_ms
    m.expect("heartbeat", vm="beta", t=lambda t: t > end)
    line = health_line(m)
    passes = int(line.split("scrub: ")[1].split()[0])
    assert passes >= 3, line
    assert 250 <= int(line.split("took ")[1].split()[0]) <= 350, line
    assert "0 damaged" in line


def test_a_flipped_bit_of_the_older_generation_drops_it(machine, guest):
    m = start(machine, guest, "scrub=200")
    m.command("snapshot alpha")
    m.expect("snapshot", vm="alpha", older=True)
    page = next(n for n in range(0x100, 0x400)
                if m.command(f"inject alpha flip old {n}",
                             status=None)["status"] == 0)
    m.expect("fault", vm="alpha", kind="copy")
    m.expect("action", vm="alpha", kind="copy", action="log")
    assert m.command("restore alpha 1", status=None)["status"] != 0, page
    m.command("restore alpha 0")
    m.expect("action", vm="alpha", kind="operator", outcome="ok")


def test_a_damaged_state_drops_its_generation(machine, guest):
    m = start(machine, guest, "scrub=200")
    m.command("inject alpha flip state")
    m.expect("fault", vm="alpha", kind="copy")
    m.expect("heartbeat", vm="alpha")
    assert m.command("restore alpha 0", status=None)["status"] != 0
    check_others(m)


def test_without_a_scrubber_nobody_looks(machine, guest):
    m = start(machine, guest, "verify=restore")
    m.command(f"inject alpha flip copy {PAGE}")
    end = m.all("heartbeat", vm="alpha")[-1]["n"] + 12
    m.expect("heartbeat", vm="alpha", n=end)
    assert not m.all("fault")
    assert not [line for line in m.command("health")["output"]
                if "scrub" in line]
