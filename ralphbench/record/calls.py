"""Model requests: a line before each is forwarded, a line when it is over. A call without the second has an unknown cost."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import msgspec

from ralphbench.model import Call, CallEnded, CallStarted, codec
from ralphbench.record.damage import Damage, Quarantine, report
from ralphbench.record.layout import AttemptFolder
from ralphbench.record.lines import follow_lines, open_lines, read_lines, start_of


class _Kind(msgspec.Struct):
    kind: str


_kind = codec.decoder(_Kind)
_started = codec.decoder(CallStarted)
_ended = codec.decoder(CallEnded)


class CallLog:
    """`calls.jsonl` of an attempt. Thread-safe; one process at a time."""

    def __init__(self, where: AttemptFolder | Path) -> None:
        """An attempt's folder, or the file itself. A torn last line is cut off and named in `damages`. Raises DiskError."""
        self.path = _calls_of(where)
        self._lock = threading.Lock()
        quarantine = Quarantine()
        self._file = open_lines(self.path, quarantine)
        self.damages: tuple[Damage, ...] = tuple(quarantine)

    def started(self, call: CallStarted) -> None:
        """To be written before the request is forwarded. Raises DiskError; then the request must not be sent."""
        self._write(call)

    def ended(self, call: CallEnded) -> None:
        """Raises DiskError; then the call stays without an end, its cost unknown."""
        self._write(call)

    def sync(self) -> None:
        with self._lock:
            self._file.sync()

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _write(self, call: CallStarted | CallEnded) -> None:
        line = codec.dumps(call) + b"\n"
        with self._lock:
            self._file.append(line)


def read_calls(where: AttemptFolder | Path, quarantine: Quarantine | None = None) -> list[Call]:
    """Both halves of every call put together, in the order in which they were started.

    A torn end, a line that is no call and an end without a start are reported as Damage.
    """
    path = _calls_of(where)
    calls: list[Call] = []
    running: dict[str, int] = {}
    for number, line in read_lines(path, quarantine):
        half = _parse(line)
        match half:
            case CallStarted():
                running[half.id] = len(calls)
                calls.append(Call(half, None))
            case CallEnded() if (place := running.pop(half.id, None)) is not None:
                calls[place] = Call(calls[place].started, half)
            case CallEnded():
                report(quarantine, Damage(path, f"line {number} ends call {half.id!r}, which is not running"))
            case None:
                report(quarantine, Damage(path, f"line {number} is no call: {start_of(line)}"))
    return calls


def follow_calls(
    where: AttemptFolder | Path, offset: int, quarantine: Quarantine | None = None
) -> tuple[list[CallStarted | CallEnded], int]:
    """For live views: the halves of calls from byte `offset` on (0 at first), and the offset to ask from next.

    Never gives a line that is still being written, nor more than 4 MiB at once, or one line.
    """
    path = _calls_of(where)
    lines, end = follow_lines(path, offset, quarantine)
    halves = []
    for line in lines:
        if (half := _parse(line)) is None:
            report(quarantine, Damage(path, f"a line before byte {end} is no call: {start_of(line)}"))
        else:
            halves.append(half)
    return halves, end


def _parse(line: bytes) -> CallStarted | CallEnded | None:
    try:
        match _kind.decode(line).kind:
            case "call_started":
                return _started.decode(line)
            case "call_ended":
                return _ended.decode(line)
    except (ValueError, RecursionError):
        pass
    return None


def _calls_of(where: AttemptFolder | Path) -> Path:
    if isinstance(where, AttemptFolder):
        return where.calls
    return AttemptFolder(where).calls if os.path.isdir(where) else where
