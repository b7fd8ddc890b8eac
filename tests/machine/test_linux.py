# SPDX-License-Identifier: BSD-2-Clause
"""An unmodified Debian kernel; tools/demo plays more with two of them."""

from bulkhead import beats, story


def test_debian_boots_beats_and_is_restored(machine, linux):
    kernel, initrd = linux
    expected = story.expected_beats(f"{kernel[:-len('vmlinuz')]}heartbeat",
                                    story.SEEDS["alpha"])
    line = story.COMMAND_LINE.format(vm="alpha", seed=story.SEEDS["alpha"],
                                     mib=story.MIB)
    m = machine(f"{kernel} vm=alpha mem=128M hv=kvm on=mce:restore "
                f"verify=full -- {line}",
                f"{initrd} vm=alpha initrd",
                boot="console=monitor", timeout=900)
    m.expect("console", vm="alpha", line="init: alpha up", timeout=600)
    m.expect("heartbeat", vm="alpha", n=3)
    m.command("snapshot alpha")
    m.expect("snapshot", vm="alpha")
    before = m.events[:m.cursor]
    saved = [event["n"] for event in before
             if event["event"] == "heartbeat"][-1]
    for _ in range(3):
        m.expect("heartbeat", vm="alpha")
    m.command("inject alpha mce")
    action = m.expect("action", vm="alpha", kind="mce")
    assert (action["action"], action["outcome"]) == ("restore", "ok")
    assert [event["mismatches"] for event in m.all("verify")] == [0]
    start = m.cursor
    for n in range(saved + 1, saved + 5):
        assert m.expect("heartbeat", vm="alpha")["n"] == n
    m.send("alpha", "quit")
    m.expect("vm-end", vm="alpha", how="poweroff")
    assert m.wait() == 0
    lines = [event["line"] for event in m.events[start:]
             if event["event"] == "console"
             and beats.parse_beat(event["line"])]
    first = beats.first_good("alpha", lines, saved, expected)
    beats.check_consecutive("alpha", lines[lines.index(first):], expected)
