#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the guest `beat` must print: the same arithmetic as beat/arithmetic.c.

    model = BeatModel(size=1024, change=64, seed=1)
    model.sum(17)              # the sum behind `beat 17`, as 8 hex digits
    check_output(text, model)  # every beat line of a console, or ValueError

As a program: beat_model.py [--size KIB] [--change N] [--seed S] FILE checks
a console's output ('-' is standard input) and counts its beats.
"""
import argparse
import re
import sys

MASK = 0xFFFFFFFF
MULTIPLIER = 1664525
FOLD = 0x01000193
BEAT = re.compile(r"\bbeat (\d+) ([0-9a-f]{8})\b")


class BeatModel:
    """Sums by beat number; computed once each, asked in any order."""

    def __init__(self, size=1024, change=64, seed=1):
        self.words = size * 256
        self.change = change
        self.prng = seed or 1
        self.buffer = [self._next() for _ in range(self.words)]
        self.total = sum(value * (2 * i + 1)
                         for i, value in enumerate(self.buffer)) & MASK
        self.history = [0]

    def _next(self):
        x = self.prng
        x ^= x << 13 & MASK
        x ^= x >> 17
        x ^= x << 5 & MASK
        self.prng = x
        return x

    def _step(self):
        number = len(self.history)
        for _ in range(self.change):
            r = self._next()
            i = r >> 4 & (self.words - 1)
            old = self.buffer[i]
            new = ((old ^ number) * MULTIPLIER + r) & MASK
            self.buffer[i] = new
            self.total = (self.total + (new - old) * (2 * i + 1)) & MASK
        last = self.history[-1]
        last = (last << 5 | last >> 27) & MASK
        self.history.append((last ^ self.total) * FOLD & MASK)

    def sum(self, number):
        """The sum printed with beat `number` (1 and up)."""
        while len(self.history) <= number:
            self._step()
        return f"{self.history[number]:08x}"


def check_output(text, model):
    """The beat numbers in text, in order; ValueError at a wrong sum."""
    numbers = []
    for match in BEAT.finditer(text):
        number = int(match[1])
        if match[2] != model.sum(number):
            raise ValueError(f"beat {number}: {match[2]}, "
                             f"not {model.sum(number)}")
        numbers.append(number)
    return numbers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--change", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("file")
    args = parser.parse_args()
    if args.file == "-":
        text = sys.stdin.read()
    else:
        with open(args.file, encoding="utf-8", errors="replace") as file:
            text = file.read()
    try:
        numbers = check_output(
            text, BeatModel(args.size, args.change, args.seed))
    except ValueError as error:
        sys.exit(f"beat_model: {error}")
    if not numbers:
        sys.exit("beat_model: no beats")
    print(f"{len(numbers)} beats, {numbers[0]} to {numbers[-1]}, right")


if __name__ == "__main__":
    main()
