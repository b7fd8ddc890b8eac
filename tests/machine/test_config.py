# SPDX-License-Identifier: BSD-2-Clause
"""A bad module line stops its VM, by line and word, and no other one."""

import pytest

HALTED = 3

BAD_WORDS = [
    "colour=red",               # no such key
    "mem=5M",                   # not a multiple of 2 MiB
    "snapshot=sometimes",
    "on=mce:pray",
    "on=flood:restore",
    "budget=5",
    "vcpus=2",
    "verify=twice",
    "kernel-of=nobody",
]


@pytest.mark.parametrize("word", BAD_WORDS)
def test_a_bad_word_is_named_and_the_other_runs(machine, guest, word):
    memory = "" if word.startswith("mem=") else "mem=4M"
    m = machine(f"{guest('hello')} vm=alpha {memory} {word}",
                f"{guest('hello')} vm=beta mem=4M")
    assert m.wait() == HALTED
    refused = m.all("vm-refused")
    assert [event["line"] for event in refused] == [1]
    told, why = refused[0]["word"], refused[0]["why"]
    assert told in (word, word.partition("=")[2]) and why
    assert f'module line 1: "{told}": {why}' in m.com1()
    assert m.all("vm-end") == m.all("vm-end", vm="beta", how="poweroff")
    assert m.console("beta")[-1] == "done 1 0"
    assert not m.console("alpha")


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
