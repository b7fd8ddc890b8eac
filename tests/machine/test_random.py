# SPDX-License-Identifier: BSD-2-Clause
"""A million random instructions beside a guest that must not notice.

random.elf says how instructions are chosen and what an attempt is: one that
was tried at one place, carried out or not. Only whole chunks count; those that
a restore cut off do not.
"""

import os
import re

from beating import Pair, beat_line

# BULKHEAD_RANDOM=20000000 for longer, BULKHEAD_RANDOM_SEED for others.
ATTEMPTS = int(os.environ.get("BULKHEAD_RANDOM", 1000000))
SEED = int(os.environ.get("BULKHEAD_RANDOM_SEED", 1))
CHUNK = re.compile(r"random (\d+) (\d+) (\d+) ([0-9a-f]{8}) ([0-9a-f]{8})")

# Whatever the guest does to itself; a fault of any other kind is ours.
ITS_OWN = {"ept", "triple", "panic"}
# By every one of them it starts from its snapshot again, as often as it likes.
WORDS = "mem=4M snapshot=manual budget=64/1 " + " ".join(
    f"on={kind}:restore,halt" for kind in sorted(ITS_OWN)) + " on=root:halt"

# So many of beta's beats without a word: it has stopped its own clock, or
# turned interrupts off.
HUNG_BEATS = 5
# Their instructions can switch them off, too (one chunk in some thousands):
# the next one then goes on, with another seed.
RUNNERS = ["alpha", "gamma", "delta"]
HUNG_MAX = 10 + ATTEMPTS // 10000


def random_line(guest, vm, options, words=""):
    return f"{guest('random')} vm={vm} {WORDS} {words} -- {options}"


def chunks_of(machine, vm):
    """What a guest has told of whole chunks."""
    found = (CHUNK.fullmatch(line) for line in machine.console(vm))
    return [match for match in found if match]


class RandomPair(Pair):
    """alpha runs random instructions, once beta's beats are known. Others
    wait until it has switched itself off."""

    def __init__(self, machine, guest, seed):
        self.runners = list(RUNNERS)
        self.machine = machine(
            *(random_line(guest, vm, f"seed={seed + 1000 * i}",
                          "start=paused") for i, vm in enumerate(RUNNERS)),
            beat_line(guest, "beta", tick=25),
            timeout=600 + ATTEMPTS // 1000)
        self.slice = self.machine.expect("ready")["slice"]
        self.hung = 0
        self.wait_beats("beta", 3)
        self.watch_calm()
        # beta waits for alpha's whole turn at times, and then for a restore
        # that began at its end.
        self.calm += self.slice // 2
        self.hit_at = self.machine.events[-1]["t"]
        self.machine.command("resume alpha")

    def attempts(self):
        return sum(int(match[3]) for vm in RUNNERS
                   for match in chunks_of(self.machine, vm))

    def restore(self):
        """Unless it is switched off; the next one then takes its place."""
        machine, vm = self.machine, self.runners[0]
        if not machine.all("vm-end", vm=vm, how="poweroff"):
            self.hung += 1
            machine.command(f"restore {vm}", status=None)  # it may end now
            return
        self.runners.pop(0)
        assert self.runners, "all have switched themselves off"
        machine.command(f"resume {self.runners[0]}")

    def run(self, attempts):
        """Until so many were made; a guest that hangs is restored."""
        machine, silent = self.machine, 0
        while self.attempts() < attempts:
            start = machine.cursor
            machine.expect("heartbeat", vm="beta", timeout=120)
            silent += 1
            fresh = machine.events[start:machine.cursor]
            self.look_for_others(fresh)
            if any(event.get("vm") == self.runners[0] for event in fresh):
                silent = 0
            if silent > HUNG_BEATS:
                silent = 0
                self.restore()
        assert self.hung <= HUNG_MAX

    def look_for_others(self, events):
        """Ends the run at the first fault that is not the guest's doing."""
        for event in events:
            if (event["event"] == "panic" or event["event"] == "fault"
                    and event["kind"] not in ITS_OWN):
                raise self.machine.error(f"not the guest's doing: {event}")

    def assert_its_own(self):
        """Nothing failed but what the guest did to itself."""
        machine = self.machine
        kinds = {event["kind"] for event in machine.all("fault")}
        assert kinds <= ITS_OWN
        assert {(event["action"], event["outcome"])
                for event in machine.all("action")} <= {("restore", "ok")}
        assert not machine.all("panic")


def test_a_million_random_instructions(machine, guest):
    pair = RandomPair(machine, guest, SEED)
    pair.run(ATTEMPTS)
    pair.assert_its_own()
    pair.assert_unharmed()
    ticks = pair.machine.events[-1]["t"] - pair.hit_at
    print(f"{pair.attempts()} attempts, {pair.hung} hangs, "
          f"{len(pair.machine.all('fault'))} faults, {ticks} ticks")
    for vm in pair.runners:
        pair.machine.command(f"halt {vm}")
    pair.end("beta", status=3)


def wait_chunks(machine, vm, count):
    while len(chunks_of(machine, vm)) < count:
        machine.expect("console", vm=vm)


def test_a_seed_gives_the_same_instructions(machine, guest):
    m = machine(*(random_line(guest, vm, f"seed={seed}") for vm, seed in
                  (("alpha", 7), ("beta", 7), ("gamma", 8))))
    for vm in ("alpha", "beta", "gamma"):
        m.cursor = 0
        wait_chunks(m, vm, 12)
    alpha, beta, gamma = (
        {match.group(1, 2): match.group(4, 5) for match in chunks_of(m, vm)}
        for vm in ("alpha", "beta", "gamma"))
    both = set(alpha) & set(beta)
    assert len(both) >= 6
    assert all(alpha[key][0] == beta[key][0] for key in both)
    assert all(alpha[key][0] != gamma[key][0]
               for key in set(alpha) & set(gamma))
    # How it ended can depend on the time, but most often does not.
    same = [key for key in both if alpha[key][1] == beta[key][1]]
    print(f"{len(same)} of {len(both)} chunks ended in the same ways")
    assert 2 * len(same) > len(both)
