"""The lock that keeps two runs of one experiment apart, and knows a dead owner from a live one.

Two things must agree before it is held: the system's own lock on the file (flock, gone with its process whatever happens), and
what the file says of its owner. Where the file system has no flock, the file alone decides.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from ralphbench.errors import AlreadyRunning, RecordError
from ralphbench.model import codec
from ralphbench.record.disk import disk_errors, make_folder, sync_folder, write_all
from ralphbench.record.flock import try_flock
from ralphbench.record.owner import Owner, boot, read_owner

_PATIENCE = 1.0
"""Seconds: a look at the lock by `holder` takes it for an instant."""


class Lock:
    """Held from `acquire` to `release`, or by `with`. Ends with the process, also with `kill -9`."""

    def __init__(self, path: Path, *, what: str = "") -> None:
        """`what` is named in messages: `experiment 002-local-models`."""
        self.path = path
        self.what = what or str(path)
        self.taken_over: Owner | None = None
        """The dead owner whose lock this was, to be reported."""
        self._fd = -1

    @property
    def held(self) -> bool:
        return self._fd >= 0

    def acquire(self) -> Owner | None:
        """Take the lock; returns the dead owner that it was taken over from.

        Raises AlreadyRunning where another process holds it (it says who, since when, and how to stop it), DiskError.
        """
        if self.held:
            raise AlreadyRunning(f"{self.what} is held by this process already")
        make_folder(self.path.parent)
        deadline = time.monotonic() + _PATIENCE
        while (fd := self._locked_file(deadline)) is None:
            time.sleep(0.02)
        try:
            self.taken_over = self._dead_owner(fd)
            self._sign(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return self.taken_over

    def release(self) -> None:
        """Give the lock back. Nothing happens where it is not held."""
        if not self.held:
            return
        try:
            # Removed while still locked: nobody can have taken it in between.
            with disk_errors(self.path):
                self.path.unlink(missing_ok=True)
        finally:
            os.close(self._fd)
            self._fd = -1

    def holder(self) -> Owner | None:
        """The live owner as it can be seen from here, without taking the lock; None where nobody holds it.

        An owner on another machine, which cannot be asked, counts as live. Raises RecordError where the file cannot be read.
        """
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RecordError(f"{self.path} cannot be read: {error.strerror}", remedy=f"ls -l {self.path}") from error
        try:
            owner = read_owner(os.pread(fd, 1 << 16, 0))
            if owner is None:
                return None
            if owner.alive() is None and _same_boot(owner):
                return owner if try_flock(fd, fcntl.LOCK_SH) is False else None
            return None if owner.alive() is False else owner
        finally:
            os.close(fd)

    def _locked_file(self, deadline: float) -> int | None:
        """The open and locked file; None: try again. Raises AlreadyRunning."""
        with disk_errors(self.path):
            try:
                fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            except FileExistsError:
                try:
                    fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
                except FileNotFoundError:
                    return None
        try:
            if try_flock(fd, fcntl.LOCK_EX) is False:
                owner = read_owner(os.pread(fd, 1 << 16, 0))
                if (owner is not None and owner.alive()) or time.monotonic() > deadline:
                    raise self._busy(owner)
            elif _is_still(fd, self.path):
                kept, fd = fd, -1
                return kept
            return None
        finally:
            if fd >= 0:
                os.close(fd)

    def _dead_owner(self, fd: int) -> Owner | None:
        """Who signed the file before. Raises AlreadyRunning where that one may be alive although the system's lock is free."""
        owner = read_owner(os.pread(fd, 1 << 16, 0))
        if owner is None:
            return None
        alive = owner.alive()
        # Same boot under another host name: a container of this machine. Its flock is ours to see, and it is free.
        if alive or (alive is None and not _same_boot(owner)):
            raise self._busy(owner)
        return owner

    def _sign(self, fd: int) -> None:
        with disk_errors(self.path):
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
            write_all(fd, codec.pretty(Owner.me()))
            os.fsync(fd)
            sync_folder(self.path.parent)

    def _busy(self, owner: Owner | None) -> AlreadyRunning:
        if owner is None or owner.alive() is False:
            who = "does not say who it is" if owner is None else f"was left behind by {owner}"
            message = f"{self.what} is locked by a process that {who}"
            return AlreadyRunning(message, remedy=f"fuser -v {self.path}   # shows who; end it, then try again")
        message = f"{self.what} is being run by {owner}"
        if owner.here:
            return AlreadyRunning(message, remedy=f"kill -INT {owner.pid}   # it stops cleanly, and can go on later")
        elsewhere = f"ssh {owner.host} kill -INT {owner.pid}   # or, where that machine is gone: rm {self.path}"
        return AlreadyRunning(message, remedy=elsewhere)

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _is_still(fd: int, path: Path) -> bool:
    """Whether the file is still the one at the path: its owner may have removed it before we had the lock."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _same_boot(owner: Owner) -> bool:
    return owner.boot == boot()
