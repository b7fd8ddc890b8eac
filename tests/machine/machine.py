# SPDX-License-Identifier: BSD-2-Clause
"""A whole machine under test: see tools/bulkhead/session.py."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
sys.path.insert(0, f"{ROOT}/tools")

from bulkhead.session import Machine, MachineError  # noqa: E402

__all__ = ["ROOT", "Machine", "MachineError"]
