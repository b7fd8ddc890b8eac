# SPDX-License-Identifier: BSD-2-Clause
"""The bench command measures; in Bochs a tick is an instruction, and each
round of a rep is one, so that what it must find is known."""

import re

from beating import beat_line

LINE = re.compile(r"(\S.*\S)\s+median (\d+), least (\d+) ticks")


def test_bench_finds_what_the_instructions_take(machine, guest):
    m = machine(beat_line(guest, "alpha"))
    m.expect("heartbeat", vm="alpha", n=2)
    output = m.command("bench alpha")["output"]
    assert "pages are copied by rep movsq" in output[0]
    found = {match[1]: (int(match[2]), int(match[3]))
             for match in map(LINE.fullmatch, output) if match}
    call = found["a call"][1]
    for what, ticks in (("4 KiB copied, rep movsq", 512),
                        ("4 KiB copied, rep movsb", 4096),
                        ("4 KiB checked, CRC32C", 512)):
        median, least = found[what]
        assert ticks <= least - call < ticks + 60, (what, found)
        assert least <= median < least + 60
    assert found["into its cell and back"][1] > call + 20
    events = {event["what"]: event["median"] for event in m.all("bench")}
    assert events == {what: median for what, (median, _) in found.items()}
    assert m.command("bench nobody", status=None)["status"] != 0


def test_the_choice_of_the_copy_is_told(machine, guest):
    m = machine(beat_line(guest, "alpha"))
    m.expect("heartbeat", vm="alpha")
    match = m.expect_com1(r"copy: rep movsq; a page by movsq (\d+) ticks, by "
                          r"movsb (\d+) \(ERMS\)")
    assert 512 <= int(match[1]) < 600 and 4096 <= int(match[2]) < 4200
