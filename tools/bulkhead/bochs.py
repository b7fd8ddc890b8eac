# SPDX-License-Identifier: BSD-2-Clause
"""Bochs: an emulated processor with VT-x, exact and repeatable."""

import re
import shutil
import socket
import subprocess

from . import Failure
from .emulator import SerialPorts, start, stop, tail

DEFAULT_MODEL = "corei7_skylake_x"  # the one with page-modification logging
HOST_MEMORY_MAX = 2048  # MiB that Bochs can keep in its own memory
START_ATTEMPTS = 3  # it crashes before its first instruction, very rarely

# Errors and panics of any part, and where the processor was.
BAD = re.compile(r"^\d+[ep]\[|EIP=|RIP=|CR[0-4]=")
NOISE = "Clear Virtual Interrupt Vector"

# time0 is a fixed number and sync=none: the same input gives the same run.
CONFIG = """\
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=0, parallel=0, \
serial=1, iodebug=1
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file={firmware}
vgaromimage: file="/usr/share/bochs/VGABIOS-lgpl-latest"
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0, \
ignore_bad_msrs=0{msrs}
memory: guest={memory}, host={host_memory}
ata0-master: {medium}
boot: {boot}
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{com1}
{com2}
clock: sync=none, time0=1700000000
log: {directory}/bochs.log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""


def find_model(name):
    """The full name of a CPU model of which name is a part."""
    listing = subprocess.run(["bochs", "--help", "cpu"],
                             stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True).stdout
    models = [line for line in listing.split() if "_" in line or line in (
        "zambezi", "ryzen", "tigerlake")]
    found = [model for model in models if name in model]
    if name in found:
        return name
    if len(found) != 1:
        raise Failure(f"Bochs has no single CPU model like '{name}'; see "
                      "bochs --help cpu")
    return found[0]


def excerpt(path):
    """What a log says of errors and panics, else its end."""
    log = [line for line in tail(path, 20000) if NOISE not in line]
    return [line for line in log if BAD.search(line)][-20:] or log[-10:]


# Debian's OVMF of 2 MiB. It reads these two MSRs of Intel's, which Bochs
# lacks (0x17: platform, 0x8b: microcode): here they are plain storage.
FIRMWARE = {
    "bios": '"/usr/share/bochs/BIOS-bochs-latest", options=fastboot',
    "uefi": '"/usr/share/ovmf/OVMF.fd"',
}
UEFI_MSRS = """\
0x017 0 00000000 00000000 00000000 00000000 ffffffff ffffffff
0x08b 0 00000000 00000000 00000000 00000000 ffffffff ffffffff
"""


class Bochs:
    """One machine. start() gives the two serial lines."""

    def __init__(self, options, disc, directory):
        if not shutil.which("bochs"):
            raise Failure("bochs is missing (run tools/setup bochs)")
        self.model = find_model(options.cpu_model or DEFAULT_MODEL)
        self.options = options
        self.disc = disc
        self.directory = directory
        self.process = None

    def medium(self):
        """What it boots from: a disc, or a disk that stays as it is."""
        if self.disc.endswith(".iso"):
            return f'type=cdrom, path="{self.disc}", status=inserted', "cdrom"
        return (f'type=disk, path="{self.disc}", mode=volatile, '
                f'journal="{self.directory}/journal"'), "disk"

    def write_msrs(self):
        """A file of MSRs that the model lacks; "" if none are wanted."""
        path = f"{self.directory}/msrs"
        text = UEFI_MSRS if self.options.firmware == "uefi" else ""
        if self.options.msrs:
            with open(self.options.msrs) as file:
                text += file.read()
        with open(path, "w") as file:
            file.write(text)
        return f', msrs="{path}"' if text else ""

    def second_line(self, ports):
        if self.options.serial < 2:
            return "com2: enabled=0"
        return ("com2: enabled=1, mode=socket-client, "
                f"dev=127.0.0.1:{ports.port(1)}")

    def write_config(self, ports):
        options = self.options
        medium, boot = self.medium()
        config = CONFIG.format(
            model=self.model, cpus=options.cpus, ips=options.ips,
            memory=options.mem,
            msrs=self.write_msrs(), firmware=FIRMWARE[options.firmware],
            medium=medium, boot=boot,
            host_memory=min(options.mem, HOST_MEMORY_MAX),
            directory=self.directory,
            com1=ports.port(0), com2=self.second_line(ports))
        with open(f"{self.directory}/bochsrc", "w") as file:
            file.write(config)
        # Debian's build has the debugger in it: it waits to be told to go.
        with open(f"{self.directory}/debugger", "w") as file:
            file.write(self.options.debugger or "c\nquit\n")

    def start(self):
        for attempt in range(START_ATTEMPTS):
            try:
                return self.start_once()
            except Failure:
                crashed = self.process.poll() is not None and (
                    self.process.returncode < 0)
                if not crashed or attempt == START_ATTEMPTS - 1:
                    raise

    def start_once(self):
        ports = SerialPorts(self.options.serial)
        self.write_config(ports)
        self.process = start(
            ["bochs", "-q", "-f", f"{self.directory}/bochsrc",
             "-rc", f"{self.directory}/debugger"],
            f"{self.directory}/output")
        lines = ports.accept(self.process)
        if len(lines) < 2:  # nobody ever says anything on the second
            self.silence, line = socket.socketpair()
            lines.append(line)
        return lines

    def log_tail(self):
        return (excerpt(f"{self.directory}/bochs.log")
                or tail(f"{self.directory}/output", 10))

    def stop(self):
        if self.process:
            stop(self.process)
