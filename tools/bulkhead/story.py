# SPDX-License-Identifier: BSD-2-Clause
"""The story that the demo plays with two guests, and what it proves."""

import dataclasses
import subprocess

from . import beats
from .beats import Wrong

MEMORY = "128M"
MIB = 4            # of each guest's buffer
SEEDS = {"alpha": 1, "beta": 2}
SLICE_MS = 5
IPS = 50000000
TICKS_MAX = 5_000_000_000
BEATS_MAX = 2000   # more than any guest has time for
CALM_BEATS = 20    # of beta, before the first fault
BEATS_BETWEEN = 4  # of alpha, before and after each fault

# What a guest's kernel is told. The self-tests of its ciphers are two thirds
# of its boot; a reset by triple fault is what one of the faults is made of.
COMMAND_LINE = ("console=ttyS0 quiet cryptomgr.notests lsm= reboot=t "
                "bh.mode=heartbeat bh.name={vm} bh.seed={seed} bh.size={mib}")


@dataclasses.dataclass
class Fault:
    title: str
    kind: str     # as the event names it
    command: str  # what makes it happen


FAULTS = [
    Fault("machine check (injected)", "mce", "inject alpha mce"),
    Fault("write outside its memory", "ept", "send alpha wild"),
    Fault("triple fault", "triple", "send alpha triple"),
    Fault("kernel panic", "panic", "send alpha panic"),
]


def module_lines(guest):
    """The module lines; guest is the directory of kernel and initrd."""
    words = (f"mem={MEMORY} hv=kvm snapshot=manual "
             + " ".join(f"on={fault.kind}:restore" for fault in FAULTS))
    lines = {vm: COMMAND_LINE.format(vm=vm, seed=seed, mib=MIB)
             for vm, seed in SEEDS.items()}
    return [
        f"{guest}/vmlinuz vm=alpha {words} -- {lines['alpha']}",
        f"{guest}/initrd.img vm=alpha initrd",
        f"- vm=beta kernel-of=alpha initrd-of=alpha {words} -- "
        f"{lines['beta']}",
    ]


def expected_beats(program, seed):
    """{number: sum} as the same program computes them on this machine."""
    output = subprocess.run(
        [program, "--expect", str(seed), str(MIB), str(BEATS_MAX)],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(beats.parse_beat(line) for line in output.splitlines())


class Story:
    """Plays the story on a machine; say(text) shows progress."""

    patience = 1  # slices by which a fault may widen beta's longest gap

    def __init__(self, machine, guest, say):
        self.machine = machine
        self.say = say
        self.expected = {vm: expected_beats(f"{guest}/heartbeat", seed)
                         for vm, seed in SEEDS.items()}
        self.rows = []
        self.slice = 0  # ticks
        self.calm_gap = 0

    def now(self):
        """When what was read last happened; more may have come since."""
        return self.machine.events[self.machine.cursor - 1]["t"]

    def tell(self, text):
        self.say(f"{self.now() / 1e9:6.2f} G  {text}")

    def play(self):
        """All of it; raises Wrong or MachineError if anything is amiss."""
        self.boot()
        self.watch_calm()
        for fault in FAULTS:
            self.rows.append(self.suffer(fault))
        self.end()
        return self.result()

    def boot(self):
        machine = self.machine
        machine.expect("boot")
        self.tell("Bulkhead is up")
        self.slice = machine.expect("ready")["slice"]
        self.tell("alpha and beta boot Debian's kernel")
        start = machine.cursor
        for vm in SEEDS:
            machine.cursor = start  # either may be the first
            machine.expect("console", vm=vm, line=f"init: {vm} up",
                           timeout=600)
            self.tell(f"{vm} has reached user land")
            machine.expect("heartbeat", vm=vm, n=2)
        self.tell("both hearts beat")

    def times(self, vm):
        """When the guest beat."""
        return [event["t"] for event in self.machine.all("heartbeat", vm=vm)]

    def wait_beats(self, vm, count):
        for _ in range(count):
            event = self.machine.expect("heartbeat", vm=vm)
        return event

    def watch_calm(self):
        """Snapshots, then beta's longest gap while nothing happens."""
        for vm in SEEDS:
            self.snapshot(vm)
        # beta's own first snapshot is a gap, too: the calm begins after it.
        self.wait_beats("beta", 2)
        start = self.now()
        self.wait_beats("beta", CALM_BEATS)
        self.calm_gap = beats.longest_gap(self.times("beta"), start,
                                          self.now())
        self.tell(f"undisturbed, beta's beats are at most {self.calm_gap:,} "
                  "ticks apart")

    def snapshot(self, vm):
        """Takes a snapshot; the number of the guest's last beat in it."""
        self.machine.command(f"snapshot {vm}")
        event = self.machine.expect("snapshot", vm=vm)
        before = self.machine.events[:self.machine.cursor]
        last = [beat["n"] for beat in before
                if beat["event"] == "heartbeat" and beat["vm"] == vm][-1]
        self.tell(f"snapshot of {vm} at its beat {last}: generation "
                  f"{event['generation']}, {event['pages']:,} pages")
        return last

    def commit(self, fault):
        """Makes the fault happen; when that was."""
        return self.machine.command(fault.command)["t"]

    def suffer(self, fault):
        """One fault of alpha, until alpha is well again; a table row."""
        machine = self.machine
        before = self.now()
        snapshot_beat = self.snapshot("alpha")
        self.wait_beats("alpha", BEATS_BETWEEN)
        self.tell(f"alpha: {fault.title} ({fault.command})")
        start = self.commit(fault)
        detected = machine.expect("fault", vm="alpha", kind=fault.kind)
        start = min(start, detected["t"])
        action = machine.expect("action", vm="alpha", kind=fault.kind)
        if (action["action"], action["outcome"]) != ("restore", "ok"):
            raise Wrong(f"the answer to the fault was {action}")
        good = self.see_recovery(snapshot_beat)
        self.wait_beats("beta", 2)
        gap = beats.longest_gap(self.times("beta"), before, good["t"])
        if gap > self.calm_gap + self.patience * self.slice:
            raise Wrong(f"beta's gap was {gap} ticks, undisturbed "
                        f"{self.calm_gap}")
        self.tell(f"alpha is back: {action['pages']:,} pages restored, next "
                  f"good beat {good['n']} after {good['t'] - start:,} ticks")
        return {"fault": fault.title, "kind": fault.kind,
                "action": action["action"], "pages": action["pages"],
                "restore_ticks": action["ticks"],
                "ticks_to_good_beat": good["t"] - start,
                "beta_gap": gap, "beta_gap_undisturbed": self.calm_gap}

    def see_recovery(self, snapshot_beat):
        """Checks that alpha goes on from its snapshot; its first beat."""
        machine = self.machine
        start = machine.cursor
        good = machine.expect("heartbeat", vm="alpha")
        if good["n"] != snapshot_beat + 1:
            raise Wrong(f"alpha went on with beat {good['n']}; its snapshot "
                        f"was taken at beat {snapshot_beat}")
        self.wait_beats("alpha", BEATS_BETWEEN)
        lines = [event["line"] for event in
                 machine.events[start:machine.cursor]
                 if event["event"] == "console" and event["vm"] == "alpha"]
        first = beats.first_good("alpha", lines, snapshot_beat,
                                 self.expected["alpha"])
        if first is None:
            raise Wrong(f"alpha printed no good beat: {lines}")
        beats.check_consecutive("alpha", lines[lines.index(first):],
                                self.expected["alpha"])
        return good

    def end(self):
        """Both guests power off, and beta's whole output is checked."""
        for vm in SEEDS:
            self.machine.send(vm, "quit")
            self.machine.expect("vm-end", vm=vm, how="poweroff")
        self.machine.expect("end")
        status = self.machine.wait()
        if status != 0:
            raise Wrong(f"tools/run ended with status {status}")
        self.beta_beats = beats.check_undisturbed(
            "beta", self.machine.console("beta"), self.expected["beta"],
            "do quit")
        self.tell(f"beta's {self.beta_beats} beats are those of a run "
                  "without faults")
        if self.now() > TICKS_MAX:
            raise Wrong(f"the run took {self.now():,} ticks")

    def result(self):
        times = self.times("beta")
        return {
            "faults": self.rows,
            "beta_beats": self.beta_beats,
            "beta_gap_undisturbed": self.calm_gap,
            "beta_gap": beats.longest_gap(times, times[0], times[-1]),
            "slice_ticks": self.slice,
            "ticks": self.now(),
        }
