"""A log of a bounded size that keeps its head and its tail: what a build said first and what it died of."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from ralphbench.record import disk_error

TAIL = 1_000_000
"""Bytes of the end that are held in memory at most."""
_NOTE = 80
"""Bytes set aside for the line that says how much was left out."""


class CappedLog:
    """Write all, keep `limit` bytes. The head is on disk at once, so that a running command can be looked at.

    Raises DiskError where the file cannot be written.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._tail_limit = min(TAIL, limit // 2)
        self._head_left = limit - self._tail_limit - _NOTE
        if self._head_left < 0:
            raise ValueError(f"a log needs more than {limit} bytes")
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.left_out = 0
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise disk_error(error, path) from error

    @property
    def truncated(self) -> bool:
        return self.left_out > 0

    def write(self, data: bytes) -> None:
        head, rest = data[: self._head_left], data[self._head_left :]
        if head:
            self._put(head)
            self._head_left -= len(head)
        if not rest:
            return
        self._tail.append(rest)
        self._tail_size += len(rest)
        while self._tail_size - len(self._tail[0]) >= self._tail_limit:
            self._drop(len(self._tail[0]))

    def _drop(self, size: int) -> None:
        """Leave out `size` bytes of the oldest piece."""
        self.left_out += size
        self._tail_size -= size
        oldest = self._tail.popleft()
        if size < len(oldest):
            self._tail.appendleft(oldest[size:])

    def _put(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise disk_error(error, self._path) from error

    def close(self) -> None:
        """Write the tail. Safe to call again."""
        if self._file < 0:
            return
        try:
            if self._tail_size > self._tail_limit:
                self._drop(self._tail_size - self._tail_limit)
            if self.left_out:
                self._put(b"\n[... %d bytes left out ...]\n" % self.left_out)
            for piece in self._tail:
                self._put(piece)
        finally:
            os.close(self._file)
            self._file = -1
            self._tail.clear()
