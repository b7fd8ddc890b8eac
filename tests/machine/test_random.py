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
HUNG_BEATS = 8
HUNG_MAX = 100


class RandomPair(Pair):
    """alpha runs random instructions, beta beats."""

    def __init__(self, machine, guest, options):
        self.machine = machine(
            f"{guest('random')} vm=alpha {WORDS} -- {options}",
            beat_line(guest, "beta"), timeout=1800)
        self.slice = self.machine.expect("ready")["slice"]
        self.hung = 0
        self.calm = None

    def chunks(self):
        """What alpha has told of whole chunks."""
        found = (CHUNK.fullmatch(event["line"]) for event
                 in self.machine.all("console", vm="alpha"))
        return [match for match in found if match]

    def attempts(self):
        return sum(int(match[3]) for match in self.chunks())

    def run(self, attempts):
        """Until so many were made; a guest that hangs is restored."""
        machine, silent = self.machine, 0
        while self.attempts() < attempts:
            start = machine.cursor
            machine.expect("heartbeat", vm="beta", timeout=120)
            silent += 1
            if any(event.get("vm") == "alpha"
                   for event in machine.events[start:machine.cursor]):
                silent = 0
            if silent > HUNG_BEATS:
                self.hung += 1
                silent = 0
                machine.command("restore alpha")
        assert self.hung <= HUNG_MAX

    def assert_its_own(self):
        """Nothing failed but what the guest did to itself."""
        machine = self.machine
        kinds = {event["kind"] for event in machine.all("fault", vm="alpha")}
        assert kinds <= ITS_OWN
        assert {(event["action"], event["outcome"])
                for event in machine.all("action", vm="alpha")} <= {
                    ("restore", "ok")}
        assert not machine.all("panic")


def test_a_million_random_instructions(machine, guest):
    pair = RandomPair(machine, guest, f"seed={SEED}")
    pair.watch_calm()
    pair.hit_at = pair.machine.events[-1]["t"]
    pair.run(ATTEMPTS)
    pair.assert_its_own()
    pair.assert_unharmed()
    chunks = pair.chunks()
    print(f"{pair.attempts()} attempts in {len(chunks)} chunks, "
          f"{len(pair.machine.all('fault'))} faults, {pair.hung} hangs")
    pair.machine.command("halt alpha")
    pair.end("beta", status=3)
