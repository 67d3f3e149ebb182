"""Which process this is, so that it can be told from a later one with the same number, after a reboot, on another machine."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ralphbench.model import codec


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that holds something."""

    pid: int
    born: str
    """When it started, as the system counts: exact within one boot, and no clock that is set can move it."""
    boot: str
    """Which boot of the machine."""
    host: str
    since: float
    """Wall clock, seconds since the epoch."""
    command: str

    @classmethod
    def me(cls) -> Owner:
        pid = os.getpid()
        return cls(pid, born(pid) or "", boot(), socket.gethostname(), time.time(), " ".join(sys.argv)[:400])

    @property
    def here(self) -> bool:
        """Whether it is a process of this boot of this machine: only then can its number be looked up."""
        return self.boot == boot() and self.host == socket.gethostname()

    def alive(self) -> bool | None:
        """None: it cannot be known from here."""
        if self.here:
            return born(self.pid) == self.born
        return False if self.host == socket.gethostname() else None

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host} since {since} ({self.command})"


def read_owner(data: bytes) -> Owner | None:
    """None where the bytes are torn: whoever wrote them did not come to the end."""
    with contextlib.suppress(ValueError, RecursionError):
        return codec.loads(data, Owner)
    return None


def born(pid: int) -> str | None:
    """None: there is no such process, or it has ended and only waits to be noticed."""
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, *fields = stat[stat.rindex(b")") + 2 :].split()
        return None if state in (b"Z", b"X") else f"tick {int(fields[18])}"
    import psutil

    try:
        return f"at {psutil.Process(pid).create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def boot() -> str:
    """An id of this boot of the machine."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    import psutil

    return f"at {psutil.boot_time():.0f}"
