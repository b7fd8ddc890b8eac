# SPDX-License-Identifier: BSD-2-Clause
"""Restores without end, each of them verified.

busy.elf causes its own: tests/guests/busy/soak.c. A Linux guest is rolled
back by commands, at whatever moment they come.
"""

import random
import re
import time

from . import Failure, story

IPS = 10000000  # a slow machine: less waiting between restores
MODULE = ("{image} vm=alpha mem=2M snapshot=every:{every} verify={verify} budget=64/1 "
          "-- rounds=0 every=0 mem=80 stop soak={restores} seed={seed} "
          "{options}")
BOOT = "slice=20 loglevel=error"
RESTORES = re.compile(r"(\d+) restores$")
VERIFIED = re.compile(r"(\d+) restores verified, (\d+) differed")
AMID = re.compile(r"amid ([\w-]+): (\d+) taken, (\d+) restored")
REFRESH = 10  # restores from one snapshot of a Linux guest
FAULT_EVERY = 7  # of which one follows a mistake of ours
FAULTS = ["nullwrite", "ud", "divide", "gp", "stack", "wild"]
EVENTS_KEPT = 5000


class Result:
    """What a soak has found; good() when each restore was exact."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.restores = self.verified = self.differed = self.ticks = 0
        self.bad = []  # events that should not have been
        self.amid = {}  # moment: (snapshots taken, restores)
        self.actions = {}  # action and generation: told of

    def good(self):
        return (self.restores >= self.wanted and self.differed == 0
                and not self.bad)

    def see(self, event):
        name = event["event"]
        self.ticks = event.get("t", self.ticks)
        if name == "action":
            key = f"{event['action']} {event.get('generation', '-')}"
            self.actions[key] = self.actions.get(key, 0) + 1
            if event["action"] != "restore" or event["outcome"] != "ok":
                self.bad.append(event)
        elif name == "verify" and event["mismatches"]:
            self.bad.append(event)
        elif name == "console" and re.search(r"not ok|failed|^bad ",
                                             event["line"]):
            self.bad.append(event)
        elif name in ("panic", "vm-refused", "vm-reset", "unreadable"):
            self.bad.append(event)

    def read_health(self, lines):
        for line in lines:
            found = RESTORES.search(line)
            if found:
                self.restores = int(found[1])
            found = VERIFIED.search(line)
            if found:
                self.verified, self.differed = map(int, found.groups())
            found = AMID.search(line)
            if found:
                self.amid[found[1]] = (int(found[2]), int(found[3]))

    def lines(self):
        yield (f"{self.restores} restores, {self.verified} verified, "
               f"{self.differed} differed, {len(self.bad)} failures")
        if self.restores:
            yield (f"{self.ticks} ticks, "
                   f"{self.ticks // self.restores} a restore")
        for moment, (taken, restored) in self.amid.items():
            yield f"amid {moment}: {taken} taken, {restored} restored"
        for event in self.bad[:10]:
            yield f"bad: {event}"


class Watch:
    """Takes a machine's events, and tells how far it is."""

    def __init__(self, machine, result, tell, step):
        self.machine = machine
        self.result = result
        self.tell = tell
        self.step = step
        self.seen = 0
        self.told = 0
        self.last = None

    def take(self):
        """The events that have come since."""
        machine = self.machine
        machine.collect()
        fresh = machine.events[self.seen:]
        self.seen = len(machine.events)
        for event in fresh:
            self.result.see(event)
            self.note(event)
        if self.seen > EVENTS_KEPT:
            machine.events.clear()
            self.seen = machine.cursor = 0
        return fresh

    def note(self, event):
        if event["event"] == "action" and (
                event["journal"] >= self.told + self.step):
            self.told = event["journal"]
            self.tell(f"about {self.told} restores, tick {event['t']}")


def busy(start, image, restores, seed=1, options="", verify="full",
         every=16, tell=print, step=1000, boot="", timeout=7200, **machine_options):
    """Has the busy guest roll itself back so often; the Result.

    start makes a Machine of module lines and options.
    """
    module = MODULE.format(image=image, restores=restores, seed=seed,
                           options=options, verify=verify, every=every)
    machine = start(module, ips=IPS, boot=f"{BOOT} {boot}".strip(),
                    timeout=timeout, **machine_options)
    result = Result(restores)
    watch = Watch(machine, result, tell, step)
    over = False
    while not over and not result.bad:
        if machine.process.poll() is not None:
            raise Failure("the run ended:\n" + machine.report())
        over = any(event["event"] == "console"
                   and event["line"].startswith("soak over")
                   for event in watch.take())
        time.sleep(0.05)
    end = result.ticks
    result.read_health(machine.command("health")["output"])
    watch.take()
    result.ticks = end
    if result.good():
        machine.send("alpha", "quit")
        machine.wait()
    return result


def linux(start, kernel, initrd, restores, seed=1, tell=print, step=100,
          boot="", timeout=7200, **machine_options):
    """Rolls a Debian guest back so often, by command; the Result."""
    line = story.COMMAND_LINE.format(vm="alpha", seed=story.SEEDS["alpha"],
                                     mib=story.MIB)
    machine = start(
        f"{kernel} vm=alpha mem=80M hv=kvm verify=full budget=64/1 "
        f"on=mce:restore -- {line}", f"{initrd} vm=alpha initrd",
        boot=f"console=monitor loglevel=error {boot}".strip(),
        timeout=timeout, **machine_options)
    result = Result(restores)
    watch = Watch(machine, result, tell, step)
    dice = random.Random(seed)
    machine.expect("console", vm="alpha", line="init: alpha up", timeout=600)
    machine.expect("heartbeat", vm="alpha", n=3, timeout=300)
    for n in range(restores):
        if n % REFRESH == 0:
            machine.command("snapshot alpha")
            machine.expect("snapshot", vm="alpha", timeout=300)
        time.sleep(dice.random() * 0.05)
        if n % FAULT_EVERY == 0:  # far apart, or it counts as hopeless
            machine.expect("heartbeat", vm="alpha", timeout=300)
            machine.command("inject alpha " + dice.choice(FAULTS))
        else:
            machine.command("restore alpha")
        machine.expect("action", vm="alpha", timeout=300)
        watch.take()
        if result.bad:
            break
    result.read_health(machine.command("health")["output"])
    machine.expect("heartbeat", vm="alpha", timeout=300)
    machine.expect("heartbeat", vm="alpha", timeout=300)
    watch.take()
    if result.good():
        machine.send("alpha", "quit")
        machine.wait()
    return result
