"""Who uses the mirrors, which all experiments share: nobody may remove them meanwhile.

The system's own lock on a file beside them, shared by all who use them: gone with its process, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from ralphbench.errors import AlreadyRunning
from ralphbench.record import disk_errors, make_folder, try_flock
from ralphbench.schedule.places import Places


def using_mirrors(places: Places) -> contextlib.AbstractContextManager[None]:
    """While this is held, no `ralphbench clean --mirrors` goes ahead. Raises AlreadyRunning where one is at work, DiskError."""
    return _held(places, fcntl.LOCK_SH, "the mirrors of targets are being removed just now")


def removing_mirrors(places: Places) -> contextlib.AbstractContextManager[None]:
    """Raises AlreadyRunning while anybody uses them, of whatever experiment; DiskError."""
    return _held(places, fcntl.LOCK_EX, "a run or a check is using the mirrors of targets, which all experiments share")


@contextlib.contextmanager
def _held(places: Places, mode: int, otherwise: str) -> Iterator[None]:
    make_folder(places.cache)
    path = places.cache / "mirrors.lock"
    with disk_errors(path):
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if try_flock(lock, mode) is False:  # where nothing can be locked, nothing can be told
            raise AlreadyRunning(otherwise, remedy="the same command again, when it has ended")
        yield
    finally:
        os.close(lock)
