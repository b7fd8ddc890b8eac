# SPDX-License-Identifier: BSD-2-Clause
"""Parts of tools/run: disc images, emulators, serial lines and events."""


class Failure(Exception):
    """Wrong usage, or an emulator that does not work: exit status 1."""
