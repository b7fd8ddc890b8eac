# SPDX-License-Identifier: BSD-2-Clause
"""From the loader to the last guest's end, and what stops it on the way."""

import json
import os
import re
import subprocess

import pytest

from beating import Pair
from machine import ROOT

ELF = f"{ROOT}/build/bulkhead.elf"
REFUSED = 4


def needed_capabilities():
    """The rows of the capability table without which there is no VM."""
    with open(f"{ROOT}/arch/x86_64/vmx/caps.c") as file:
        return ["VMX", *re.findall(r'{"([^"]+)", VMX_\w+, \d+, NEED',
                                   file.read())]


def order(events, *wanted):
    """The places of these (event, vm) in the stream."""
    names = [(event["event"], event.get("vm")) for event in events]
    return [names.index(name) for name in wanted]


def test_two_guests_run_and_end(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=4M",
                f"{guest('hello')} vm=beta mem=8M")
    assert m.wait() == 0
    assert m.all("ready")[0]["vms"] == 2
    for vm in ("alpha", "beta"):
        places = order(m.events, ("ready", None), ("vm-start", vm),
                       ("console", vm), ("vm-end", vm), ("end", None))
        assert places == sorted(places)
        assert [event["how"] for event in m.all("vm-end", vm=vm)] == [
            "poweroff"]
        assert m.console(vm)[1:] == ["ok hello", "done 1 0"]
    assert m.console("alpha")[0].endswith("ram to 4096 KiB")
    assert m.console("beta")[0].endswith("ram to 8192 KiB")
    assert not any(event.get("lost") for event in m.events)


def test_times_of_events_never_go_back(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=4M")
    assert m.wait() == 0
    times = [event["t"] for event in m.events]
    assert times == sorted(times) and times[0] > 0


@pytest.mark.parametrize("cpus", [2, 4])
def test_every_cpu_is_started(machine, guest, cpus):
    """They halt in our code; the guest on the first one is not disturbed."""
    m = machine(f"{guest('hello')} vm=alpha mem=4M start=paused", cpus=cpus)
    m.expect_com1(rf"cpu: {cpus} running, 0 failed")
    output = m.command("check")["output"]
    assert "yes every CPU runs our code with CR4.MCE" in output
    m.command("resume alpha")
    assert m.wait() == 0


def test_a_machine_without_guests_says_so(machine):
    m = machine()
    assert m.wait() == 3
    assert m.all("end")[0]["why"] == "no guest"


@pytest.mark.parametrize("missing", needed_capabilities())
def test_refuses_without(machine, missing):
    m = machine(boot=f"'force-missing={missing}'")
    assert m.wait() == REFUSED
    refusals = m.all("refuse")
    assert [event["missing"] for event in refusals] == [missing]
    assert refusals[0]["hint"] and refusals[0]["msr"]
    assert not m.all("ready")
    where = "CPUID" if missing == "VMX" else "MSR"
    assert f"{missing} is missing ({where} 0x{refusals[0]['msr']:x} " in (
        m.com1())


def qemu_kernel(tmp_path):
    """Started by QEMU's own Multiboot1 loader, without VT-x."""
    com1, com2 = tmp_path / "com1", tmp_path / "com2"
    subprocess.run(
        ["timeout", "120", "qemu-system-x86_64", "-accel", "tcg", "-cpu",
         "max", "-m", "256", "-nodefaults", "-display", "none", "-no-reboot",
         "-serial", f"file:{com1}", "-serial", f"file:{com2}",
         "-kernel", ELF, "-append", "when-done=poweroff"],
        stdin=subprocess.DEVNULL, check=True, timeout=150)
    return com1.read_text(errors="replace"), com2.read_text()


def test_multiboot1_without_vtx_is_refused_by_name(tmp_path):
    com1, com2 = qemu_kernel(tmp_path)
    told = [json.loads(line) for line in com2.splitlines()]
    assert [event["missing"] for event in told
            if event["event"] == "refuse"] == ["VMX"]
    lines = [line for line in com1.splitlines() if "is missing" in line]
    assert len(lines) == 1 and "VMX" in lines[0]


def test_grub_without_vtx_is_refused_by_name(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=4M", emu="tcg")
    assert m.wait() == REFUSED
    assert m.all("refuse")[0]["missing"] == "VMX"
    assert not m.all("vm-start")


def test_the_image_starts_by_either_protocol():
    """Both headers lie where loaders look (8 KiB and 32 KiB)."""
    with open(ELF, "rb") as file:
        image = file.read()
    assert 0 <= image.find(b"\x02\xb0\xad\x1b") < 8192
    assert 0 <= image.find(b"\xd6\x50\x52\xe8") < 32768
    assert os.path.getsize(ELF) < 16 << 20


# Models with ever less: no PML; no EPT accessed/dirty bits, no INVPCID; and
# one thing that is only useful missing on the newest.
LESSER = [
    {"cpu_model": "broadwell_ult"},
    {"cpu_model": "haswell"},
    {"cpu_model": "sandy_bridge"},
    {"boot": "'force-missing=preemption timer'"},
    {"boot": "force-missing=VPID"},
    {"boot": "'force-missing=TPR shadow'"},
    {"boot": "'force-missing=EPT accessed/dirty bits'"},
]


@pytest.mark.parametrize("options", LESSER,
                         ids=lambda o: "-".join(o.values()).strip("'"))
def test_lesser_processors_still_restore(machine, guest, options):
    pair = Pair(machine, guest, "verify=full on=triple:restore", **options)
    beat = pair.snapshot()
    pair.wait_beats("alpha", 3)
    pair.suffer("send alpha triple", "triple", outcome="ok")
    pair.assert_goes_on(beat)
    pair.assert_unharmed()
    pair.end()


def test_a_missing_feature_is_told_with_its_cost(machine, guest):
    m = machine(f"{guest('hello')} vm=alpha mem=4M start=paused",
                cpu_model="broadwell_ult")
    m.expect_com1("PML missing: a walk of all leaves at each snapshot")
    output = m.command("check")["output"]
    assert any(line.startswith("NO  PML: ") for line in output)
    m.command("resume alpha")
    assert m.wait() == 0
