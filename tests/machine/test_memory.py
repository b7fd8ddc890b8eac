# SPDX-License-Identifier: BSD-2-Clause
"""How guests' memory is mapped."""

import re


def test_untracked_memory_has_large_leaves(machine, guest):
    """2 MiB each without snapshots (decision 9), 4 KiB with them; and code
    runs from the large ones, which takes splitting them."""
    m = machine(f"{guest('platform')} vm=alpha mem=64M snapshot=off",
                f"{guest('hello')} vm=beta mem=16M")
    assert m.expect("vm-created", vm="alpha")["large"] == 32
    assert m.expect("vm-created", vm="beta")["large"] == 0
    m.expect("console", vm="alpha", line=re.compile(r"^done \d+ 0$"))
    m.expect("vm-end", vm="alpha", how="poweroff")
