# SPDX-License-Identifier: BSD-2-Clause
"""An emulator's process, and its two serial lines as sockets."""

import ctypes
import select
import signal
import socket
import subprocess
import time

from . import Failure

CONNECT_SECONDS = 20
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class SerialPorts:
    """Listens on a local port for each serial line of an emulator.

    The emulator is the client, so that no port number can be taken by
    somebody else between the choice and the use.
    """

    def __init__(self, count=2):
        self.listeners = [socket.create_server(("127.0.0.1", 0))
                          for _ in range(count)]

    def port(self, index):
        return self.listeners[index].getsockname()[1]

    def accept(self, process):
        """Waits until the emulator has opened every line; the sockets."""
        end = time.monotonic() + CONNECT_SECONDS
        lines = []
        for listener in self.listeners:
            while not select.select([listener], [], [], 0.1)[0]:
                if process.poll() is not None:
                    raise Failure("the emulator ended while it started")
                if time.monotonic() > end:
                    raise Failure("the emulator opened no serial line")
            line = listener.accept()[0]
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lines.append(line)
        self.close()
        return lines

    def close(self):
        for listener in self.listeners:
            listener.close()


def die_with_parent():
    """Has the kernel kill this process when the one that started it dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, output):
    """Starts an emulator; the file takes what it prints."""
    with open(output, "w") as file:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file,
            stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=die_with_parent)


def stop(process):
    """Ends a process that we started, and waits for it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tail(path, count):
    """The last lines of a text file; none when there is no such file."""
    try:
        with open(path, errors="replace") as file:
            return file.read().splitlines()[-count:]
    except OSError:
        return []
