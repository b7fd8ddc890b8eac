# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the whole-machine tests."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from machine import ROOT, Machine  # noqa: E402


class Machines:
    """Starts machines for one test and ends them after it."""

    def __init__(self, directory):
        self.directory = directory
        self.started = []

    def __call__(self, *modules, **options):
        directory = self.directory / f"machine{len(self.started)}"
        machine = Machine(modules, directory, **options)
        self.started.append(machine)
        return machine


@pytest.fixture
def machine(tmp_path):
    """machine('IMAGE word ... -- command line', ..., cpus=2): a Machine."""
    machines = Machines(tmp_path)
    yield machines
    for started in machines.started:
        started.close()


@pytest.fixture(scope="session")
def guest():
    """guest("crash"): the path of a small guest of tests/guests."""
    def find(name):
        for path in (f"{ROOT}/build/guests/{name}.elf",
                     f"{ROOT}/build/guests/{name}"):
            if os.path.isfile(path):
                return path
        raise FileNotFoundError(f"no guest {name} in build/guests; run make")
    return find


@pytest.fixture(scope="session")
def linux():
    """The paths of Debian's kernel and of the initial file system."""
    paths = (f"{ROOT}/build/guest/vmlinuz", f"{ROOT}/build/guest/initrd.img")
    for path in paths:
        if not os.path.isfile(path):
            pytest.fail(f"{path} is missing; run tools/fetch-kernel and "
                        "tools/mkinitramfs")
    return paths


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows what the machines did under the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    machines = getattr(item, "funcargs", {}).get("machine")
    if report.when != "call" or not report.failed or machines is None:
        return
    for i, started in enumerate(machines.started):
        if "MachineError" not in report.longreprtext:
            report.sections.append((f"machine {i}", started.report()))
