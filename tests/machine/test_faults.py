# SPDX-License-Identifier: BSD-2-Clause
"""Each detector: alpha is brought back, beta does not notice."""

import re

import pytest

from beating import Pair

# What happens to alpha, the kind of fault that it is, where it is detected,
# and further words of its module line.
FAULTS = [
    ("inject alpha mce guest", "mce", "guest"),
    ("inject alpha mce serving", "mce", "serving"),
    ("inject alpha entry", "entry", "guest"),
    ("send alpha wild", "ept", "guest"),
    ("send alpha fetch", "ept", "guest"),
    ("send alpha triple", "triple", "guest"),
    ("send alpha task", "exit", "guest"),
    ("send alpha panic", "panic", "guest"),
]
# Behind what it was amid of printing when it was stopped.
SECOND_RETURN = re.compile("snapshot returned 1$")
# More in test_root.py.
MISTAKES = [
    ("inject alpha nullwrite", "root", "serving"),
    ("inject alpha ud", "root", "serving"),
    ("inject alpha gp", "root", "serving"),
    ("inject alpha divide", "root", "serving"),
    ("inject alpha stack", "root", "serving"),
    ("inject alpha wild", "root", "serving"),
]


@pytest.mark.parametrize("command, kind, context", FAULTS,
                         ids=[row[0] for row in FAULTS])
def test_one_is_restored_the_other_never_notices(machine, guest, command,
                                                 kind, context):
    pair = Pair(machine, guest, f"on={kind}:restore verify=full")
    beat = pair.snapshot()
    pair.watch_calm()
    fault, action = pair.suffer(command, kind, outcome="ok")
    assert fault["context"] == context
    assert fault["injected"] == (kind == "mce")
    assert action["generation"] == 0 and action["why"] == "ladder"
    assert 0 < action["pages"] < 1024
    if command == "send alpha wild":
        assert fault["address"] == 0xD0000000
    checked = pair.machine.all("verify", vm="alpha")
    assert [event["mismatches"] for event in checked] == [0]
    assert checked[0]["pages"] == 1024
    pair.assert_goes_on(beat)
    pair.assert_unharmed()
    pair.end()


def test_faults_in_a_row(machine, guest):
    """The first repair left nothing behind that the second trips over."""
    pair = Pair(machine, guest, "budget=20/60000 verify=full "
                "on=mce:restore")
    for command, kind, _ in FAULTS + MISTAKES:
        beat = pair.snapshot()
        pair.wait_beats("alpha", 1)
        pair.suffer(command, kind, outcome="ok")
        pair.assert_goes_on(beat, beats=2)
    assert not [event for event in pair.machine.all("verify")
                if event["mismatches"]]
    pair.assert_unharmed()
    pair.end()


def test_a_fault_of_each_at_once(machine, guest):
    """Both are brought back; neither by the other's snapshot."""
    pair = Pair(machine, guest)
    m = pair.machine
    beats = {"alpha": pair.snapshot()}
    m.send("beta", "snapshot")
    m.expect("snapshot", vm="beta")
    pair.wait_beats("beta", 2)
    m.command("pause alpha")
    m.command("pause beta")
    m.command("inject alpha nullwrite")
    m.send("beta", "triple")
    start = m.cursor
    m.command("resume alpha")
    m.command("resume beta")
    for vm in ("alpha", "beta"):
        m.cursor = start
        m.expect("action", vm=vm, action="restore", outcome="ok")
    m.cursor = start
    m.expect("action", vm="alpha")
    pair.assert_goes_on(beats["alpha"])
    m.cursor = start
    m.expect("console", vm="beta", line=SECOND_RETURN)
    m.send("beta", "quit")
    m.expect("vm-end", vm="beta", how="poweroff")


def test_the_machine_check_of_one_while_the_other_runs(machine, guest):
    """The owner of the frame is the victim, whoever was running."""
    pair = Pair(machine, guest, "on=mce:restore")
    m = pair.machine
    beat = pair.snapshot()
    pair.watch_calm()
    m.command("frame alpha 0x100000")
    frame = m.expect("frame", vm="alpha")["hpa"]
    pair.hit_at = m.events[-1]["t"]
    # Optional action: beta, which is interrupted by it, can go on.
    m.command(f"inject beta mce {frame:#x} srao")
    fault = m.expect("fault", kind="mce")
    assert (fault["vm"], fault["address"]) == ("alpha", frame)
    m.expect("action", vm="alpha", action="restore", outcome="ok")
    pair.assert_goes_on(beat)
    pair.assert_unharmed()
    pair.end()


def test_a_corrected_error_is_only_noted(machine, guest):
    pair = Pair(machine, guest)
    pair.snapshot()
    pair.suffer("inject alpha mce corrected", "mce", action="log",
                outcome="ok")
    assert not pair.machine.all("action", action="restore")
    start = pair.wait_beats("alpha", 1)["n"]
    assert pair.wait_beats("alpha", 1)["n"] == start + 1
    pair.assert_unharmed()
    pair.end()


def test_evidence_is_kept(machine, guest):
    """The journal has the guest's registers and exits as they were."""
    pair = Pair(machine, guest)
    pair.snapshot()
    pair.suffer("send alpha wild", "ept", outcome="ok")
    journal = pair.machine.command("journal 1")["output"]
    text = "\n".join(journal)
    assert journal[0].split()[1:3] == ["alpha", "ept,"]
    assert "address 0xd0000000" in text
    assert "restore: ok" in text
    fault = pair.machine.all("fault")[0]
    assert any(line.startswith(f"  rip 0008:{fault['rip']:016x} ")
               for line in journal)
    exits = [line for line in journal if line.startswith("  exit -")]
    assert len(exits) >= 4
    assert "reason 0x30," in exits[0]  # EPT violation


def test_a_paused_guest_that_is_hit_stays_paused(machine, guest):
    pair = Pair(machine, guest, "on=mce:restore")
    m = pair.machine
    beat = pair.snapshot()
    m.command("pause alpha")
    m.command("pause alpha")
    start = len(m.all("heartbeat", vm="alpha"))
    m.command("inject alpha mce")
    pair.wait_beats("beta", 3)
    assert len(m.all("heartbeat", vm="alpha")) == start
    m.command("resume alpha")
    m.expect("action", vm="alpha", action="restore", outcome="ok")
    pair.assert_goes_on(beat)
    pair.end()


def test_a_damaged_mapping_is_no_way_to_the_neighbour(machine, guest):
    """alpha's tables are damaged; whatever becomes of it, it is told."""
    pair = Pair(machine, guest, "on=misconfig:restore,restart,halt")
    pair.snapshot()
    pair.watch_calm()
    fault, _ = pair.suffer("inject alpha misconfig", "misconfig")
    assert fault["address"] & ~0xFFF == 0x100000
    assert fault["context"] == "guest"
    pair.assert_unharmed()
