"""What lies in a worktree beside its commits, build output above all, and whether it is still what it was.

A rollback takes away what the work that it undoes has left there: a program built of rejected sources would otherwise
pass for work that is done. What was there before is kept, since building it anew costs the contender's time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ralphbench.record import atomic_write, disk_errors

Marks = Mapping[bytes, bytes]
"""By path: which file it is, and when it was last touched. Neither can be set by who writes the file."""

_FOLDER = "beside"
"""In the harness's repository: one file a commit, for the last ones that can be gone back to."""


@dataclass(frozen=True, slots=True)
class Held:
    """A worktree as it was at some moment, work that is in no commit included."""

    tree: str
    marks: Marks


def marks(root: bytes, paths: Iterable[bytes]) -> dict[bytes, bytes]:
    """Those of the paths that are there. A change of content, of mode or of name changes a mark."""
    found = {}
    for path in paths:
        try:
            told = os.lstat(root + b"/" + path)
        except OSError:
            continue
        found[path] = b"%d %d" % (told.st_ino, told.st_ctime_ns)
    return found


def write_marks(gitdir: Path, commit: str, found: Marks, *, keep: Iterable[str]) -> None:
    """Remember them for a commit, and forget those of all but `keep`. Raises DiskError."""
    folder = gitdir / _FOLDER
    names = {commit, *keep}
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
        for file in folder.iterdir():
            if file.name not in names:
                file.unlink()
    if found:
        atomic_write(folder / commit, b"".join(b"%s %s\0" % (mark, path) for path, mark in found.items()))


def read_marks(gitdir: Path, commit: str) -> dict[bytes, bytes]:
    """What was remembered for a commit; nothing where that is unknown, so that everything counts as new."""
    try:
        data = (gitdir / _FOLDER / commit).read_bytes()
    except FileNotFoundError:
        return {}
    found = {}
    for record in data.split(b"\0")[:-1]:
        inode, touched, path = record.split(b" ", 2)
        found[path] = b"%s %s" % (inode, touched)
    return found
