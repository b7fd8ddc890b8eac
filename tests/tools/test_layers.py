# SPDX-License-Identifier: BSD-2-Clause
"""The matrix of the rooms: who may call whom, each pair tried.

tools/layers gets one small object for each layer, of which one calls all
others. tests/machine/test_layers.py shows that the build runs it.
"""

import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))

# The rooms, as their README.md plates say; kernel/ in its three parts.
MAY_CALL = {
    "BOOT": {"MAIN"},
    "ARCH": {"LEAF"},
    "DRIVER": {"ARCH", "LEAF"},
    "LEAF": {"ARCH"},
    "KERNEL": {"LEAF", "ARCH", "DRIVER"},
    "VMM": {"KERNEL", "LEAF", "ARCH"},
    "FT": {"VMM", "KERNEL", "LEAF"},
    "MAIN": {"BOOT", "ARCH", "DRIVER", "LEAF", "KERNEL", "VMM", "FT"},
}


@pytest.fixture(scope="module")
def rules():
    """What the Makefile hands to tools/layers."""
    words = subprocess.run(
        ["make", "-s", "-C", ROOT, "--eval",
         "the-rules: ; @echo $(MAY_CALL)", "the-rules"],
        check=True, capture_output=True, text=True).stdout.split()
    return [word for word in words if ":" in word]


def compile_to(path, source):
    subprocess.run(["gcc", "-c", "-x", "c", "-o", path, "-"], input=source,
                   check=True, text=True)
    return str(path)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """An object of each layer, and one that calls all others."""
    folder = tmp_path_factory.mktemp("layers")
    own = {layer: compile_to(folder / f"{layer}.o",
                             f"void of_{layer}(void) {{ }}\n")
           for layer in MAY_CALL}
    calls = {layer: compile_to(folder / f"{layer}_calls.o", "".join(
        f"void of_{other}(void); void calls_{other}(void)"
        f" {{ of_{other}(); }}\n"
        for other in MAY_CALL if other != layer)) for layer in MAY_CALL}
    return own, calls


def check(rules, objects, caller=None):
    own, calls = objects
    words = []
    for layer, path in own.items():
        words += [f"{layer}=", path]
        if layer == caller:
            words.append(calls[caller])
    return subprocess.run([f"{ROOT}/tools/layers", *rules, "--", *words],
                          capture_output=True, text=True)


def test_the_makefile_has_these_rules_and_no_others(rules):
    assert {layer: set(others.split(","))
            for layer, _, others in (rule.partition(":")
                                     for rule in rules)} == MAY_CALL


def test_without_a_call_all_is_well(rules, objects):
    done = check(rules, objects)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("caller", MAY_CALL)
def test_each_call_is_allowed_or_fails_the_build(rules, objects, caller):
    done = check(rules, objects, caller)
    forbidden = sorted(set(MAY_CALL) - MAY_CALL[caller] - {caller})
    assert done.stderr.splitlines() == [
        f"layers: {caller} may not use of_{other} (defined in {other})"
        for other in forbidden]
    assert done.returncode == (1 if forbidden else 0)


def test_what_nobody_defines_fails_too(rules, objects, tmp_path):
    own, _ = objects
    lost = compile_to(tmp_path / "lost.o",
                      "void nowhere(void); void f(void) { nowhere(); }\n")
    done = check(rules, ({**own, "FT": lost}, {}))
    assert done.returncode == 1
    assert "FT may not use nowhere (defined in nothing)" in done.stderr
