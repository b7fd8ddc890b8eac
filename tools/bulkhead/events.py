# SPDX-License-Identifier: BSD-2-Clause
"""Events from COM2: one JSON object a line; and what they say of a run."""

import json

OK = 0
FAILURE = 1
GUEST_HALTED = 3
REFUSED = 4
PANICKED = 5
TIMED_OUT = 124

LINE_MAX = 65536


class EventReader:
    """Cuts the bytes of COM2 into events."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        """The events completed by data.

        A line that is no JSON object becomes the event "unreadable", so
        that nobody waits for what was garbled.
        """
        *lines, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > LINE_MAX:
            lines.append(self.rest)
            self.rest = b""
        return [parse(line) for line in lines if line.strip()]


def parse(line):
    text = line.decode("utf-8", "replace").strip("\r\0 ")
    try:
        event = json.loads(text)
    except ValueError:
        event = None
    if not isinstance(event, dict) or "event" not in event:
        return {"event": "unreadable", "line": text}
    return event


def matches(event, name, conditions):
    """Whether an event has this name and these values."""
    return event.get("event") == name and all(
        str(event.get(key)) == str(value)
        for key, value in conditions.items())


class Outcome:
    """What became of the run; status is None while it goes on."""

    def __init__(self, reboots=False):
        self.reboots = reboots  # a panic is not the end
        self.status = None
        self.summary = ""
        self.ends = {}
        self.last = {}
        self.lost = 0  # events that found no room on COM2

    def finish(self, status, summary):
        if self.status is None:
            self.status = status
            self.summary = summary

    def see(self, event):
        self.last = event
        self.lost += event.get("lost", 0)
        name = event["event"]
        if name == "vm-end":
            self.ends[event.get("vm", "?")] = event.get("how", "?")
        elif name == "vm-refused":
            vm = event.get("vm") or f"module line {event.get('line')}"
            self.ends[vm] = "refused: " + str(event.get("why"))
        elif name == "end":
            self.finish(*self.verdict(event))
        elif name == "refuse":
            where = ", ".join(f"{key} {value}" for key, value in event.items()
                              if key not in ("t", "event", "missing"))
            self.finish(REFUSED, "Bulkhead cannot run on this machine: "
                        f"missing {event.get('missing')} ({where})")
        elif name == "panic" and not self.reboots:
            self.finish(PANICKED, f"Bulkhead panicked: {event}")

    def verdict(self, event):
        if not self.ends:
            return GUEST_HALTED, f"no guest ran: {event.get('why')}"
        text = ", ".join(f"{vm}: {how}" for vm, how in self.ends.items())
        if all(how == "poweroff" for how in self.ends.values()):
            return OK, "every guest powered off (" + text + ")"
        return GUEST_HALTED, "not every guest powered off (" + text + ")"
