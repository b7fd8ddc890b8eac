# SPDX-License-Identifier: BSD-2-Clause
"""Each target, over the inputs that are kept and for some runs more."""

import os
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import targets  # noqa: E402

SECONDS = 200  # for one that takes 2 s where nothing else runs


@pytest.mark.parametrize("name", targets.names())
def test_target(name):
    assert os.listdir(targets.corpus(name)), "a corpus belongs to each target"
    with tempfile.TemporaryDirectory() as scratch:
        # New inputs go into the first folder; the second is only read.
        done = subprocess.run(
            targets.command(name, "-seed=1", scratch, targets.corpus(name)),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=SECONDS, cwd=targets.ROOT,
            env=targets.ENVIRONMENT, check=False)
    if done.returncode:
        found = targets.crash(done.stdout)
        pytest.fail(f"{done.stdout[-4000:]}\n"
                    f"again with: build/fuzz/fuzz_{name} {found}")
