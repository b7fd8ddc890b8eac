# SPDX-License-Identifier: BSD-2-Clause
"""The build itself keeps the rooms apart."""

import os
import shutil
import subprocess

import pytest

from machine import ROOT

FOLDERS = ["arch", "boot", "drivers", "ft", "kernel", "tools", "vmm"]


def build(tree):
    return subprocess.run(["make", "-C", tree, "build/layers.ok"],
                          capture_output=True, text=True, timeout=400)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources, built as far as they were."""
    copy = tmp_path_factory.mktemp("tree")
    for folder in FOLDERS:
        shutil.copytree(f"{ROOT}/{folder}", copy / folder)
    for folder in ("obj", "gen"):
        shutil.copytree(f"{ROOT}/build/{folder}", copy / "build" / folder)
    for folder in ("efi", "fuzz", "guests", "nested"):
        shutil.copytree(f"{ROOT}/tests/{folder}", copy / "tests" / folder)
    shutil.copy2(f"{ROOT}/Makefile", copy)
    done = build(copy)
    assert done.returncode == 0, done.stderr
    return copy


# file, what it calls, and how the rule is told
FORBIDDEN = [
    ("vmm/vmm.c", "ft_init", "VMM may not use ft_init (defined in FT)"),
    ("ft/policy.c", "apic_id", "FT may not use apic_id (defined in ARCH)"),
    ("kernel/log.c", "vm_find", "LEAF may not use vm_find (defined in VMM)"),
    ("drivers/uart.c", "monitor_start",
     "DRIVER may not use monitor_start (defined in KERNEL)"),
    ("arch/x86_64/apic.c", "console_flush",
     "ARCH may not use console_flush (defined in KERNEL)"),
]


@pytest.mark.parametrize("path, function, told", FORBIDDEN)
def test_a_forbidden_call_fails_the_build(tree, path, function, told):
    file = tree / path
    before = file.read_text()
    try:
        file.write_text(before + f"""
void forbidden(void);
void layers_test_{function}(void);
extern void layers_target(void) __asm__("{function}");
void layers_test_{function}(void)
{{
    layers_target();
}}
""".replace("void forbidden(void);\n", ""))
        done = build(tree)
    finally:
        file.write_text(before)
    assert done.returncode != 0
    assert told in done.stderr
    assert build(tree).returncode == 0


def test_the_image_depends_on_the_check(tree):
    """What fails the check is not linked."""
    done = subprocess.run(["make", "-n", "-W", "tools/layers", "-C", tree],
                          capture_output=True, text=True, timeout=200)
    lines = done.stdout.splitlines()
    check = next(i for i, line in enumerate(lines)
                 if line.startswith("tools/layers"))
    assert any(line.startswith("ld ") for line in lines[check:])
    assert not os.path.exists(f"{tree}/build/bulkhead.elf")
