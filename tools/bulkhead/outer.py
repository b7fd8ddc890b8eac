# SPDX-License-Identifier: BSD-2-Clause
"""The outer machine: Bochs, with a Debian Linux that has KVM with nesting.

Inside, build/nested/init runs what /arguments says, on KVM.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile

from . import Failure
from .emulator import start

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))

BUILD = f"{ROOT}/build/nested"
KERNEL = f"{BUILD}/kernel"
MODULES = ("irqbypass", "kvm", "kvm-intel")
IPS = 50000000
OWN_MEMORY = 128  # MiB for the outer Linux itself
DEFAULT_MODEL = "broadwell_ult"
NEXT_RUN = "+"  # the line between two runs in /arguments
GRUB_PC = "/usr/lib/grub/i386-pc"
GRUB_MODULES = "linux iso9660 biosdisk serial terminal configfile normal"

# Without tsc_early_khz Linux believes the model's CPUID, not the emulator's
# speed. The rest saves time: the self-tests of the ciphers alone take 15 s
# of the machine's time, the certificates and tracing tables another 5 s.
BOOT_WORDS = (
    "console=ttyS0,115200 quiet mitigations=off panic=1 "
    f"tsc_early_khz={IPS // 1000} cryptomgr.notests lsm= "
    "random.trust_cpu=on initcall_blacklist=load_system_certificate_list,"
    "trace_eval_init,init_kprobe_trace")

# ignore_bad_msrs: the outer Linux reads MSRs that Bochs lacks. What Bulkhead
# reads is KVM's affair, and KVM is strict.
BOCHSRC = """\
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=0, parallel=0, \
serial=1, iodebug=1
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file="/usr/share/bochs/BIOS-bochs-latest", options=fastboot
vgaromimage: file="/usr/share/bochs/VGABIOS-lgpl-latest"
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0, \
ignore_bad_msrs=1
memory: guest={memory}, host={memory}
ata0-master: type=cdrom, path="{directory}/outer.iso", status=inserted
boot: cdrom
{serial}
clock: sync=none, time0=1700000000
log: {directory}/bochs.log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""


def command(words, **options):
    result = subprocess.run(words, stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, **options)
    if result.returncode:
        raise Failure(f"{words[0]} failed:\n{result.stdout}")
    return result.stdout


def fetch_kernel():
    """Kernel and KVM modules of the very package the guests' kernel is of."""
    if os.path.exists(f"{KERNEL}/complete"):
        return
    release, version = re.search(
        r"(\S+) \((\S+)\)\s*$",
        command([f"{ROOT}/tools/fetch-kernel"], cwd=ROOT)).groups()
    os.makedirs(KERNEL, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o1777)  # apt-get downloads as user _apt
        command(["apt-get", "download", "-q",
                 f"linux-image-{release}={version}"], cwd=directory)
        package = [name for name in os.listdir(directory)
                   if name.endswith(".deb")][0]
        command(["dpkg-deb", "-x", package, "tree"], cwd=directory)
        tree = f"{directory}/tree"
        shutil.copyfile(f"{tree}/boot/vmlinuz-{release}",
                        f"{KERNEL}/vmlinuz")
        copy_modules(f"{tree}/lib/modules/{release}/kernel")
    with open(f"{KERNEL}/complete", "w") as file:
        file.write(f"{release} ({version})\n")


def copy_modules(tree):
    for folder, _, names in os.walk(tree):
        for name in names:
            if name.split(".")[0] not in MODULES:
                continue
            shutil.copyfile(f"{folder}/{name}", f"{KERNEL}/{name}")
            if name.endswith(".xz"):
                command(["xz", "-d", "-f", f"{KERNEL}/{name}"])


def cpio_entry(number, name, mode, data=b"", device=(0, 0)):
    """One entry of the initial file system ("newc" format)."""
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device,
              len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def folders_of(names):
    """All folders that the names need, each after the one it is in."""
    folders = set()
    for name in names:
        while "/" in name:
            name = name.rpartition("/")[0]
            folders.add(name)
    return sorted(folders)


def build_initrd(path, arguments, files):
    """files: {name inside: file of this machine}."""
    files = {"init": f"{BUILD}/init", **files}
    for module in MODULES:
        files[f"{module}.ko"] = f"{KERNEL}/{module}.ko"
    lines = "".join(word + "\n" for word in arguments)
    folders = ["dev", "proc", "sys", "tmp", *folders_of(files)]
    with open(path, "wb") as out:
        for number, name in enumerate(folders, 1000):
            out.write(cpio_entry(number, name, stat.S_IFDIR | 0o755))
        out.write(cpio_entry(2, "dev/console", stat.S_IFCHR | 0o600,
                             device=(5, 1)))
        out.write(cpio_entry(3, "arguments", stat.S_IFREG | 0o644,
                             lines.encode()))
        for number, (name, source) in enumerate(files.items(), 4):
            with open(source, "rb") as file:
                out.write(cpio_entry(number, name, stat.S_IFREG | 0o755,
                                     file.read()))
        out.write(cpio_entry(0, "TRAILER!!!", 0))


def build_disc(directory, arguments, files):
    boot = f"{directory}/outer-disc/boot"
    os.makedirs(f"{boot}/grub", exist_ok=True)
    shutil.copyfile(f"{KERNEL}/vmlinuz", f"{boot}/vmlinuz")
    build_initrd(f"{boot}/initrd", arguments, files)
    with open(f"{boot}/grub/grub.cfg", "w") as file:
        file.write("serial --unit=0 --speed=115200\n"
                   "terminal_output serial\n"
                   f"linux /boot/vmlinuz {BOOT_WORDS}\n"
                   "initrd /boot/initrd\nboot\n")
    command(["grub-mkrescue", "-d", GRUB_PC, "-o", f"{directory}/outer.iso",
             "--fonts=", "--locales=", "--themes=", "--compress=no",
             f"--install-modules={GRUB_MODULES}", f"{directory}/outer-disc"])
    shutil.rmtree(f"{directory}/outer-disc")


def serial_line(number, line):
    """line is a port that we listen on, or a file that takes the output."""
    mode = (f"mode=socket-client, dev=127.0.0.1:{line}"
            if isinstance(line, int) else f"mode=file, dev={line}")
    return f"com{number}: enabled=1, {mode}"


def start_bochs(directory, lines, memory, model=None, cpus=1):
    """Starts the machine; lines are those of serial_line(), COM1 first.

    memory is what the inner machines need at most, in MiB.
    """
    serial = "\n".join(serial_line(number, line)
                       for number, line in enumerate(lines, 1))
    with open(f"{directory}/bochsrc", "w") as file:
        file.write(BOCHSRC.format(
            model=model or DEFAULT_MODEL, cpus=cpus, ips=IPS,
            memory=memory + OWN_MEMORY + 2 * disc_mib(directory),
            directory=directory, serial=serial))
    with open(f"{directory}/debugger", "w") as file:
        file.write("c\nquit\n")
    return start(["bochs", "-q", "-f", f"{directory}/bochsrc",
                  "-rc", f"{directory}/debugger"], f"{directory}/output")


def disc_mib(directory):
    """What the disc holds is in memory twice while Linux unpacks it."""
    return (os.path.getsize(f"{directory}/outer.iso") >> 20) + 1
