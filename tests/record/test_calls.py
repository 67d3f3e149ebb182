"""Calls: two halves a call, put together; a half that is missing or torn is named."""

from __future__ import annotations

from pathlib import Path

from ralphbench.record import CallLog, Quarantine, follow_calls, read_calls


def _log(path: Path, *halves) -> None:
    log = CallLog(path)
    for half in halves:
        (log.started if half.kind == "call_started" else log.ended)(half)
    log.sync()
    log.close()


def test_halves_are_put_together_in_the_order_of_their_starts(tmp_path: Path, started, ended) -> None:
    path = tmp_path / "calls.jsonl"
    _log(path, started("c0"), started("c1"), ended("c1"), started("c2"), ended("c0"))
    calls = read_calls(path)
    assert [(call.started, call.ended) for call in calls] == [
        (started("c0"), ended("c0")),
        (started("c1"), ended("c1")),
        (started("c2"), None),
    ]


def test_an_attempts_folder_is_as_good_as_the_file(attempt) -> None:
    assert len(read_calls(attempt)) == 4
    assert read_calls(attempt.path) == read_calls(attempt.calls)


def test_an_end_without_a_start_is_named(tmp_path: Path, started, ended) -> None:
    path = tmp_path / "calls.jsonl"
    _log(path, started("c0"), ended("c0"), ended("c0"), ended("c7"))
    seen = Quarantine()
    assert len(read_calls(path, seen)) == 1
    assert ["'c0', which is not running" in str(seen.damages[0]), "'c7'" in str(seen.damages[1])] == [True, True]


def test_a_last_line_torn_at_any_byte_leaves_the_call_without_an_end(tmp_path: Path, started, ended) -> None:
    path = tmp_path / "calls.jsonl"
    _log(path, started("c0"), ended("c0"))
    data = path.read_bytes()
    begin = data.index(b"\n") + 1
    for end in range(begin + 1, len(data)):
        path.write_bytes(data[:end])
        seen = Quarantine()
        assert [call.ended for call in read_calls(path, seen)] == [None]
        assert len(seen) == 1
    log = CallLog(path)
    assert log.damages[0].moved_to == path.with_name("calls.jsonl.torn-1")
    log.ended(ended("c0", status=500))
    log.close()
    assert [call.ended for call in read_calls(path)] == [ended("c0", status=500)]


def test_a_line_that_is_no_call_is_named_and_left_out(tmp_path: Path, started, ended) -> None:
    path = tmp_path / "calls.jsonl"
    _log(path, started("c0"))
    with path.open("ab") as file:
        file.write(b'{"kind": "call_paused"}\n{"kind": "call_ended"}\nnoise\n')
    _log(path, ended("c0"))
    seen = Quarantine()
    assert [call.ended for call in read_calls(path, seen)] == [ended("c0")]
    assert len(seen) == 3
    followed = Quarantine()
    assert follow_calls(path, 0, followed)[0] == [started("c0"), ended("c0")]
    assert len(followed) == 3


def test_following_waits_for_the_end_of_a_line(tmp_path: Path, started, ended) -> None:
    path = tmp_path / "calls.jsonl"
    _log(path, started("c0"), ended("c0"))
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    halves, offset = follow_calls(path, 0)
    assert halves == [started("c0")]
    path.write_bytes(data)
    assert follow_calls(path, offset) == ([ended("c0")], len(data))
