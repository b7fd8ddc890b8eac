# SPDX-License-Identifier: BSD-2-Clause
"""Truncated and hostile images: each is refused by what is wrong with it."""

import struct

HALTED = 3


def patched(image, *changes):
    """The image with (offset, struct format, value) changed."""
    image = bytearray(image)
    for offset, form, value in changes:
        struct.pack_into(form, image, offset, value)
    return bytes(image)


def small_kernel(kernel):
    """Debian's headers with 64 KiB of the kernel: it loads in no time."""
    size = 65536
    setup = (kernel[0x1f1] + 1) * 512
    return patched(kernel[:setup + size], (0x1f4, "<I", size // 16))


def bad_kernels(kernel):
    """name: (image, what the error says); offsets of Linux's boot.rst."""
    return {
        "sector": (kernel[:512], "neither a bzImage nor a Multiboot"),
        "header": (kernel[:0x208], "setup header: the image ends"),
        "setup": (kernel[:4096], "setup_sects: the image ends"),
        "half": (kernel[:len(kernel) // 2], "syssize: the image ends"),
        "flag": (patched(kernel, (0x1fe, "<H", 0x1234)), "boot_flag"),
        "old": (patched(kernel, (0x206, "<H", 0x20b)), "version"),
        "real": (patched(kernel, (0x211, "B", 0)), "loadflags"),
        "narrow": (patched(kernel, (0x236, "<H", 0)), "xloadflags"),
        "align": (patched(kernel, (0x230, "<I", 3)), "kernel_alignment"),
        "low": (patched(kernel, (0x258, "<Q", 0)), "pref_address"),
        "far": (patched(kernel, (0x258, "<Q", 1 << 62)), "RAM ends before"),
        "huge": (patched(kernel, (0x260, "<I", 0xffffffff)),
                 "RAM ends before"),
        "sects": (patched(kernel, (0x1f1, "B", 0xff)), "setup_sects"),
        "size": (patched(kernel, (0x1f4, "<I", 1 << 28)),
                 "syssize: the image ends"),
        "jump": (patched(kernel, (0x201, "B", 0xff)), "jump"),
    }


def bad_elfs(elf):
    """Offsets of the ELF32 header, and of its first program header."""
    first = struct.unpack_from("<I", elf, 28)[0]
    return {
        "ident": (patched(elf, (4, "B", 2)), "e_ident"),
        "machine": (patched(elf, (18, "<H", 62)), "e_machine"),
        "type": (patched(elf, (16, "<H", 3)), "e_type"),
        "phentsize": (patched(elf, (42, "<H", 4)), "e_phentsize"),
        "phnum": (patched(elf, (44, "<H", 0xffff)), "e_phnum"),
        "phoff": (patched(elf, (28, "<I", 0xffffffe0)), "e_phoff"),
        "filesz": (patched(elf, (first + 16, "<I", 0xffffffff)), "p_filesz"),
        "memsz": (patched(elf, (first + 20, "<I", 1)), "p_memsz"),
        "offset": (patched(elf, (first + 4, "<I", 0xfffffff0)), "p_filesz"),
        "paddr": (patched(elf, (first + 12, "<I", 0xfffff000)), "p_paddr"),
        "bios": (patched(elf, (first + 12, "<I", 0xf0000)), "p_paddr"),
        "entry": (patched(elf, (24, "<I", 0x99999999)), "e_entry"),
        "short": (elf[:40], "neither a bzImage nor a Multiboot"),
        "magic": (elf.replace(struct.pack("<I", 0x1badb002), b"none"),
                  "neither a bzImage nor a Multiboot"),
        "flags": (with_multiboot_flags(elf, 1 << 5), "flags"),
        "video": (with_multiboot_flags(elf, 1 << 2), "video mode"),
    }


def with_multiboot_flags(elf, flags):
    magic = 0x1badb002
    at = elf.index(struct.pack("<I", magic))
    return patched(elf, (at + 4, "<I", flags),
                   (at + 8, "<I", -(magic + flags) & 0xffffffff))


def refuse_all(machine, tmp_path, images, good, memory, mem):
    """Each image in a VM of its own, and a good guest behind them."""
    lines = []
    for name, (image, _) in images.items():
        path = tmp_path / name
        path.write_bytes(image)
        lines.append(f"{path} vm={name} mem={memory} snapshot=off")
    m = machine(*lines, f"{good} vm=good mem=4M", mem=mem)
    assert m.wait() == HALTED
    refused = {event["vm"]: event for event in m.all("vm-refused")}
    assert set(refused) == set(images)
    for line, (name, (_, why)) in enumerate(images.items(), 1):
        assert refused[name]["line"] == line
        assert why in refused[name]["why"], refused[name]
    assert m.console("good")[-1] == "done 1 0"


def part(images, of, n):
    """As many as VMs fit beside a good one."""
    return dict(list(images.items())[n::of])


def test_bad_kernels(machine, guest, linux, tmp_path):
    with open(linux[0], "rb") as file:
        images = bad_kernels(small_kernel(file.read()))
    for n in range(3):
        refuse_all(machine, tmp_path, part(images, 3, n), guest("hello"),
                   "64M", 1024)


def test_bad_elfs(machine, guest, tmp_path):
    with open(guest("hello"), "rb") as file:
        images = bad_elfs(file.read())
    for n in range(3):
        refuse_all(machine, tmp_path, part(images, 3, n), guest("hello"),
                   "4M", 256)


def test_a_vm_without_room_for_its_files(machine, guest, linux):
    """Sizes that do not fit into the VM's own memory."""
    m = machine(f"{linux[0]} vm=kernel mem=16M",
                f"{linux[0]} vm=initrd mem=80M",
                f"{linux[0]} vm=initrd initrd",
                f"{guest('hello')} vm=module mem=4M",
                f"{linux[0]} vm=module module",
                f"{guest('hello')} vm=good mem=4M")
    assert m.wait() == HALTED
    why = {event["vm"]: event["why"] for event in m.all("vm-refused")}
    assert set(why) == {"kernel", "initrd", "module"}
    assert "RAM ends before" in why["kernel"]
    assert why["initrd"].startswith("initrd: ")
    assert why["module"].startswith("module 0: no room")
    assert m.console("good")[-1] == "done 1 0"
