# SPDX-License-Identifier: BSD-2-Clause
"""A machine that a program drives: tools/run as a child process."""

import json
import os
import re
import subprocess
import time

from .bochs import excerpt
from .emulator import tail

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
RUN = f"{ROOT}/tools/run"
POLL_SECONDS = 0.02


class MachineError(AssertionError):
    """Something expected did not come; the text says what came instead."""


def matches(event, name, conditions):
    """Whether an event has this name and these values.

    A value is compared, a compiled pattern is searched for in it, and a
    function is asked.
    """
    return event["event"] == name and all(
        value_matches(event.get(key), wanted)
        for key, wanted in conditions.items())


def value_matches(value, wanted):
    if isinstance(wanted, re.Pattern):
        return value is not None and wanted.search(str(value)) is not None
    if callable(wanted):
        return value is not None and wanted(value)
    return value == wanted


class Machine:
    """Runs until close(), or the end of a with statement.

    modules are the module lines of tools/run. Options: emu, cpus, mem,
    boot, cpu_model, ips, timeout (real seconds of the whole run), and extra,
    a list of further arguments.
    """

    slowness = 1  # so many times all waiting may take

    def __init__(self, modules, directory, **options):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.events = []  # all so far
        self.cursor = 0   # where expect() goes on
        self.rest = ""
        os.mkfifo(self.path("commands"))
        self.process = self.spawn(modules, options)
        self.commands = os.open(self.path("commands"), os.O_RDWR)
        self.events_file = None

    def path(self, name):
        return f"{self.directory}/{name}"

    def spawn(self, modules, options):
        arguments = [RUN, "--events", self.path("events"), "--commands",
                     self.path("commands"), "--keep", self.path("emulator")]
        arguments += options.pop("extra", [])
        options.setdefault("timeout", 300)
        for key, value in options.items():
            arguments += ["--" + key.replace("_", "-"), str(value)]
        with open(self.path("com1"), "wb") as com1, \
                open(self.path("stderr"), "wb") as stderr:
            return subprocess.Popen([*arguments, "--", *modules],
                                    stdin=subprocess.PIPE, stdout=com1,
                                    stderr=stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the run; the exit status of tools/run."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self.process.stdin.close()
        if self.commands is not None:
            os.close(self.commands)
            self.commands = None
        self.collect()
        if self.events_file:
            self.events_file.close()
            self.events_file = None
        for medium in ("emulator/boot.iso", "emulator/boot.disk"):
            if os.path.exists(self.path(medium)):
                os.remove(self.path(medium))
        return self.process.returncode

    def collect(self):
        """Reads what events have come."""
        if self.events_file is None:
            if not os.path.exists(self.path("events")):
                return
            self.events_file = open(self.path("events"))
        *lines, self.rest = (self.rest + self.events_file.read()).split("\n")
        self.events += [json.loads(line) for line in lines]

    def expect(self, name, timeout=120, **conditions):
        """The next event of this name and these values, waited for.

        Goes on behind the event that the last call returned.
        """
        found = self.find(name, conditions, self.cursor, timeout)
        self.cursor = found + 1
        return self.events[found]

    def find(self, name, conditions, start, timeout):
        end = time.monotonic() + timeout * self.slowness
        place = start
        while True:
            running = self.process.poll() is None
            self.collect()
            for place in range(place, len(self.events)):
                if matches(self.events[place], name, conditions):
                    return place
            place = max(start, len(self.events))
            if not running:
                raise self.error(f"the run ended before {name} {conditions}")
            if time.monotonic() > end:
                raise self.error(f"no {name} {conditions} in {timeout} s")
            time.sleep(POLL_SECONDS)

    def qemu(self, text):
        """Gives a command to QEMU's own monitor."""
        os.write(self.commands, b"qemu " + text.encode() + b"\n")

    def command(self, text, status=0, timeout=120):
        """Gives a monitor command; the event that answers it.

        Its "output" is the lines that the command printed.
        expect() then goes on with what came since the command was given,
        its effects among it. status None takes any status.
        """
        self.collect()
        self.cursor = len(self.events)
        os.write(self.commands, text.encode() + b"\n")
        place = self.find("monitor", {}, self.cursor, timeout)
        answer = dict(self.events[place])
        answer["output"] = [event["line"]
                            for event in self.events[self.cursor:place]
                            if event["event"] == "monitor-output"]
        if status is not None and answer.get("status") != status:
            raise self.error(f"'{text}' was answered by {answer}")
        return answer

    def send(self, vm, text):
        """Types a line on a guest's console."""
        return self.command(f"send {vm} {text}")

    def key(self, data):
        """Types bytes on COM1."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def com1(self):
        """All that came on COM1 so far."""
        with open(self.path("com1"), errors="replace") as file:
            return file.read()

    def expect_com1(self, pattern, timeout=120):
        """Waits until COM1 shows the pattern; the match."""
        end = time.monotonic() + timeout
        while True:
            running = self.process.poll() is None
            match = re.search(pattern, self.com1())
            if match:
                return match
            if not running or time.monotonic() > end:
                raise self.error(f"COM1 did not show {pattern!r}")
            time.sleep(POLL_SECONDS)

    def console(self, vm):
        """All lines of a guest's console so far."""
        self.collect()
        return [event["line"] for event in self.events
                if event["event"] == "console" and event["vm"] == vm]

    def all(self, name, **conditions):
        """All events so far of this name and these values."""
        self.collect()
        return [event for event in self.events
                if matches(event, name, conditions)]

    def wait(self, timeout=300):
        """Waits for the end of the run; the exit status of tools/run."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self.error(f"the run did not end in {timeout} s") from None
        self.collect()
        return self.process.returncode

    def report(self):
        """What to look at after a failure."""
        self.collect()
        parts = [("last events", [json.dumps(event)
                                  for event in self.events[-30:]])]
        for title, name in (("COM1", "com1"), ("tools/run", "stderr")):
            parts.append((title, tail(self.path(name), 20)))
        parts.append(("Bochs", excerpt(self.path("emulator/bochs.log"))))
        return "\n".join(f"--- {title}\n" + "\n".join(lines)
                         for title, lines in parts)

    def error(self, text):
        return MachineError(f"{text}\n{self.report()}")
