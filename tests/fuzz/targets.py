# SPDX-License-Identifier: BSD-2-Clause
"""The fuzz targets: where their files are and how one is run."""

import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
HERE = f"{ROOT}/tests/fuzz"
BUILD = f"{ROOT}/build/fuzz"
FINDS = f"{BUILD}/finds"
# Leaks are looked for by the sanitizer; abort() gives a stack.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=1:handle_abort=1",
               "UBSAN_OPTIONS": "print_stacktrace=1",
               "PATH": os.environ["PATH"]}


def names():
    """All targets: "decode" for fuzz_decode.c."""
    paths = glob.glob(f"{HERE}/fuzz_*.c")
    return sorted(os.path.basename(path)[5:-2] for path in paths)


def corpus(name):
    """The folder of inputs that are kept; there may be none yet."""
    path = f"{HERE}/corpus/{name}"
    os.makedirs(path, exist_ok=True)
    return path


def options(name):
    """libFuzzer's options for it, from the comment at its head."""
    with open(f"{HERE}/fuzz_{name}.c", encoding="ascii") as source:
        head = "".join(source.readline() for _ in range(3))
    return re.search(r"/\* fuzz: (.*) \*/", head).group(1).split()


def command(name, *more):
    """The target with its options, then more. What it finds is kept."""
    os.makedirs(FINDS, exist_ok=True)
    return [f"{BUILD}/fuzz_{name}", *options(name),
            f"-artifact_prefix={FINDS}/{name}-", "-timeout=10",
            "-rss_limit_mb=2048", *more]


def crash(output):
    """The file that a failed run left, or None."""
    found = re.search(r"Test unit written to (\S+)", output)
    return found.group(1) if found else None
