# SPDX-License-Identifier: BSD-2-Clause
"""The parts of tools/run that need no emulator."""

import pytest

from bulkhead import Failure, events, iso, script


def test_events_are_cut_from_any_pieces():
    reader = events.EventReader()
    assert reader.feed(b'{"event":"boot"}\r\n{"ev') == [{"event": "boot"}]
    assert reader.feed(b'ent":"end","t":1}\n\n') == [{"event": "end", "t": 1}]


@pytest.mark.parametrize("line", [b"junk\n", b"[1]\n", b'{"t":1}\n', b"\xff\n"])
def test_an_unreadable_line_is_told(line):
    assert [event["event"] for event in events.EventReader().feed(line)] == [
        "unreadable"]


def outcome_of(*seen):
    outcome = events.Outcome()
    for event in seen:
        outcome.see(event)
    return outcome.status


def test_outcome():
    off = {"event": "vm-end", "vm": "a", "how": "poweroff"}
    halted = {"event": "vm-end", "vm": "b", "how": "budget"}
    refused = {"event": "vm-refused", "line": 2, "word": "x", "why": "no"}
    end = {"event": "end", "why": "done"}
    assert outcome_of(off) is None
    assert outcome_of(off, end) == 0
    assert outcome_of(off, halted, end) == 3
    assert outcome_of(off, refused, end) == 3
    assert outcome_of(end) == 3
    assert outcome_of({"event": "refuse", "missing": "EPT"}) == 4
    assert outcome_of({"event": "panic"}, end) == 5


def test_lost_events_are_counted():
    outcome = events.Outcome()
    for lost in (2, 3):
        outcome.see({"event": "console", "lost": lost})
    assert outcome.lost == 5


def play(text, *seen):
    """What a script sends, as (number of events seen, command)."""
    sent = []
    now = [0]
    player = script.Script(text, 1000, lambda command: sent.append(
        (now[0], command)))
    for event in seen:
        now[0] += 1
        player.see(event)
    return sent


READY = {"event": "ready", "t": 0}
ANSWER = {"event": "monitor", "t": 1}


def test_script_waits_for_ready_and_for_answers():
    assert play("a b; c") == []
    assert play("a b; c", {"event": "boot"}, READY) == [(2, "a b")]
    assert play("a b; c", READY, ANSWER) == [(1, "a b"), (2, "c")]


def test_script_sees_effects_before_the_answer():
    fault = {"event": "fault", "vm": "a"}
    assert play("x; wait fault vm=a; y", READY, fault, ANSWER) == [
        (1, "x"), (3, "y")]
    assert play("x; wait fault vm=b; y", READY, fault, ANSWER) == [(1, "x")]
    assert play("wait fault n=1; y", READY, fault,
                {"event": "fault", "n": 1}) == [(3, "y")]


def test_script_does_not_wait_for_the_past():
    fault = {"event": "fault"}
    assert play("wait fault; x; wait fault; y", READY, fault, ANSWER,
                ANSWER) == [(2, "x")]


def test_script_sleeps_in_machine_time():
    assert play("sleep 2; x", READY, {"event": "e", "t": 1999},
                {"event": "e", "t": 2000}) == [(3, "x")]


@pytest.mark.parametrize("text", ["wait", "wait x y", "sleep", "sleep x"])
def test_script_refuses(text):
    with pytest.raises(Failure):
        script.parse(text)


def test_module_lines_share_files_and_keep_words(tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"x")
    names = {}
    line = iso.place_module(f"{image} vm=a -- x=\"a b\" \"it's\"", names)
    assert line == ("module2 --nounzip /boot/0-image vm=a -- 'x=a b' "
                    "'it'\\''s'")
    assert "/boot/0-image " in iso.place_module(f"{image} vm=b", names)
    assert "/boot/1-no-image " in iso.place_module("- vm=c", names)
    assert len(names) == 2


@pytest.mark.parametrize("text", ["", "/no/such/file vm=a", "'open"])
def test_module_lines_refuse(text):
    with pytest.raises(Failure):
        iso.place_module(text, {})
