"""Room on a disk: how much a run asks for, whether there is that much, and what a folder takes of it."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import DiskFull, UsageError
from ralphbench.record.disk import disk_error

FREE_BYTES = 1 << 30
"""What must be free on the disks of the records and of the worktrees."""
FREE_FILES = 1000
"""How many files more it must be possible to make there."""
LEAST_BYTES = 1 << 20
"""With less a disk counts as full: commands that find no room fail, or say what is not so, and mean nothing."""
LEAST_FILES = 10
VARIABLE = "RALPHBENCH_FREE_BYTES"
"""In the environment: bytes, in place of `FREE_BYTES`. For small disks, and for disks that others fill quickly."""
_BLOCK = 512
"""Bytes that `st_blocks` counts in, on every system."""


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on a disk, or taken of it."""

    bytes: int
    files: int | None
    """None: the file system has no bound of its own."""

    def enough(self) -> bool:
        """Whether it is what a run asks for. Raises UsageError where the environment asks for no number."""
        return self.bytes >= least_free() and (self.files is None or self.files >= FREE_FILES)

    def none(self) -> bool:
        """Whether it is as good as nothing."""
        return self.bytes < LEAST_BYTES or (self.files is not None and self.files < LEAST_FILES)

    def plus(self, more: Room) -> Room:
        files = None if self.files is None or more.files is None else self.files + more.files
        return Room(self.bytes + more.bytes, files)

    def __str__(self) -> str:
        return size_text(self.bytes) + ("" if self.files is None else f" and {self.files} files")


def least_free() -> int:
    """Bytes. Raises UsageError."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return FREE_BYTES
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{VARIABLE} is {text!r}, not a number of bytes", remedy=f"unset {VARIABLE}") from None


def free_room(folder: Path) -> Room:
    """On the disk of a folder that is there. Raises OSError."""
    told = os.statvfs(folder)
    return Room(told.f_bavail * told.f_frsize, told.f_favail if told.f_files else None)


def refuse_full(*folders: Path) -> None:
    """Raises DiskFull where the disk of one of them is full to the last: what has just run there tells nothing."""
    for folder in folders:
        if free_room(folder).none():
            raise DiskFull(
                f"the disk of {folder} is full",
                remedy=f"df -h {shlex.quote(str(folder))}   # make room there, then type the same command again",
            )


def taken_by(paths: Iterable[Path]) -> Room:
    """What would be free without these files and folders; what lies elsewhere too (a hard link) is not theirs alone."""
    size = files = 0
    for path in paths:
        for folder, folders, names in os.walk(path):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in (".", *names, *links):
                try:
                    told = os.lstat(os.path.join(folder, name))
                except OSError:
                    continue  # gone meanwhile, or closed to us
                if name == "." or told.st_nlink == 1:
                    size += told.st_blocks * _BLOCK
                    files += 1
    return Room(size, files)


def require_room(folder: Path) -> None:
    """Make the folder, and see whether it can be written and has room on its disk. Raises DiskError with what to do."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # without a name that another process could have taken
        free = free_room(folder)
    except OSError as error:
        raise disk_error(error, folder) from error
    if not free.enough():
        raise DiskFull(
            f"only {free} are free for {folder}; at least {Room(least_free(), FREE_FILES)} are needed",
            remedy=f"df -h {shlex.quote(str(folder))}   # make room there, then type the same command again",
        )


def size_text(size: int) -> str:
    """`1.2 GB`, `340 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
