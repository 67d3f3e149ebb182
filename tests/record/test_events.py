"""Events and the journal: numbered, whole, and readable whatever a kill or a disk did to their file."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ralphbench.model import EventKind
from ralphbench.record import AttemptFolder, EventLog, Journal, Quarantine, follow, read_events


def _write(path: Path, count: int) -> None:
    log = EventLog(path)
    for n in range(count):
        log.append(EventKind.WARNING, text=f"é{n}")
    log.close()


def _texts(path: Path, quarantine: Quarantine | None = None) -> list[str]:
    return [event.data["text"] for event in read_events(path, quarantine)]


def test_numbers_go_on_over_processes(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path / "a1").create()
    first = EventLog(folder)
    assert [first.append(EventKind.WARNING, text="x").n for _ in range(3)] == [0, 1, 2]
    first.close()
    second = EventLog(folder.path)
    assert second.next == 3
    event = second.append(EventKind.STAGE_STARTED, stage="build", kind="any field")
    second.close()
    assert [e.n for e in read_events(folder)] == [0, 1, 2, 3]
    assert list(read_events(folder.path))[3] == event


def test_each_line_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    writes: list[bytes] = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: writes.append(bytes(data)) or real(fd, data))
    log.append(EventKind.WARNING, text="a\nb" * 5000)
    log.append(EventKind.WARNING, text="c")
    log.close()
    assert [data.count(b"\n") for data in writes] == [1, 1]
    assert b"".join(writes) == (tmp_path / "events.jsonl").read_bytes()


def test_a_last_line_torn_at_any_byte_is_named_cut_off_and_kept(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    _write(whole, 3)
    data = whole.read_bytes()
    begin = data.rindex(b"\n", 0, -1) + 1
    for end in range(begin, len(data)):
        path = tmp_path / f"at-{end}" / "events.jsonl"
        path.parent.mkdir()
        path.write_bytes(data[:end])
        seen = Quarantine()
        assert _texts(path, seen) == ["é0", "é1"]
        assert path.read_bytes() == data[:end], "a reader changes nothing"
        log = EventLog(path)
        aside = path.with_name("events.jsonl.torn-1")
        if end == begin:  # nothing of the line is there: nothing is torn
            assert not len(seen)
            assert not log.damages
        else:
            assert [damage.path for damage in seen] == [path]
            assert [damage.moved_to for damage in log.damages] == [aside]
            assert aside.read_bytes() == data[begin:end]
        assert log.append(EventKind.WARNING, text="next").n == 2
        log.close()
        assert _texts(path, seen) == ["é0", "é1", "next"]


def test_every_torn_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for tail in (b'{"n":', b"\0" * 70_000):
        with path.open("ab") as file:
            file.write(tail)
        EventLog(path).close()
    assert path.with_name("events.jsonl.torn-1").read_bytes() == b'{"n":'
    assert path.with_name("events.jsonl.torn-2").read_bytes() == b"\0" * 70_000
    assert path.read_bytes() == b""


@pytest.mark.parametrize("bad", [b"", b"{", b"\0\0\0", b"[" * 100_000, b"\xff\xfe", b'{"n": "x"}', b"null"])
def test_a_bad_line_in_the_middle_is_named_and_left_out(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "events.jsonl"
    _write(path, 3)
    lines = path.read_bytes().split(b"\n")
    lines[1] = bad
    path.write_bytes(b"\n".join(lines))
    seen = Quarantine()
    assert _texts(path, seen) == ["é0", "é2"]
    assert len(seen) == 1
    assert "line 2 is no event" in str(seen.damages[0])
    assert follow(path, 0, seen)[0] == list(read_events(path, seen))
    assert path.read_bytes() == b"\n".join(lines)


def test_no_number_is_used_twice_after_a_bad_last_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    _write(path, 2)
    with path.open("ab") as file:
        file.write(b"garbage\n")
    log = EventLog(path)
    assert log.append(EventKind.WARNING, text="x").n == 3
    log.close()
    seen = Quarantine()
    assert [event.n for event in read_events(path, seen)] == [0, 1, 3]
    assert len(seen) == 1


def test_missing_and_repeated_numbers_are_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    _write(path, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[3], lines[3]]))
    seen = Quarantine()
    assert [event.n for event in read_events(path, seen)] == [0, 3, 3]
    assert ["2 missing" in str(seen.damages[0]), "written twice" in str(seen.damages[1])] == [True, True]


def test_damage_that_nobody_collects_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"n"')
    with caplog.at_level(logging.WARNING, "ralphbench.record"):
        assert list(read_events(path)) == []
    assert "torn" in caplog.text
    assert str(path) in caplog.text


def test_a_file_that_is_not_there_yet_has_no_events(tmp_path: Path) -> None:
    assert list(read_events(tmp_path / "none.jsonl")) == []
    assert follow(tmp_path / "none.jsonl", 0) == ([], 0)


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path / "a1").create()
    folder.events.mkdir()
    seen = Quarantine()
    assert list(read_events(folder, seen)) == []
    assert [damage.path for damage in seen] == [folder.events]


def test_threads_share_a_log(tmp_path: Path, hurried_threads: None) -> None:
    log = EventLog(tmp_path / "events.jsonl")

    def work() -> None:
        for _ in range(200):
            log.append(EventKind.WARNING, text="x" * 300)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert [event.n for event in read_events(log.path)] == list(range(800))


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_following_gives_every_event_once_however_the_file_grows(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("follow")
    whole, growing = folder / "whole.jsonl", folder / "growing.jsonl"
    _write(whole, 6)
    data = whole.read_bytes()
    events, offset = [], 0
    for end in [*sorted(cuts), len(data)]:
        growing.write_bytes(data[:end])
        new, offset = follow(growing, offset)
        events += new
        assert len(events) == data[:end].count(b"\n")
    assert events == list(read_events(whole))
    assert offset == len(data)


def test_following_is_bounded_and_passes_a_line_longer_than_its_bound(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.append(EventKind.WARNING, text="x" * (9 << 20))
    for _ in range(60):
        log.append(EventKind.WARNING, text="y" * (100 << 10))
    log.close()
    counts, offset = [], 0
    while True:
        events, offset = follow(log.path, offset)
        if not events:
            break
        counts.append(len(events))
    assert sum(counts) == 61
    assert counts[0] == 1
    assert max(counts) < 60


WRITER = """
import sys
from pathlib import Path
from ralphbench.model import EventKind
from ralphbench.record import EventLog
log = EventLog(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    log.append(EventKind.WARNING, text="x" * 3000)
    if log.next % 50 == 0:
        log.sync()
"""


def test_killed_writers_leave_whole_numbered_lines(tmp_path: Path, spawn, grown) -> None:
    path = tmp_path / "events.jsonl"
    last = 0
    for k in range(5):
        child = spawn(WRITER, path)
        assert child.stdout.readline() == "ready\n"
        grown(path, 3000 * last)
        time.sleep(0.013 * k)
        child.send_signal(signal.SIGKILL)
        child.wait()
        log = EventLog(path)
        log.close()
        seen = Quarantine()
        numbers = [event.n for event in read_events(path, seen)]
        assert not len(seen)
        assert numbers == list(range(log.next))
        assert log.next > last
        last = log.next


def test_the_journal_reads_without_making_a_file_and_mends_when_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "experiment" / "journal.jsonl"
    assert list(Journal(path).read()) == []
    assert not path.parent.exists()
    journal = Journal(path)
    journal.append("attempt_started", cell="a", number=1)
    journal.sync()
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"n":1,"t":')
    again = Journal(path)
    assert [damage.moved_to for damage in again.damages] == [path.with_name("journal.jsonl.torn-1")]
    again.append("attempt_ended", kind="any field", cell="a")
    again.close()
    assert [(e.n, e.kind) for e in again.read()] == [(0, "attempt_started"), (1, "attempt_ended")]
