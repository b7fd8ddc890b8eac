# SPDX-License-Identifier: BSD-2-Clause
"""Restores are exact: a share of what `make soak` does; whatever the engine
that finds written pages; and never from a copy that has changed."""

import pytest

from bulkhead import soak

from beating import Pair
from test_ladder import changed_page

SMALL = 2000
SEEDS_MOST = 8
LINUX = 40
# What the busy guest's snapshots must have caught it amid.
MOMENTS = {"irq", "service", "hlt", "call"}
REFUSED = 4
# Work that does not look at a clock: the same in each run.
TIMELESS = ("memory,code,fpu,debug,step,msrs,nmi,sti,mov-ss,stacks,devices")


def show(result):
    return "\n".join(result.lines())


def test_a_busy_guest_is_restored_exactly(machine, guest):
    result = soak.busy(machine, guest("busy"), SMALL)
    assert result.good() and result.verified >= SMALL, show(result)
    assert MOMENTS <= set(result.amid), show(result)
    assert result.actions.get("restore 1"), "the older one was never used"


def test_debian_is_restored_exactly(machine, linux):
    result = soak.linux(machine, *linux, LINUX)
    assert result.good() and result.verified == LINUX, show(result)


@pytest.mark.parametrize("engine, options, moments", [
    # An exit for the first write to each page: amid all that it is amid.
    ("protect", "flat only=sti", {"sti", "mov-ss", "irq", "service"}),
    ("protect", "flat only=nmi,stacks",
     {"event", "nmi", "nmi-blocked", "call"}),
    ("pml", "only=step,mov-ss", {"event", "step", "call"}),
])
def test_snapshots_amid_everything(machine, guest, engine, options, moments):
    """What is owed to the guest comes, once, and not too early. Which moments
    a run meets is a matter of chance."""
    met = {}
    for seed in range(1, SEEDS_MOST + 1):
        result = soak.busy(machine, guest("busy"), 250, seed, every=11,
                           verify="restore", options=f"run=40 {options}",
                           boot=f"dirty={engine}")
        assert result.good(), show(result)
        for name, (_, restored) in result.amid.items():
            met[name] = met.get(name, 0) + restored
        if moments <= {name for name, restored in met.items() if restored}:
            return
    raise AssertionError(f"met in {seed} runs: {met}")


def hashes_after(machine, guest, engine):
    """Of RAM, copies and state, after the same work and restores."""
    m = machine(f"{guest('busy')} vm=alpha mem=2M verify=full budget=64/1 -- "
                f"flat counted rounds=0 every=0 mem=80 stop soak=40 "
                f"only={TIMELESS}",
                ips=2000000, boot=f"dirty={engine} slice=100 loglevel=error")
    assert m.expect("vm-created")["dirty"] == engine
    m.expect("console", vm="alpha",
             line="soak over, 40 restores, 0 failures")
    m.command("snapshot alpha")
    m.expect("snapshot", vm="alpha")
    m.command("hash alpha")
    hashes = m.expect("hash", vm="alpha")
    for timely in ("t", "tsc"):
        del hashes[timely]
    assert hashes["ram"] == hashes["copies"]
    restored = [event["generation"] for event in m.all("action")]
    m.close()
    return hashes, restored


def test_every_engine_gives_the_same_bytes(machine, guest):
    """Without paging: see the README for what Bochs does to page tables."""
    log = hashes_after(machine, guest, "pml")
    assert log[1] == [0] * 40
    assert hashes_after(machine, guest, "bits") == log
    assert hashes_after(machine, guest, "protect") == log


@pytest.mark.parametrize("model, engine, missing", [
    ("broadwell_ult", "pml", "PML"),
    ("sandy_bridge", "bits", "EPT accessed/dirty bits")])
def test_an_engine_that_the_cpu_lacks(machine, guest, model, engine, missing):
    m = machine(f"{guest('hello')} vm=alpha mem=2M", cpu_model=model,
                boot=f"dirty={engine}")
    assert m.wait() == REFUSED
    assert m.all("refuse")[0]["missing"] == missing
    assert f"dirty={engine} needs" in m.com1()


@pytest.mark.parametrize("verify", ["restore", "full"])
def test_a_flipped_bit_is_found_before_it_is_used(machine, guest, verify):
    """The newest has changed silently: the older one is taken."""
    pair = Pair(machine, guest, f"verify={verify} on=ept:restore,restart")
    m = pair.machine
    beat = pair.snapshot()
    pair.wait_beats("alpha", 2)
    pair.snapshot()
    pair.wait_beats("alpha", 2)
    m.command(f"inject alpha flip copy {changed_page(guest)}")
    pair.suffer("send alpha wild", "ept", action="restore", outcome="ok",
                generation=1)
    failed, = m.all("action", outcome="failed")
    assert failed["generation"] == 0
    assert failed["why"] == "a page's copy is damaged"
    pair.assert_goes_on(beat)
    pair.assert_unharmed()
    journal = m.command("journal")["output"]
    assert any("a page's copy is damaged" in line for line in journal)
    pair.end()


def test_a_flipped_bit_of_the_saved_state(machine, guest):
    pair = Pair(machine, guest, "verify=restore on=ept:restore,restart")
    m = pair.machine
    beat = pair.snapshot()
    pair.wait_beats("alpha", 2)
    pair.snapshot()
    m.command("inject alpha flip state")
    pair.suffer("send alpha wild", "ept", action="restore", outcome="ok",
                generation=1)
    failed, = m.all("action", outcome="failed")
    assert failed["why"] == "the saved state is damaged"
    pair.assert_goes_on(beat)
    pair.end()


def test_a_flipped_bit_of_ram_is_found_by_full_verification(machine, guest):
    """A page that counts as clean is not restored: only verify=full looks."""
    pair = Pair(machine, guest, "verify=full on=ept:restore,restart")
    m = pair.machine
    pair.snapshot()
    m.command("inject alpha flip page 0x1ff")  # never used
    pair.suffer("send alpha wild", "ept", action="restart", outcome="ok")
    assert m.all("verify", mismatches=1)
    failed = m.all("action", outcome="failed")
    assert [event["why"] for event in failed] == ["what was restored differs"]
    pair.end()


def test_what_fails_again_at_once_goes_to_the_older_one(machine, guest):
    """The newest is of a guest that is lost already; it lives on from the
    older one, which is the newest from then on."""
    m = machine(f"{guest('busy')} vm=alpha mem=2M verify=full budget=64/1 -- "
                "rounds=0 every=0 mem=80 stop doomed")
    doomed = m.expect("action", vm="alpha", generation=0)
    assert doomed["outcome"] == "ok" and doomed["why"] == "ladder"
    saved = m.expect("action", vm="alpha")
    assert (saved["generation"], saved["why"]) == (1, "no-progress")
    m.expect("console", vm="alpha", line="lives after 2 restores")
    m.expect("heartbeat", vm="alpha", n=3)
    assert len(m.all("action")) == 2
    assert not m.all("vm-end")
