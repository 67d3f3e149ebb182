"""Events and the journal: numbered lines of JSON, each written with one write as it happens."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ralphbench.model import Event, EventKind, codec
from ralphbench.record.damage import Damage, Quarantine, report
from ralphbench.record.layout import AttemptFolder
from ralphbench.record.lines import follow_lines, open_lines, read_lines, start_of

_event = codec.decoder(Event)


class NumberedLog:
    """Lines of `model.Event`, numbered from 0 over all processes that wrote them. Thread-safe; one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; a torn last line is cut off and named in `damages`. Raises DiskError."""
        self.path = path
        self._lock = threading.Lock()
        quarantine = Quarantine()
        self._file = open_lines(path, quarantine)
        self.damages: tuple[Damage, ...] = tuple(quarantine)
        self._next = _next_number(path)

    @property
    def next(self) -> int:
        """The number that the next line gets."""
        return self._next

    def write(self, kind: str, data: dict[str, Any]) -> Event:
        """Raises DiskError; then nothing was written and the number is not used up."""
        with self._lock:
            event = Event(self._next, time.time(), kind, data)
            self._file.append(codec.dumps(event) + b"\n")
            self._next += 1
        return event

    def sync(self) -> None:
        """Make everything written so far durable: at the end of a stage, and before anything that relies on it."""
        with self._lock:
            self._file.sync()

    def close(self) -> None:
        with self._lock:
            self._file.close()


class EventLog(NumberedLog):
    """`events.jsonl` of an attempt."""

    def __init__(self, where: AttemptFolder | Path) -> None:
        """An attempt's folder, or the file itself."""
        super().__init__(_events_of(where))

    def append(self, kind: EventKind, /, **data: Any) -> Event:
        """Write an event down. `data` holds what JSON can say, enums, paths and dataclasses."""
        return self.write(kind, data)


class Journal:
    """What the scheduler decided. Opened for writing with the first entry, so that a reader changes nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log: NumberedLog | None = None
        self._opening = threading.Lock()

    def append(self, kind: str, /, **data: Any) -> Event:
        """Write an entry, in the form of an event. Raises DiskError."""
        return self._opened().write(kind, data)

    def read(self, quarantine: Quarantine | None = None) -> Iterator[Event]:
        """All entries, oldest first; what cannot be read is reported and left out."""
        return read_numbered(self.path, quarantine)

    @property
    def damages(self) -> tuple[Damage, ...]:
        """What was found at opening for writing."""
        return self._opened().damages

    def sync(self) -> None:
        self._opened().sync()

    def close(self) -> None:
        with self._opening:
            if self._log is not None:
                self._log.close()
                self._log = None

    def _opened(self) -> NumberedLog:
        with self._opening:
            if self._log is None:
                self._log = NumberedLog(self.path)
            return self._log


def read_events(where: AttemptFolder | Path, quarantine: Quarantine | None = None) -> Iterator[Event]:
    """An attempt's events, oldest first, one in memory at a time. None yet: nothing comes.

    A torn end, a line that is no event and a number that does not follow the one before are reported as Damage.
    """
    return read_numbered(_events_of(where), quarantine)


def read_numbered(path: Path, quarantine: Quarantine | None = None) -> Iterator[Event]:
    """See `read_events`; for the journal too."""
    expected = 0
    for line_number, line in read_lines(path, quarantine):
        event = _parse(line)
        if event is None:
            report(quarantine, Damage(path, f"line {line_number} is no event: {start_of(line)}"))
            expected += 1
            continue
        if event.n != expected:
            what = f"line {line_number} is event {event.n}, expected {expected}: {_gap(event.n, expected)}"
            report(quarantine, Damage(path, what))
        expected = event.n + 1
        yield event


def follow(where: AttemptFolder | Path, offset: int, quarantine: Quarantine | None = None) -> tuple[list[Event], int]:
    """For live views: the events from byte `offset` on (0 at first), and the offset to ask from next.

    Never gives a line that is still being written, nor more than 4 MiB at once, or one line.
    """
    path = _events_of(where)
    lines, end = follow_lines(path, offset, quarantine)
    events = []
    for line in lines:
        event = _parse(line)
        if event is None:
            report(quarantine, Damage(path, f"a line before byte {end} is no event: {start_of(line)}"))
        else:
            events.append(event)
    return events, end


def _parse(line: bytes) -> Event | None:
    try:
        return _event.decode(line)
    except (ValueError, RecursionError):
        return None


def _gap(found: int, expected: int) -> str:
    return f"{found - expected} missing" if found > expected else "written twice"


def _next_number(path: Path) -> int:
    """One after the last number; a line that cannot be read counts as one, so that no number is used twice."""
    last: bytes | None = None
    for _, line in read_lines(path, Quarantine()):
        last = line
    if last is None:
        return 0
    if (event := _parse(last)) is not None:
        return event.n + 1
    number = 0
    for _, line in read_lines(path, Quarantine()):
        event = _parse(line)
        number = number + 1 if event is None else event.n + 1
    return number


def _events_of(where: AttemptFolder | Path) -> Path:
    if isinstance(where, AttemptFolder):
        return where.events
    return AttemptFolder(where).events if os.path.isdir(where) else where
