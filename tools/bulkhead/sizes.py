# SPDX-License-Identifier: BSD-2-Clause
"""How large Bulkhead is, and what a VM takes beyond its memory."""

import os
import subprocess
import tempfile

from .session import Machine

FRAME = 4096


def image(elf):
    """Bytes of the image: its file, and its parts in memory."""
    text = subprocess.run(["size", elf], check=True, text=True,
                          capture_output=True).stdout
    names, values = (line.split() for line in text.splitlines())
    parts = dict(zip(names, values))
    return {"file": os.path.getsize(elf), "text": int(parts["text"]),
            "data": int(parts["data"]), "bss": int(parts["bss"])}


def start(guest, memory, words):
    """One VM of so many MiB: what its creation and the start told."""
    line = f"{guest} vm=alpha mem={memory}M {words}"
    with tempfile.TemporaryDirectory(prefix="bulkhead-") as directory:
        with Machine([line], directory, mem=1024) as machine:
            ready = machine.expect("ready")
            created, = machine.all("vm-created")
    return created, ready


def vms(guest):
    """Rows of what VMs take beyond their RAM, and of the start.

    A copy of all RAM, the mirror, is told by itself: it grows with RAM.
    """
    memory_rows, start_rows = [], []
    for memory, words in ((16, "snapshot=off"), (16, ""), (128, "snapshot=off"),
                          (128, "")):
        created, ready = start(guest, memory, words)
        extra = created["frames"] * FRAME - (memory << 20)
        mirror = 0 if words else memory << 20
        memory_rows.append({"name": f"mem={memory}M {words}".strip(),
                            "bytes": extra - mirror, "mirror": mirror,
                            "unit": "bytes"})
        start_rows.append({"name": f"mem={memory}M {words}".strip(),
                           "ticks": ready["startup"], "unit": "ticks"})
    return memory_rows, start_rows
