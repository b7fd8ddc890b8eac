# SPDX-License-Identifier: BSD-2-Clause
"""What guests' heartbeats prove. Pure functions over lists of events.

Each raises Wrong, with what was seen and what should have been.
"""

import re

BEAT = re.compile(r"beat (\d+) ([0-9a-f]{16})")


class Wrong(Exception):
    """The guests' answers are not what they must be."""


def parse_beat(line):
    """(number, sum) of a heartbeat's line, or None."""
    match = BEAT.fullmatch(line)
    return (int(match[1]), match[2]) if match else None


def check_sum(vm, line, expected):
    """Checks one line against {number: sum}; its number."""
    beat = parse_beat(line)
    if beat is None:
        raise Wrong(f"{vm} said: {line!r}")
    number, digest = beat
    if expected.get(number) != digest:
        raise Wrong(f"{vm}: beat {number} is {digest}, not "
                    f"{expected.get(number)}")
    return number


def check_undisturbed(vm, lines, expected, last_words):
    """Checks all that a guest printed that nothing happened to.

    Its lines must be its greeting, the beats 1, 2, 3 ... with their sums,
    and last_words. Returns the number of beats.
    """
    try:
        start = lines.index(f"init: {vm} up") + 1
        end = lines.index(last_words, start)
    except ValueError:
        raise Wrong(f"{vm} lacks its first or its last words") from None
    for i, line in enumerate(lines[start:end], 1):
        if check_sum(vm, line, expected) != i:
            raise Wrong(f"{vm}: {line!r} came as number {i}")
    return end - start


def first_good(vm, lines, snapshot_beat, expected):
    """The first good beat that a restored guest printed, and its number.

    The snapshot may have been taken while a line was being printed: then
    the first line is the rest of it, and of what was cut off behind it. The
    beat after that is beyond doubt.
    """
    splice = 0
    for line in lines:
        beat = parse_beat(line)
        if beat is None or expected.get(beat[0]) != beat[1]:
            splice += 1
            if splice > 1:
                raise Wrong(f"{vm} said after its restore: {line!r}")
            continue
        if beat[0] not in (snapshot_beat, snapshot_beat + 1):
            raise Wrong(f"{vm} went on with beat {beat[0]}; its snapshot was "
                        f"taken at beat {snapshot_beat}")
        return line
    return None


def check_consecutive(vm, lines, expected):
    """Checks that each line is the beat after the one before it."""
    numbers = [check_sum(vm, line, expected) for line in lines]
    for before, number in zip(numbers, numbers[1:]):
        if number != before + 1:
            raise Wrong(f"{vm}: beat {number} followed beat {before}")


def longest_gap(beats, start, end):
    """The longest time between two of the beats' times, in ticks.

    Every gap counts that reaches into [start, end].
    """
    gaps = [after - before for before, after in zip(beats, beats[1:])
            if after > start and before < end]
    if not gaps:
        raise Wrong(f"no two beats around ticks {start} to {end}")
    return max(gaps)
