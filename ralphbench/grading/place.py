"""Where commits are judged: for each judging a folder of its own, in no workspace that an agent knows.

Its owner holds the system's lock on it and removes it at the end. Where the owner was killed the lock is gone with it,
and whoever comes next removes what it has left.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ralphbench.record import disk_errors, make_folder, try_flock
from ralphbench.workspace import remove_tree

_PREFIX = "g-"
"""Short, so that no path is longer here than it was in the worktree."""


@contextlib.contextmanager
def place_to_judge(scratch: Path) -> Iterator[Path]:
    """An empty folder below `scratch`; what judges that were killed left there is removed first. Raises DiskError."""
    make_folder(scratch)
    remove_abandoned(scratch)
    with disk_errors(scratch):
        path, lock = _own(scratch)
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):  # what a gate made unremovable is no reason to judge again
            remove_tree(path)
        os.close(lock)


def remove_abandoned(scratch: Path) -> int:
    """Remove every place whose owner is dead; returns how many. Where nothing can be locked, none can be told."""
    removed = 0
    for path in scratch.glob(f"{_PREFIX}*"):
        lock = _locked(path)
        if lock is None:
            continue
        with contextlib.suppress(OSError):  # unremovable; it does not hinder anybody
            remove_tree(path)
            removed += 1
        os.close(lock)
    return removed


def _own(scratch: Path) -> tuple[Path, int]:
    """A new folder and the lock on it."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=scratch))
        with contextlib.suppress(FileNotFoundError):  # before it was locked, somebody else took it for abandoned
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            if try_flock(lock) is not False and os.fstat(lock).st_nlink > 0:
                return path, lock
            os.close(lock)


def _locked(path: Path) -> int | None:
    """The lock of a folder that nobody holds; None: its owner lives, it is gone, or it cannot be told."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    if try_flock(lock):
        return lock
    os.close(lock)
    return None
