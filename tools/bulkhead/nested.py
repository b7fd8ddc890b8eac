# SPDX-License-Identifier: BSD-2-Clause
"""QEMU with KVM inside Bochs: `kvm` for a machine that has no VT-x.

Bochs runs Debian's kernel with kvm-intel, that runs the QEMU of this machine
with the command line that `kvm` has here. Its serial lines and its monitor
leave through the serial lines of Bochs.
"""

import copy
import os
import re
import shutil
import subprocess

from . import Failure, outer
from .emulator import SerialPorts, stop, tail
from .qemu import arguments

QEMU = "qemu-system-x86_64"
DATA = "/usr/share/qemu"
FIRMWARE = ["/usr/share/seabios/bios-256k.bin", f"{DATA}/kvmvapic.bin"]
DISC = "disc.iso"  # in the initial file system


def libraries(program):
    """{path as the loader opens it: file} of all that a program links."""
    listing = subprocess.run(["ldd", program], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    paths = re.findall(r"(?:=> |^\t)(/\S+) \(0x", listing, re.M)
    return {path.lstrip("/"): os.path.realpath(path) for path in paths}


def qemu_files():
    """All that QEMU needs to run in the outer Linux."""
    program = shutil.which(QEMU)
    missing = [path for path in FIRMWARE if not os.path.exists(path)]
    if not program or missing:
        raise Failure("QEMU is missing (run tools/setup qemu)")
    files = {f"usr/bin/{QEMU}": os.path.realpath(program)}
    files.update(libraries(program))
    for path in FIRMWARE:
        files[f"{DATA[1:]}/{os.path.basename(path)}"] = path
    return files


class Nested:
    """One machine. start() gives the two serial lines."""

    def __init__(self, options, disc, directory):
        if not shutil.which("bochs"):
            raise Failure("bochs is missing (run tools/setup bochs)")
        if not os.path.exists(f"{outer.BUILD}/init"):
            raise Failure("build/nested/init is missing (run make nested)")
        if options.firmware == "uefi" or not disc.endswith(".iso"):
            raise Failure("--emu nested boots a disc by BIOS, nothing else")
        self.files = qemu_files()
        self.options = options
        self.disc = disc
        self.directory = directory
        self.process = None
        self.monitor = None  # QEMU's own, once it was started

    def command(self):
        """QEMU's command line, for within. The CPU model is the outer's."""
        options = copy.copy(self.options)
        options.cpu_model = None
        lines = [f"serial,path=/dev/ttyS{number}" for number in (1, 2, 3)]
        program, *rest = arguments(options, "kvm", f"/{DISC}", lines)
        return [f"/usr/bin/{program}", *rest]

    def start(self):
        outer.fetch_kernel()
        outer.build_disc(self.directory, self.command(),
                         {**self.files, DISC: self.disc})
        ports = SerialPorts(3)
        lines = [f"{self.directory}/outer-console",
                 *(ports.port(number) for number in range(3))]
        self.process = outer.start_bochs(
            self.directory, lines, self.options.mem, self.options.cpu_model)
        *serial, self.monitor = ports.accept(self.process)
        return serial

    def log_tail(self):
        return (tail(f"{self.directory}/outer-console", 10)
                + tail(f"{self.directory}/bochs.log", 5))

    def stop(self):
        if self.process:
            stop(self.process)
