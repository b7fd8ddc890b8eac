# SPDX-License-Identifier: BSD-2-Clause
"""Counting by Bochs' debugger: exits, VMCS accesses, and times between two
places. The machine under test is the one that ships; it knows nothing of it.
"""

import os
import re
import subprocess

from . import Failure
from .session import ROOT, RUN

ELF = f"{ROOT}/build/bulkhead.elf"
HOST = 1 << 63  # addresses of the hypervisor lie above it
STEPS = 2500    # instructions of a trace: more than any operation takes
LINE = re.compile(r"\(0\)\.\[\d+\] \[0x[0-9a-f]+\] [0-9a-f]{4}:([0-9a-f]+) "
                  r"\([^)]*\): (\w+)")
STOP = re.compile(r"^Next at t=(\d+)")


def symbol(elf, name):
    """The address of a symbol."""
    listing = subprocess.run(["nm", elf], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    for line in listing.splitlines():
        address, _, found = line.split()
        if found == name:
            return int(address, 16)
    raise Failure(f"{elf} has no symbol {name}")


def run(module, commands, directory, monitor=None):
    """What the debugger printed while it followed the commands."""
    script = f"{directory}/script"
    with open(script, "w") as file:
        file.write("\n".join([*commands, "quit", ""]))
    line = [RUN, "--debugger", script, "--keep", directory, "--timeout", "240"]
    if monitor:
        line += ["--monitor", monitor]
    subprocess.run([*line, "--", module], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not os.path.exists(f"{directory}/output"):
        raise Failure("the emulator left no output")
    with open(f"{directory}/output", errors="replace") as file:
        return file.read().splitlines()


def guest_runs():
    """Commands that go to the guest's first entry, so that its own addresses
    mean it and not its loaders."""
    return [f"lb 0x{symbol(ELF, 'vm_entry_begin'):x}", "c", "bpd 1"]


def count_between(lines):
    """Exits and VMCS accesses between a guest's first two RDTSC."""
    exits = accesses = stamps = 0
    for address, name in lines:
        if address < HOST and name == "rdtsc":
            stamps += 1
            if stamps == 2:
                return exits, accesses
        elif stamps == 1:
            exits += name in ("vmresume", "vmlaunch")
            accesses += name in ("vmread", "vmwrite")
    raise Failure("an operation is longer than its trace")


def operations(guest, module, count, directory):
    """(exits, VMCS accesses) of count operations of a guest that calls
    timing_mark() before each."""
    mark = symbol(guest, "timing_mark")
    commands = [*guest_runs(), f"lb 0x{mark:x}"]
    for _ in range(count):
        commands += ["c", "trace on", f"s {STEPS}", "trace off"]
    found = []
    for text in run(module, commands, directory):
        match = LINE.match(text)
        if match:
            address = int(match[1], 16)
            if address == mark:
                found.append([])
            if found:
                found[-1].append((address, match[2]))
    return [count_between(lines) for lines in found]


def outage(module, monitor, directory):
    """Ticks from a machine check's exit to the guest's next turn: it may have
    been restored amid a HLT."""
    places = [symbol(ELF, name) for name in
              ("mca_guest_exit", "vcpu_turn")]
    output = run(module, [*guest_runs(), f"lb 0x{places[0]:x}", "c", "bpd 2",
                          f"lb 0x{places[1]:x}", "c"], directory, monitor)
    stops = [int(match[1]) for match in map(STOP.match, output) if match]
    if len(stops) != 4: # at power-on, at three breakpoints
        raise Failure("the machine check did not come")
    return stops[3] - stops[2]
