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

    def command(self, ports):
        options = self.options
        kvm = options.emu == "kvm"
        command = [
            "qemu-system-x86_64", "-accel", options.emu,
            "-cpu", options.cpu_model or ("host" if kvm else "max"),
            "-smp", str(options.cpus), "-m", str(options.mem),
            "-nodefaults", "-display", "none", "-no-reboot",
        ]
        if self.disc.endswith(".iso"):
            command += ["-cdrom", self.disc, "-boot", "d"]
        else:
            command += ["-drive", f"file={self.disc},format=raw,snapshot=on"]
        if options.firmware == "uefi":
            command += ["-bios", OVMF]
        for i in range(2):
            command += ["-chardev",
                        f"socket,id=com{i},host=127.0.0.1,"
                        f"port={ports.port(i)}",
                        "-serial", f"chardev:com{i}"]
        return command

    def start(self):
        ports = SerialPorts()
        self.process = start(self.command(ports), f"{self.directory}/output")
        return ports.accept(self.process)

    def log_tail(self):
        return tail(f"{self.directory}/output", 10)

    def stop(self):
        if self.process:
            stop(self.process)
