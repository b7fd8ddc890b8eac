# SPDX-License-Identifier: BSD-2-Clause
"""A bad module line stops its VM, by line and word, and no other one."""

import re

import pytest

HALTED = 3

# word of a line that is good otherwise: (what the error names, its rule).
# For each key a value that is empty, malformed, too small and too big, as far
# as it can be; and what no key is.
BAD_WORDS = {
    "colour=red": ("colour=red", "is not known"),
    "paused": ("paused", "is not known"),
    "mem=": ("mem=", "multiple of 2M"),
    "mem=5M": ("mem=5M", "multiple of 2M"),
    "mem=0M": ("mem=0M", "multiple of 2M"),
    "mem=4T": ("mem=4T", "multiple of 2M"),
    "mem=-2M": ("mem=-2M", "multiple of 2M"),
    "mem=99999999999999999999G": ("mem=99999999999999999999G",
                                  "multiple of 2M"),
    "mem=66G": ("mem=66G", "2M to 64G"),
    "vcpus=0": ("vcpus=0", "one vCPU"),
    "vcpus=2": ("vcpus=2", "one vCPU"),
    "cpus=": ("cpus=", "list of CPUs"),
    "cpus=3-1": ("cpus=3-1", "list of CPUs"),
    "cpus=64": ("cpus=64", "0 to 63"),
    "cpus=0,,1": ("cpus=0,,1", "list of CPUs"),
    "snapshot=sometimes": ("snapshot=sometimes", "off, manual"),
    "snapshot=every:0": ("snapshot=every:0", "1 ms to a day"),
    "snapshot=once:86400001": ("snapshot=once:86400001", "1 ms to a day"),
    "verify=twice": ("verify=twice", "restore, scrub or full"),
    "budget=5": ("budget=5", "N/MS"),
    "budget=/5": ("budget=/5", "N/MS"),
    "budget=5/0": ("budget=5/0", "N/MS"),
    "on=mce:pray": ("on=mce:pray", "KIND:ACTION"),
    "on=flood:restore": ("on=flood:restore", "KIND:ACTION"),
    "on=mce:": ("on=mce:", "KIND:ACTION"),
    "on=mce:log,heal,restore,restart,halt": (
        "on=mce:log,heal,restore,restart,halt", "up to 4"),
    "hv=xen": ("hv=xen", "none or kvm"),
    "start=late": ("start=late", "must be paused"),
    "vcpus=": ("vcpus=", "one vCPU"),
    "snapshot=": ("snapshot=", "off, manual"),
    "snapshot=every": ("snapshot=every", "off, manual"),
    "verify=": ("verify=", "restore, scrub or full"),
    "scrub=": ("scrub=", "number of ms"),
    "scrub=soon": ("scrub=soon", "number of ms"),
    "scrub=99": ("scrub=99", "100 to a day"),
    "scrub=86400001": ("scrub=86400001", "100 to a day"),
    "budget=": ("budget=", "N/MS"),
    "budget=1000001/5": ("budget=1000001/5", "N/MS"),
    "budget=5/86400001": ("budget=5/86400001", "N/MS"),
    "on=": ("on=", "KIND:ACTION"),
    "hv=": ("hv=", "none or kvm"),
    "start=": ("start=", "must be paused"),
    "kernel-of=nobody": ("nobody", "not the name of a VM"),
    "initrd-of=nobody": ("nobody", "not the name of a VM"),
    "kernel-of=UPPER": ("kernel-of=UPPER", "must be a name"),
    "initrd-of=UPPER": ("initrd-of=UPPER", "must be a name"),
    "x" * 400: ("x" * 47, "is too long"),
}


def check_refused(m, expected):
    """expected: {module line: (word, part of the reason)}"""
    refused = {event["line"]: event for event in m.all("vm-refused")}
    assert set(refused) == set(expected)
    text = m.com1()
    for line, (word, why) in expected.items():
        event = refused[line]
        assert event["word"] == word and why in event["why"], event
        assert f'module line {line}: "{word}": {event["why"]}' in text


@pytest.mark.parametrize("part", range(3))
def test_bad_words_are_named_and_the_other_runs(machine, guest, part):
    """Some 20 bad lines in a machine, and a good one behind them."""
    words = list(BAD_WORDS)[part::3]
    lines = []
    for i, word in enumerate(words):
        memory = "" if word.startswith("mem=") else "mem=4M"
        lines.append(f"{guest('hello')} vm=bad{i} {memory} {word}")
    m = machine(*lines, f"{guest('hello')} vm=beta mem=4M")
    assert m.wait() == HALTED
    check_refused(m, {i + 1: BAD_WORDS[word]
                      for i, word in enumerate(words)})
    assert m.all("vm-end") == m.all("vm-end", vm="beta", how="poweroff")
    assert m.console("beta")[-1] == "done 1 0"
    assert {event["vm"] for event in m.all("console")} == {"beta"}


def test_bad_names_and_lines_that_belong_to_nobody(machine, guest):
    hello = guest("hello")
    m = machine(f"{hello} mem=4M",
                f"{hello} vm= mem=4M",
                f"{hello} vm=mixed mem=4M",
                f"{hello} vm=sixteen-letters- mem=4M",
                f"{hello} vm=ghost initrd",
                f"{hello} vm=two mem=4M initrd module",
                f"{hello} vm=lacks",
                f"{hello} vm=alpha mem=4M",
                f"{hello} vm=alpha initrd mem=4M",
                f"{hello} vm=beta mem=4M")
    assert m.wait() == HALTED
    check_refused(m, {
        1: ("vm=", "is missing"), 2: ("vm=", "must be a name"),
        3: ("vm=mixed", "must be a name"),
        4: ("vm=sixteen-letters-", "must be a name"),
        5: ("ghost", "no earlier line"), 6: ("two", "no earlier line"),
        7: ("mem=", "is missing"),
        9: ("mem=4M", "belongs on the first line"),
    })
    assert m.all("vm-end") == m.all("vm-end", vm="beta", how="poweroff")


def test_more_vms_than_there_is_room_for(machine, guest):
    """Eight run; the ninth is named. Ten more do not fit into memory."""
    m = machine(*[f"{guest('hello')} vm=v{i} mem=4M snapshot=off"
                  for i in range(9)])
    assert m.wait() == HALTED
    check_refused(m, {9: ("v8", "one VM too many")})
    assert len(m.all("vm-end", how="poweroff")) == 8


def test_more_vms_than_memory(machine, guest):
    m = machine(*[f"{guest('hello')} vm=v{i} mem=26M snapshot=off"
                  for i in range(6)],
                f"{guest('hello')} vm=small mem=2M", mem=128)
    assert m.wait() == HALTED
    refused = m.all("vm-refused")
    assert refused and all("memory" in event["why"] for event in refused)
    ran = {event["vm"] for event in m.all("vm-end", how="poweroff")}
    named = {f"v{i}" for i in range(6)} | {"small"}
    assert ran == named - {event["vm"] for event in refused}
    assert "small" in ran and len(ran) > 1


def test_a_name_used_twice(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=4M",
                f"{guest('hello')} vm=alpha mem=6M")
    assert m.wait() == HALTED
    assert [event["line"] for event in m.all("vm-refused")] == [2]
    assert m.console("alpha")[0].endswith("ram to 4096 KiB")


def test_memory_that_does_not_fit(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=2G",
                f"{guest('hello')} vm=beta mem=4M", mem=256)
    assert m.wait() == HALTED
    refused = m.all("vm-refused")
    assert [event["line"] for event in refused] == [1]
    assert refused[0]["vm"] == "alpha" or refused[0]["word"] in (
        "mem=2G", "alpha")
    assert m.console("beta")[-1] == "done 1 0"


def test_what_a_refused_vm_took_is_free_again(machine, guest):
    """Else the second would not fit either."""
    m = machine(f"{guest('hello')} vm=alpha mem=200M",
                f"{guest('hello')} vm=beta mem=80M", mem=256)
    assert m.wait() == HALTED
    assert [event["line"] for event in m.all("vm-refused")] == [1]
    assert m.console("beta")[-1] == "done 1 0"


def test_an_image_that_is_none(machine, guest, tmp_path):
    image = tmp_path / "letter"
    image.write_text("not a kernel\n" * 100)
    m = machine(f"{image} vm=alpha mem=4M",
                f"{guest('hello')} vm=beta mem=4M")
    assert m.wait() == HALTED
    refused = m.all("vm-refused")
    assert [event["line"] for event in refused] == [1]
    assert m.console("beta")[-1] == "done 1 0"


def test_a_bad_boot_word_is_told_and_ignored(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=4M", boot="slice=0 turbo")
    assert m.wait() == 0
    text = m.com1()
    assert '"slice=0": must be a number of ms from 1 to 1000' in text
    assert '"turbo": is not known and is ignored' in text


def test_command_lines_arrive_as_they_were_written(machine, guest):
    """GRUB quotes them again on the way; the numbers say what came."""
    m = machine(f"{guest('beat')} vm=alpha mem=4M -- size=16 change=3 "
                "seed=77 beats=2 period=20 tick=5 \"a 'b c\"")
    assert m.wait() == 0
    assert m.console("alpha")[0] == "beat start size 16 change 3 seed 77"


def test_one_image_serves_two_vms(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=4M",
                "- vm=beta mem=6M kernel-of=alpha")
    assert m.wait() == 0
    assert m.console("beta")[0].endswith("ram to 6144 KiB")


def test_a_paused_vm_waits(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=4M start=paused",
                f"{guest('hello')} vm=beta mem=4M")
    m.expect("vm-end", vm="beta")
    assert not m.console("alpha")
    m.command("resume alpha")
    assert m.wait() == 0
    assert m.console("alpha")[-1] == "done 1 0"


def test_without_a_second_serial_line_guests_run(machine, guest):
    """No events then: COM1 says so, and what becomes of the guests."""
    m = machine(f"{guest('hello')} vm=alpha mem=4M",
                f"{guest('hello')} vm=beta mem=5M", serial=1,
                boot="when-done=debug-exit")
    m.expect_com1("every guest has ended")
    text = m.com1()
    assert re.search("warning: serial: no 16550 for com2: no event stream", text)
    assert "alpha| done 1 0" in text
    assert 'module line 2: "mem=5M"' in text
    assert not m.events
