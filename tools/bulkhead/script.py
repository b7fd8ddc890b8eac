# SPDX-License-Identifier: BSD-2-Clause
"""Monitor commands given beforehand, played against the events.

Commands are separated by ';'. Beside the monitor's own there are:
    wait EVENT [key=value ...]   go on after such an event
    sleep MS                     go on so many ms of the machine's time later
    qemu COMMAND                 a command for QEMU's own monitor
Each command waits for the answer to the one before it.
"""

import collections

from . import Failure
from .events import matches


def parse_wait(words):
    if not words:
        raise Failure("'wait' needs the name of an event")
    pairs = [word.partition("=") for word in words[1:]]
    if not all(equals for _, equals, _ in pairs):
        raise Failure("'wait EVENT key=value ...': bad condition in: "
                      + " ".join(words))
    return words[0], {key: value for key, _, value in pairs}


def parse_sleep(words):
    try:
        return float(words[0])
    except (IndexError, ValueError):
        raise Failure("'sleep' needs a number of ms") from None


def parse(text):
    """The commands of a script, as (name, argument)."""
    steps = []
    for command in filter(None, (part.strip() for part in text.split(";"))):
        name, *words = command.split()
        if name == "wait":
            steps.append(("wait", parse_wait(words)))
        elif name == "sleep":
            steps.append(("sleep", parse_sleep(words)))
        elif name == "qemu":
            steps.append(("qemu", " ".join(words)))
        else:
            steps.append(("command", command))
    return steps


class Script:
    """Sends commands through send(text) as the events allow, and QEMU's own
    through send_qemu(text)."""

    def __init__(self, text, ticks_per_ms, send, send_qemu=None):
        self.steps = collections.deque(parse(text))
        self.ticks_per_ms = ticks_per_ms
        self.send = send
        self.send_qemu = send_qemu
        self.ready = False
        self.now = 0
        self.answered = True
        self.wake = None  # the time at which a sleep ends
        # What 'wait' looks at: all since the last command went out, as its
        # effects may be reported before its answer.
        self.recent = collections.deque()

    def add(self, text):
        """Appends commands while the machine runs."""
        self.steps.extend(parse(text))
        self.advance()

    def see(self, event):
        self.now = event.get("t", self.now)
        if event["event"] == "ready":
            self.ready = True
        if event["event"] == "boot":  # a reset answers nothing
            self.ready = False
        if event["event"] in ("boot", "monitor"):
            self.answered = True
        if self.steps and self.ready:
            self.recent.append(event)
            self.advance()

    def advance(self):
        while (self.steps and self.ready and self.answered
               and self.perform(*self.steps[0])):
            self.steps.popleft()

    def perform(self, name, argument):
        """Does one step; false when it has to wait."""
        if name == "wait":
            return self.has_seen(*argument)
        if name == "sleep":
            return self.has_slept(argument)
        if name == "qemu":
            self.send_qemu(argument)
            return True
        self.recent.clear()
        self.answered = False
        self.send(argument)
        return True

    def has_seen(self, name, conditions):
        while self.recent:
            if matches(self.recent.popleft(), name, conditions):
                return True
        return False

    def has_slept(self, ms):
        if self.wake is None:
            self.wake = self.now + ms * self.ticks_per_ms
        if self.now < self.wake:
            return False
        self.wake = None
        return True
