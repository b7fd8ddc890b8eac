# SPDX-License-Identifier: BSD-2-Clause
"""Carries bytes between the machine's serial lines and this process."""

import os
import selectors
import sys
import termios
import time
import tty

from . import Failure, events

GRACE_SECONDS = 0.3  # for what is still on its way after the last event
CHORD = 1  # Ctrl-A: the next key is a command
QUIT = ord("q")


class RawTerminal:
    """Puts a terminal into raw mode, and back at the end."""

    def __init__(self, fd):
        self.fd = fd
        self.saved = None

    def __enter__(self):
        if os.isatty(self.fd):
            self.saved = termios.tcgetattr(self.fd)
            tty.setraw(self.fd)
        return self

    def __exit__(self, *_):
        if self.saved:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)


class Bridge:
    """COM1 <-> stdin and stdout, COM2 -> events, commands -> COM2."""

    def __init__(self, machine, lines, outcome, record, timeout):
        self.machine = machine
        self.com1, self.com2 = lines
        self.outcome = outcome
        self.record = record  # called with each event
        self.end = time.monotonic() + timeout if timeout else None
        self.timeout = timeout
        self.reader = events.EventReader()
        self.selector = selectors.DefaultSelector()
        self.watch(self.com1, self.from_com1)
        self.watch(self.com2, self.from_com2)
        self.open_lines = 2
        self.qemu = getattr(machine, "monitor", None)
        if self.qemu:
            self.watch(self.qemu, self.from_qemu)
        self.chord = False

    def watch(self, file, handler):
        """Calls handler when there is something to read."""
        try:
            self.selector.register(file, selectors.EVENT_READ, handler)
        except PermissionError:
            pass  # a plain file as stdin: it has nothing to wait for

    def watch_stdin(self):
        self.watch(sys.stdin.fileno(), self.from_stdin)

    def send_command(self, text):
        self.com2.sendall(text.encode() + b"\n")

    def send_qemu(self, text):
        if not self.qemu:
            raise Failure("'qemu' needs an emulator that is QEMU")
        self.qemu.sendall(text.encode() + b"\n")

    def from_qemu(self):
        """What QEMU's monitor says is for the log."""
        data = self.qemu.recv(65536)
        if not data:
            self.selector.unregister(self.qemu)
        with open(f"{self.machine.directory}/qemu-monitor", "ab") as file:
            file.write(data)

    def from_com1(self):
        self.copy(self.read(self.com1))

    def copy(self, data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def from_com2(self):
        for event in self.reader.feed(self.read(self.com2)):
            self.record(event)
            self.outcome.see(event)

    def from_stdin(self):
        data = os.read(sys.stdin.fileno(), 4096)
        if not data:
            self.selector.unregister(sys.stdin.fileno())
        elif self.has_quit(data):
            self.outcome.finish(events.OK, "ended by Ctrl-A q")
        else:
            self.com1.sendall(data)

    def has_quit(self, data):
        """Whether somebody typed Ctrl-A q: the keys may come one by one."""
        for byte in data:
            chord, self.chord = self.chord, byte == CHORD and not self.chord
            if chord and byte == QUIT:
                return True
        return False

    def read(self, line):
        try:
            data = line.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.selector.unregister(line)
            self.open_lines -= 1
        return data

    def serve(self, seconds):
        for key, _ in self.selector.select(seconds):
            key.data()

    def run(self):
        """Returns when the run has an outcome."""
        while self.outcome.status is None:
            self.serve(0.2)
            if self.open_lines == 0 or self.machine.process.poll() is not None:
                self.drain()
                self.outcome.finish(
                    events.FAILURE, "the emulator ended with status "
                    f"{self.machine.process.wait()}")
            elif self.end and time.monotonic() > self.end:
                self.outcome.finish(events.TIMED_OUT,
                                    f"no end within {self.timeout:g} s")
        self.drain()

    def drain(self):
        """Takes what the emulator has sent already."""
        end = time.monotonic() + GRACE_SECONDS
        while self.open_lines and time.monotonic() < end:
            self.serve(0.05)
