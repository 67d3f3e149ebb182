"""The system's own lock on an open file or folder: gone with its process, however that ends."""

from __future__ import annotations

import errno
import fcntl

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)
"""EBADF: a network file system that locks nothing that is open for reading alone, as folders are."""


def try_flock(fd: int, mode: int = fcntl.LOCK_EX) -> bool | None:
    """True: taken; False: another process holds it; None: this file system has no such lock. Never waits."""
    try:
        return _flock(fd, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False


def wait_flock(fd: int) -> bool | None:
    """The same, for oneself alone, after all who hold it: True or None."""
    return _flock(fd, fcntl.LOCK_EX)


def _flock(fd: int, mode: int) -> bool | None:
    try:
        fcntl.flock(fd, mode)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True
