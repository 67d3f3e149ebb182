"""Lay the grader's own files into a checkout, whatever lies in their way there."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ralphbench.config import NO_GATES
from ralphbench.errors import TaskError
from ralphbench.workspace import Entry, printable, remove_tree

_JUNK = frozenset(map(os.fsencode, NO_GATES))
_CHUNK = 1024 * 1024
_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Laid:
    """One file of the grader's: where it comes from and where it lies, relative to the checkout."""

    source: bytes
    path: bytes
    sha256: bytes
    """Of what it was when judging began."""


def hidden_files(hidden: Path) -> list[Laid]:
    """What grading puts beside the code: `hidden/**` as it is, `hidden/overlay/**` at the root of the checkout.

    Raises TaskError for a symbolic link or special file among them: it would not be the same everywhere.
    """
    if not hidden.is_dir():
        return []
    root = os.fsencode(hidden)
    laid = []
    for path in _walk(root):
        overlay = path.startswith(b"overlay/")
        lies = path.removeprefix(b"overlay/") if overlay else b"hidden/" + path
        laid.append(Laid(root + b"/" + path, lies, _sha256(root + b"/" + path)))
    return sorted(laid, key=lambda one: one.path)


def _walk(root: bytes) -> Iterator[bytes]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _JUNK)
        names = [name for name in names if name not in _JUNK]
        for name in sorted(names + [f for f in folders if os.path.islink(os.path.join(folder, f))]):
            path = os.path.join(folder, name)
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise TaskError(
                    f"{printable(path)} is a link or a special file: hidden files must be plain ones",
                    remedy=f"cp --remove-destination $(readlink -f {printable(path)}) {printable(path)}",
                )
            yield os.path.relpath(path, root)


def lay(one: Laid, checkout: Path) -> None:
    """Put one file in its place, read-only. Raises TaskError where it is not any more what it was when judging began."""
    dest = clear_way(one.path, checkout)
    shutil.copyfile(one.source, dest)
    if _sha256(dest) != one.sha256:
        raise TaskError(f"{printable(one.source)} was changed while it judged")
    os.chmod(dest, stat.S_IMODE(os.stat(one.source).st_mode) & ~_WRITE | stat.S_IRUSR)


def clear_way(path: bytes, checkout: Path) -> bytes:
    """Make real folders down to a path and nothing at it; links, files and folders in the way are removed, never
    followed. Returns the whole path.
    """
    at = os.fsencode(checkout)
    *folders, name = path.split(b"/")
    for folder in folders:
        at = os.path.join(at, folder)
        if os.path.islink(at) or not os.path.isdir(at):
            remove_tree(at)
            os.mkdir(at)
    dest = os.path.join(at, name)
    remove_tree(dest)
    return dest


def intact(one: Laid, checkout: Path) -> bool:
    """Whether a laid file is still what was put there, byte by byte, and lies in real folders."""
    dest = os.path.join(os.fsencode(checkout), one.path)
    try:
        if not _in_real_folders(one.path, checkout) or not stat.S_ISREG(os.lstat(dest).st_mode):
            return False
        return _sha256(dest) == one.sha256
    except OSError:
        return False


def _sha256(path: bytes) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def as_committed(entry: Entry, checkout: Path) -> bool:
    """Whether a file of the checkout is still what the tree says. Its bytes are read: times can be set back."""
    dest = os.path.join(os.fsencode(checkout), entry.path)
    made = hashlib.sha256 if len(entry.sha) == 64 else hashlib.sha1
    try:
        status = os.lstat(dest)
        if not _in_real_folders(entry.path, checkout):
            return False
        if entry.link:
            said = os.readlink(dest) if stat.S_ISLNK(status.st_mode) else b""
            return made(b"blob %d\0%b" % (len(said), said), usedforsecurity=False).hexdigest() == entry.sha
        if not stat.S_ISREG(status.st_mode) or bool(status.st_mode & stat.S_IXUSR) != (entry.mode == "100755"):
            return False
        digest = made(b"blob %d\0" % status.st_size, usedforsecurity=False)
        with open(dest, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest() == entry.sha
    except OSError:
        return False


def _in_real_folders(path: bytes, checkout: Path) -> bool:
    """Whether no folder above a path is a link."""
    root, folder = os.path.realpath(os.fsencode(checkout)), os.path.dirname(path)
    return os.path.realpath(os.path.join(root, folder)) == (os.path.join(root, folder) if folder else root)
