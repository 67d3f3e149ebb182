"""Files that the harness puts into a contender's home, and reads out of it, between its stages.

The contender can have left anything there: a link to a file of the user's, a pipe that nobody writes. So no link is
followed on the way, and only what is a file is read. No process of the contender's lives while this is done.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ralphbench.record import disk_error

READ_LIMIT = 64_000_000
"""Bytes of a file that is read back; a larger one is no answer."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def write(home: Path, name: str, data: bytes) -> None:
    """Write `home/name`, its folders made, over whatever is there. Raises DiskError."""
    with _errors(home, name), _parent(home, name) as (folder, last):
        _remove(folder, last)
        file = os.open(last, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        with os.fdopen(file, "wb") as out:
            out.write(data)


def read(home: Path, name: str) -> bytes:
    """What `home/name` holds; nothing where it is missing, is no plain file, or is too long. Raises DiskError."""
    with _errors(home, name), _parent(home, name) as (folder, last):
        try:
            file = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return b""  # missing, or a link
        with contextlib.ExitStack() as left:
            left.callback(os.close, file)
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or status.st_size > READ_LIMIT:
                return b""
            with open(file, "rb", closefd=False) as given:
                return given.read()


def remove(home: Path, name: str) -> None:
    """Take `home/name` away, be it a file, a link or a whole folder. Raises DiskError."""
    with _errors(home, name), _parent(home, name) as (folder, last):
        _remove(folder, last)


def _remove(folder: int, last: str) -> None:
    try:
        os.unlink(last, dir_fd=folder)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):  # unlink of a folder, as Linux and as macOS say it
        shutil.rmtree(last, dir_fd=folder)


@contextlib.contextmanager
def _parent(home: Path, name: str) -> Iterator[tuple[int, str]]:
    """The folder of `home/name`, open, and the last part of the name."""
    *parts, last = PurePosixPath(name).parts
    if PurePosixPath(name).is_absolute() or ".." in (*parts, last):
        raise ValueError(f"{name!r} is not below a home")
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            below = _step(folder, part)
            os.close(folder)
            folder = below
        yield folder, last
    finally:
        os.close(folder)


def _step(folder: int, part: str) -> int:
    """Open a folder in a folder; made where there is none, also where something else is in its place."""
    try:
        return os.open(part, _FOLDER, dir_fd=folder)
    except OSError:
        _remove(folder, part)
        os.mkdir(part, 0o700, dir_fd=folder)
        return os.open(part, _FOLDER, dir_fd=folder)


@contextlib.contextmanager
def _errors(home: Path, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = type(disk_error(error, home / name))
        raise kind(f"cannot reach {home / name}: {error.strerror}", remedy=f"df -h {home}") from error
