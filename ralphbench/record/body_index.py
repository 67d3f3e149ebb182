"""The index of the bodies: finds one, puts it together, and mends what a killed writer left."""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ralphbench.errors import RecordError
from ralphbench.model import codec
from ralphbench.record.appending import AppendFile
from ralphbench.record.damage import Damage, Quarantine, size_of
from ralphbench.record.lines import follow_lines, read_lines

INDEX = "index.jsonl"
_SEGMENT = re.compile(r"segment-(\d+)\.bin")


class BodyRow(msgspec.Struct, frozen=True):
    """A line of the index: where a body's bytes are, and which earlier body they are laid over."""

    n: int
    """Its number in the index, from 0."""
    ref: str
    segment: int
    offset: int
    size: int
    """Bytes in the segment, compressed."""
    length: int
    """Bytes of the body."""
    crc: int
    """CRC-32 of the body."""
    base: int | None
    """Number of the body that the first `prefix` and the last `suffix` bytes are taken from."""
    prefix: int
    suffix: int
    depth: int
    """How many bodies are needed before this one."""

    def placed(self, n: int, segment: int, offset: int) -> BodyRow:
        return msgspec.structs.replace(self, n=n, segment=segment, offset=offset)


_row = codec.decoder(BodyRow)


@dataclass(frozen=True, slots=True)
class Mended:
    """Where writing goes on."""

    next: int
    segment: int


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"segment-{number:03d}.bin"


def mend(folder: Path, quarantine: Quarantine) -> Mended:
    """Look at what an earlier writer left: bytes that no line names are cut off and kept beside, lost bytes are named.

    For the one writer, its index already open and its torn end cut off. Raises DiskError.
    """
    following, ends = 0, dict[int, int]()
    for number, line in read_lines(folder / INDEX, quarantine):
        row = _parse(line)
        if row is None:
            quarantine.report(Damage(folder / INDEX, f"line {number} is no body"))
        else:
            ends[row.segment] = max(ends.get(row.segment, 0), row.offset + row.size)
        following = following + 1 if row is None else row.n + 1
    segments = sorted({*ends, *_segments(folder)}) or [0]
    whole = True
    for segment in segments:
        whole = _mend_segment(segment_path(folder, segment), ends.get(segment, 0), quarantine)
    # New bytes must not come to lie where lost ones are looked for: behind a short segment a new one begins.
    return Mended(following, segments[-1] if whole else segments[-1] + 1)


def _mend_segment(path: Path, expected: int, quarantine: Quarantine) -> bool:
    """Whether all bytes are there that the index names."""
    found = size_of(path)
    if (found or 0) < expected:
        have = "is missing" if found is None else f"has {found} bytes"
        quarantine.report(Damage(path, f"{have}, the index names {expected}: some bodies are lost"))
        return False
    if found is not None and found > expected:
        file = AppendFile(path)
        try:
            quarantine.report(file.cut_off(expected, "the last body is torn"))
        finally:
            file.close()
    return True


def _segments(folder: Path) -> list[int]:
    names = (_SEGMENT.fullmatch(name) for name in os.listdir(folder))
    return [int(match[1]) for match in names if match]


class BodyIndex:
    """Reads bodies, also while another process adds to them. Not thread-safe by itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offset = 0
        self._by_number: dict[int, BodyRow] = {}
        self._by_ref: dict[str, BodyRow] = {}
        self._segments: dict[int, int] = {}
        self.damages: list[Damage] = []
        """Lines that could not be read."""

    def load(self) -> None:
        """Take in the lines that are new."""
        while True:
            met = Quarantine()
            lines, end = follow_lines(self._folder / INDEX, self._offset, met)
            self.damages += met
            if not lines:
                return
            self._offset = end
            for line in lines:
                row = _parse(line)
                if row is None:
                    self.damages.append(Damage(self._folder / INDEX, f"a line before byte {end} is no body"))
                else:
                    self._by_number[row.n] = row
                    # A number of a call that a power cut took is given again: the later body is the one referred to.
                    self._by_ref[row.ref] = row

    def references(self) -> tuple[str, ...]:
        self.load()
        return tuple(self._by_ref)

    def read(self, reference: str) -> bytes:
        """Raises RecordError where the body is not there, or not what was stored."""
        if reference not in self._by_ref:
            self.load()
        row = self._by_ref.get(reference)
        if row is None:
            raise self._lost(reference, "the index does not name it")
        chain = [row]
        while (base := chain[-1].base) is not None:
            before = self._by_number.get(base)
            if before is None or before.n >= chain[-1].n:
                raise self._lost(reference, f"body {base}, which it goes on from, is lost")
            chain.append(before)
        body = b""
        for part in reversed(chain):
            body = self._lay_over(body, part, reference)
        return body

    def close(self) -> None:
        for descriptor in self._segments.values():
            os.close(descriptor)
        self._segments.clear()

    def _lay_over(self, before: bytes, row: BodyRow, reference: str) -> bytes:
        new = self._new_bytes(row, reference)
        tail = before[len(before) - row.suffix :] if row.suffix else b""
        body = b"".join((before[: row.prefix], new, tail))
        if len(body) != row.length or zlib.crc32(body) != row.crc:
            raise self._lost(reference, f"the bytes of {row.ref} are not those that were stored")
        return body

    def _new_bytes(self, row: BodyRow, reference: str) -> bytes:
        path = segment_path(self._folder, row.segment)
        try:
            if row.segment not in self._segments:
                self._segments[row.segment] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            packed = os.pread(self._segments[row.segment], row.size, row.offset)
            return zlib.decompress(packed)
        except OSError as error:
            raise self._lost(reference, f"{path.name}: {error.strerror}") from error
        except zlib.error as error:
            raise self._lost(reference, f"{path.name} is damaged at byte {row.offset}: {error}") from error

    def _lost(self, reference: str, why: str) -> RecordError:
        return RecordError(
            f"body {reference} cannot be read from {self._folder}: {why}",
            remedy=f"ls -l {self._folder}   # the call's line in calls.jsonl still says what was metered",
        )


def _parse(line: bytes) -> BodyRow | None:
    try:
        return _row.decode(line)
    except (ValueError, RecursionError):
        return None
