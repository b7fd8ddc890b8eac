# SPDX-License-Identifier: BSD-2-Clause
"""QEMU: by KVM where the processor is lent to us, or emulated (no VT-x)."""

import fcntl
import os
import shutil

from . import Failure
from .emulator import SerialPorts, start, stop, tail

KVM_CREATE_VM = 0xAE01  # linux/kvm.h
OVMF = "/usr/share/ovmf/OVMF.fd"
CPUINFO = "/proc/cpuinfo"

# Of AHCI and not of IDE, since firmware reads an IDE one word by word.
CD_DRIVE = ["-device", "ahci,id=ahci", "-device",
            "ide-cd,bus=ahci.0,drive=cd,bootindex=0"]


def cpu_has_vmx():
    """Whether the processor that we run on offers VMX to us."""
    with open(CPUINFO) as file:
        for line in file:
            if line.startswith("flags"):
                return "vmx" in line.split(":")[1].split()
    return False


def nested_enabled():
    try:
        with open("/sys/module/kvm_intel/parameters/nested") as file:
            return file.read().strip() in ("Y", "1")
    except OSError:
        return False


def check_kvm():
    """Raises Failure with the reason when KVM cannot lend VMX to a guest."""
    try:
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise Failure(f"no KVM: /dev/kvm: {error.strerror}") from None
    try:
        os.close(fcntl.ioctl(kvm, KVM_CREATE_VM, 0))
    except OSError as error:
        raise Failure("no KVM: /dev/kvm makes no virtual machine: "
                      f"{error.strerror}") from None
    finally:
        os.close(kvm)
    if not cpu_has_vmx():
        raise Failure(f"no KVM with VMX: {CPUINFO} has no 'vmx'; this "
                      "machine's processor has no VT-x or does not lend it")
    if not nested_enabled():
        raise Failure("no KVM with VMX: nesting is off; load kvm_intel with "
                      "nested=1")


def arguments(options, accelerator, disc, lines):
    """QEMU's command line; lines are the back ends of chardevs: COM1, COM2,
    and QEMU's own monitor."""
    kvm = accelerator == "kvm"
    command = [
        "qemu-system-x86_64", "-accel", accelerator,
        "-cpu", options.cpu_model or ("host" if kvm else "max"),
        "-smp", str(options.cpus), "-m", str(options.mem),
        "-nodefaults", "-display", "none", "-no-reboot",
    ]
    if disc.endswith(".iso"):
        command += [*CD_DRIVE, "-drive",
                    f"id=cd,if=none,media=cdrom,file={disc}"]
    else:
        command += ["-drive", f"file={disc},format=raw,snapshot=on"]
    if options.firmware == "uefi":
        command += ["-bios", OVMF]
    for use, name, line in zip(("-serial", "-serial", "-monitor"),
                               ("com1", "com2", "monitor"), lines):
        kind, _, rest = line.partition(",")
        command += ["-chardev", f"{kind},id={name},{rest}",
                    use, f"chardev:{name}"]
    return command


class Qemu:
    """One machine. start() gives the two serial lines."""

    def __init__(self, options, disc, directory):
        if not shutil.which("qemu-system-x86_64"):
            raise Failure("QEMU is missing (run tools/setup qemu)")
        if options.emu == "kvm":
            check_kvm()
        self.options = options
        self.disc = disc
        self.directory = directory
        self.process = None
        self.monitor = None  # QEMU's own, once it was started

    def start(self):
        ports = SerialPorts(3)
        lines = [f"socket,host=127.0.0.1,port={ports.port(i)}"
                 for i in range(3)]
        self.process = start(
            arguments(self.options, self.options.emu, self.disc, lines),
            f"{self.directory}/output")
        *serial, self.monitor = ports.accept(self.process)
        return serial

    def log_tail(self):
        return tail(f"{self.directory}/output", 10)

    def stop(self):
        if self.process:
            stop(self.process)
