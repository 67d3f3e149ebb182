"""Append-only files of lines, one JSON value each: what events, calls, the journal and the index of bodies are made of.

A line is there when its newline is there. A writer that is killed, or a disk that fills up, can leave a last line
without one: the reader leaves it out and says so, the next writer cuts it off and keeps its bytes beside the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ralphbench.record.appending import AppendFile
from ralphbench.record.damage import Damage, Quarantine, report, set_aside
from ralphbench.record.disk import make_folder

_BLOCK = 1 << 16
FOLLOW_BYTES = 4 << 20


def open_lines(path: Path, quarantine: Quarantine | None = None) -> AppendFile:
    """Open a file of lines for appending, its torn end cut off. Raises DiskError."""
    make_folder(path.parent)
    if os.path.isdir(path):
        report(quarantine, set_aside(path, "is a folder, not a file"))
    file = AppendFile(path)
    try:
        whole = _end_of_last_line(file)
        if whole < file.end:
            report(quarantine, file.cut_off(whole, "the last line is torn"))
    except BaseException:
        file.close()
        raise
    return file


def _end_of_last_line(file: AppendFile) -> int:
    end = file.end
    while end > 0:
        begin = max(0, end - _BLOCK)
        newline = file.read_at(begin, end - begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0


def read_lines(path: Path, quarantine: Quarantine | None = None) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line without its newline). A missing file has none; a torn end is reported and left out."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        report(quarantine, Damage(path, f"cannot be read: {error.strerror}"))
        return
    with file:
        number = 0
        try:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    report(quarantine, Damage(path, f"line {number}, the last, is torn: {len(line)} bytes"))
                    return
                yield number, line[:-1]
        except OSError as error:
            report(quarantine, Damage(path, f"cannot be read after line {number}: {error.strerror}"))


def follow_lines(path: Path, offset: int, quarantine: Quarantine | None = None) -> tuple[list[bytes], int]:
    """Whole lines from `offset` on, and the offset to ask from next; a torn end waits for its newline.

    Gives at most 4 MiB at once, or one line that is longer: ask again until nothing new comes. A missing file has no lines yet.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = _whole_lines(descriptor, offset)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return [], offset
    except OSError as error:
        report(quarantine, Damage(path, f"cannot be read: {error.strerror}"))
        return [], offset
    return data.split(b"\n")[:-1], offset + len(data)


def _whole_lines(descriptor: int, offset: int) -> bytes:
    size = FOLLOW_BYTES
    while True:
        data = os.pread(descriptor, size, offset)
        # A line that alone is longer than the bound comes alone.
        end = (data.rfind(b"\n") if size == FOLLOW_BYTES else data.find(b"\n")) + 1
        if end or len(data) < size:
            return data[:end]
        size *= 2


def start_of(line: bytes) -> str:
    """The first characters of a line that cannot be read, to be named."""
    return repr(line[:60].decode("utf-8", "replace"))
