"""Requests and answers, byte for byte: each body is kept as what is new since the one before it in its conversation.

    bodies/index.jsonl         a line a body: what it is, where its bytes are, which body it goes on from
    bodies/segment-<k>.bin     the new bytes, zlib; append-only, at most 64 MiB each

A line of the index is written after the bytes that it names. The reference of a body is known before it is stored, so that
storing can be left to another thread; one that a kill kept from being stored is named when it is asked for.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import RecordError
from ralphbench.model import codec
from ralphbench.record.appending import AppendFile
from ralphbench.record.body_index import INDEX, BodyIndex, BodyRow, mend, segment_path
from ralphbench.record.damage import Damage, Quarantine
from ralphbench.record.delta import common_prefix, common_suffix
from ralphbench.record.disk import disk_errors, make_folder
from ralphbench.record.lines import open_lines, read_lines

SEGMENT_BYTES = 64 << 20
MOST_DELTAS = 32
"""A body is put together from at most this many others, then one is kept whole."""
_LEAST_SHARED = 64
_KEPT_BODIES = 16
_KEPT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class _Last:
    """The body before, of one conversation and direction."""

    n: int
    body: bytes
    depth: int


class BodyStore:
    """The bodies of one attempt. Thread-safe; made to be called from worker threads: the compression runs in the caller's.

    Opened for writing with the first `add`, so that a reader changes nothing; one process writes at a time.
    """

    def __init__(self, folder: Path) -> None:
        """`bodies/` of an attempt's folder; made when the first body comes."""
        self.folder = folder
        self.damages: tuple[Damage, ...] = ()
        """What the first `add` found torn, cut off and kept beside."""
        self._lock = threading.Lock()
        self._index: AppendFile | None = None
        self._segment: AppendFile | None = None
        self._segment_number = 0
        self._next = 0
        # Bodies of conversations that are over are let go: memory stays the same, however long the attempt.
        self._last: OrderedDict[tuple[str, str], _Last] = OrderedDict()
        self._rows = BodyIndex(folder)

    def add(self, call_id: str, kind: str, body: bytes, *, thread: str) -> str:
        """Keep a body and return its reference, `<call id>.<kind>`.

        `kind`: `request`, `response`, or another word without a dot; `thread`: the conversation that it goes on with (stage and
        session). Raises DiskError; then nothing of it is kept.
        """
        with self._lock:
            last = self._last.get((thread, kind))
        row, packed = _pack(f"{call_id}.{kind}", body, last)
        with self._lock:
            stored = self._store(row, packed)
            self._remember((thread, kind), _Last(stored.n, body, stored.depth))
        return stored.ref

    def read(self, reference: str) -> bytes:
        """The body, byte for byte. Raises RecordError where it is not there, or not what was stored."""
        with self._lock:
            return self._rows.read(reference)

    def references(self) -> tuple[str, ...]:
        """Of all bodies that the index names, in the order in which they were stored."""
        with self._lock:
            return self._rows.references()

    def check(self, quarantine: Quarantine) -> None:
        """Read every body; report each that cannot be put together. Changes nothing."""
        for _ in read_lines(self.folder / INDEX, quarantine):
            pass  # for its torn end
        references = self.references()
        for damage in self._rows.damages:
            quarantine.report(damage)
        for reference in references:
            try:
                self.read(reference)
            except RecordError as error:
                quarantine.report(Damage(self.folder / INDEX, error.message))

    def sync(self) -> None:
        """Make everything stored so far durable. Raises DiskError."""
        with self._lock:
            if self._segment is not None and self._index is not None:
                self._segment.sync()
                self._index.sync()

    def close(self) -> None:
        with self._lock:
            for file in (self._segment, self._index):
                if file is not None:
                    file.close()
            self._segment = self._index = None
            self._last.clear()
            self._rows.close()

    def _store(self, row: BodyRow, packed: bytes) -> BodyRow:
        index, segment = self._opened()
        if segment.end and segment.end + len(packed) > SEGMENT_BYTES:
            segment = self._roll(segment)
        offset = segment.append(packed)
        placed = row.placed(self._next, self._segment_number, offset)
        try:
            index.append(codec.dumps(placed) + b"\n")
        except BaseException:
            segment.cut(offset)
            raise
        self._next += 1
        return placed

    def _opened(self) -> tuple[AppendFile, AppendFile]:
        if self._index is None or self._segment is None:
            self._index, self._segment = self._open()
        return self._index, self._segment

    def _open(self) -> tuple[AppendFile, AppendFile]:
        make_folder(self.folder)
        quarantine = Quarantine()
        index = open_lines(self.folder / INDEX, quarantine)
        try:
            with disk_errors(self.folder):
                state = mend(self.folder, quarantine)
            segment = AppendFile(segment_path(self.folder, state.segment))
        except BaseException:
            index.close()
            raise
        self._next, self._segment_number = state.next, state.segment
        self.damages = tuple(quarantine)
        return index, segment

    def _roll(self, full: AppendFile) -> AppendFile:
        full.sync()
        following = AppendFile(segment_path(self.folder, self._segment_number + 1))
        full.close()
        self._segment_number += 1
        self._segment = following
        return following

    def _remember(self, key: tuple[str, str], last: _Last) -> None:
        self._last[key] = last
        self._last.move_to_end(key)
        held = sum(len(kept.body) for kept in self._last.values())
        while len(self._last) > _KEPT_BODIES or (held > _KEPT_BYTES and len(self._last) > 1):
            _, dropped = self._last.popitem(last=False)
            held -= len(dropped.body)


def _pack(reference: str, body: bytes, last: _Last | None) -> tuple[BodyRow, bytes]:
    """The row of a body, not placed yet, and its bytes: what is new since `last`, or all of it."""
    prefix = suffix = 0
    if last is not None and last.depth < MOST_DELTAS:
        prefix = common_prefix(last.body, body)
        suffix = common_suffix(last.body, body, min(len(last.body), len(body)) - prefix)
    if last is None or prefix + suffix < _LEAST_SHARED:
        base, prefix, suffix, depth = None, 0, 0, 0
    else:
        base, depth = last.n, last.depth + 1
    packed = zlib.compress(memoryview(body)[prefix : len(body) - suffix], 1)
    row = BodyRow(
        n=-1,
        ref=reference,
        segment=-1,
        offset=-1,
        size=len(packed),
        length=len(body),
        crc=zlib.crc32(body),
        base=base,
        prefix=prefix,
        suffix=suffix,
        depth=depth,
    )
    return row, packed
