"""Writing to disk so that a file is whole or not there, and a full disk says what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from ralphbench.errors import DiskError, DiskFull, UsageError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM}
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ESTALE}
_TEMP = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)-\d+\.tmp$")


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """For writing: turn what the disk refuses at `path` into DiskError with a command to type. Other errors pass."""
    try:
        yield
    except OSError as error:
        problem = _disk_error(error, path)
        if problem is None:
            raise
        raise problem from error


def disk_error(error: OSError, path: Path) -> DiskError:
    """The same for one error, whatever it is."""
    said = f"cannot write {path}: {error.strerror or error}"
    return _disk_error(error, path) or DiskError(said, remedy=f"ls -ld {shlex.quote(str(_nearest(path)))}")


def _disk_error(error: OSError, path: Path) -> DiskError | None:
    place = shlex.quote(str(_nearest(path)))
    again = "then type the same command again: it goes on where it stopped"
    said = os.strerror(error.errno) if error.errno is not None else str(error)
    if error.errno in _FULL:
        look = "quota -s" if error.errno == errno.EDQUOT else f"df -h {place}"
        return DiskFull(f"cannot write {path}: {said}", remedy=f"{look}   # make room there, {again}")
    if error.errno == errno.EFBIG:
        return DiskError(f"cannot write {path}: {said}", remedy=f"ulimit -f   # raise it, {again}")
    if error.errno == errno.EROFS:
        return DiskError(f"cannot write {path}: {said}", remedy=f"findmnt -T {place}   # make it writable, {again}")
    if error.errno in _DENIED:
        remedy = f'ls -ld {place}; sudo chown -R "$(id -u)" {place}   # {again}'
        return DiskError(f"cannot write {path}: {said}", remedy=remedy)
    if error.errno in _GONE:
        return DiskError(f"cannot write {path}: its folder is gone ({said})", remedy=f"ls -ld {place}   # {again}")
    if error.errno == errno.EIO:
        return DiskError(f"cannot write {path}: the disk failed ({said})", remedy="dmesg | tail   # look for the disk")
    return None


def _nearest(path: Path) -> Path:
    """The deepest folder of `path` that is there, itself included: what a user can look at."""
    for folder in (path.absolute(), *path.absolute().parents):
        with contextlib.suppress(OSError):
            if folder.is_dir():
                return folder
    return Path("/")


def make_folder(path: Path) -> Path:
    """Make a folder and those above it. Raises DiskError."""
    try:
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        remedy = f"mv {shlex.quote(str(path))} {shlex.quote(str(path))}.old"
        raise DiskError(f"cannot make the folder {path}: a file is there", remedy=remedy) from error
    return path


def atomic_write(path: Path, data: bytes, *, fsync: bool = True) -> None:
    """Put `data` at `path` so that every reader sees the old file or the whole new one, also after a power cut.

    `fsync=False` is for what can be made again: it is still whole after a kill, but not surely there after a power cut.
    Raises DiskError; then the old file is as it was, and nothing else is left.
    """
    with atomic_file(path, fsync=fsync) as descriptor:
        write_all(descriptor, data)


@contextlib.contextmanager
def atomic_file(path: Path, *, fsync: bool = True) -> Iterator[int]:
    """The same for what is written in parts: a descriptor to write to. It is at `path` when the block ends in order."""
    with disk_errors(path):
        _sweep(path)
        temp = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}.tmp")
        try:
            descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            try:
                yield descriptor
                if fsync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temp.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temp.unlink()
            raise
        if fsync:
            sync_folder(path.parent)


def require_writable(path: Path) -> None:
    """Look, before anything is spent, whether a file can be put at `path`. Raises UsageError (no such folder), DiskError."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(
            f"cannot write {path}: there is no folder {folder}", remedy=f"mkdir -p {shlex.quote(str(folder))}"
        )
    with disk_errors(path), tempfile.TemporaryFile(dir=folder):
        pass


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything; a disk that fills up takes a part first, and refuses only the next write."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a renamed file is lost with its folder's entry."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that has no such thing
            raise
    finally:
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove what a killed writer of this same file left behind; a live one's is not touched."""
    with os.scandir(path.parent) as entries:
        for entry in entries:
            match = _TEMP.fullmatch(entry.name)
            if match and match["name"] == path.name and not _lives(int(match["pid"])):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
