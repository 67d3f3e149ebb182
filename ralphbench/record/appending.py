"""A file that only grows: what is added is added whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ralphbench.record.damage import Damage, free_name
from ralphbench.record.disk import atomic_write, disk_errors, sync_folder, write_all


class AppendFile:
    """Open for appending, one writer at a time; not thread-safe by itself."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises DiskError."""
        self.path = path
        self._unsynced_name = not os.path.exists(path)  # Path.exists raises where it may not look
        with disk_errors(path):
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._end = os.fstat(self._fd).st_size
        self._half_written = False

    @property
    def end(self) -> int:
        """Size in bytes: where the next append begins."""
        return self._end

    def append(self, data: bytes) -> int:
        """Add `data` with one write and return where it begins. Raises DiskError; then nothing of it is left."""
        if self._half_written:
            self.cut(self._end)
        begin = self._end
        with disk_errors(self.path):
            try:
                write_all(self._fd, data)
            except BaseException:  # an interruption too: whoever is told of it takes the data for not written
                self._half_written = True
                with contextlib.suppress(OSError):  # tried again by the next append, and by whoever opens the file next
                    os.ftruncate(self._fd, begin)
                    self._half_written = False
                raise
        self._end = begin + len(data)
        return begin

    def cut(self, end: int) -> None:
        """Take back what was added after `end`. Raises DiskError."""
        with disk_errors(self.path):
            os.ftruncate(self._fd, end)
        self._end = end
        self._half_written = False

    def cut_off(self, end: int, what: str) -> Damage:
        """Cut the file at `end`, keeping the bytes behind it in `<name>.torn-<k>`. Raises DiskError."""
        aside = free_name(self.path, "torn")
        with disk_errors(self.path):
            tail = os.pread(self._fd, self._end - end, end)
        # Kept first: killed between the two, the next opening keeps them once more, and nothing is lost.
        atomic_write(aside, tail)
        self.cut(end)
        return Damage(self.path, f"{what}: {len(tail)} bytes", aside)

    def sync(self) -> None:
        """Make everything durable, the file's name too. Raises DiskError."""
        with disk_errors(self.path):
            os.fsync(self._fd)
            if self._unsynced_name:
                sync_folder(self.path.parent)
                self._unsynced_name = False

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read_at(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`."""
        return os.pread(self._fd, size, offset)
