"""A running command where there is no /proc and no subreaper (macOS): psutil, and the owner's mark."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ralphbench.errors import SandboxError
from ralphbench.sandbox.keeper import below, freeze, send_signal
from ralphbench.sandbox.processes import OWNER, owners, scan

_MARKED_WITHIN = 1.0
_LOOK_EVERY = 0.2
_DEAD_WITHIN = 10.0


class PortableProcess:
    """SandboxProcess by looking: the tree is what was seen below the command while it ran, and what carries its mark.

    Weaker than a keeper: what forks twice between two looks *and* drops its environment is not found, and after the
    owner's violent death only the reaper ends what is left.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: int,
        stderr: int,
        marker: str,
    ) -> None:
        self.marker = marker
        self._lock = threading.RLock()
        self._ended: int | None = None
        self._cpu: dict[int, float] = {}
        self._looked = 0.0
        self._spared = set(owners())  # other commands of the same owner that run already
        try:
            self._process = subprocess.Popen(
                list(argv),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**env, OWNER: marker},
                cwd=cwd,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise SandboxError(f"cannot start {argv[0]} in {cwd}: {error}") from error
        assert self._process.stdout is not None
        self.stdout: IO[bytes] = self._process.stdout
        self.pid = self._process.pid
        self._seen: set[int] = {self.pid}
        self._wait_for_mark()

    def _wait_for_mark(self) -> None:
        """The system says that a program runs a moment before its environment can be read: who looks then misses it."""
        deadline = time.monotonic() + _MARKED_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            if owners().get(self.pid) == self.marker:
                return
            time.sleep(0.001)

    def poll(self) -> int | None:
        with self._lock:
            if self._ended is None and time.monotonic() - self._looked > _LOOK_EVERY:
                self._look()
            return self._process.poll()

    def _look(self) -> set[int]:
        """What lives of the tree now."""
        self._looked = time.monotonic()
        processes = scan()
        self._seen |= {pid for pid, owner in owners().items() if owner == self.marker} - self._spared - {os.getpid()}
        self._seen |= below(self._seen, processes)
        return {pid for pid in self._seen if pid in processes and not processes[pid][1]}

    def _family(self) -> set[int]:
        """What lives of the tree now, without looking for the mark: fast enough to race with a fork bomb."""
        processes = scan()
        self._seen |= below(self._seen, processes)
        return {pid for pid in self._seen if pid in processes and not processes[pid][1]}

    def cpu_seconds(self) -> float | None:
        """Of all that was seen, each process's last known figure: never falls."""
        import psutil

        with self._lock:
            for pid in self._look() if self._ended is None else ():
                with contextlib.suppress(psutil.Error):
                    times = psutil.Process(pid).cpu_times()
                    self._cpu[pid] = max(self._cpu.get(pid, 0.0), times.user + times.system)
            return sum(self._cpu.values())

    def wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    @property
    def ended(self) -> bool:
        return self._ended is not None

    def end(self, grace: float = 2.0) -> int:
        with self._lock:
            if self._ended is None:
                self._ended = self._end(grace)
            return self._ended

    def _end(self, grace: float) -> int:
        others = self._look() - {self.pid}
        deadline = time.monotonic() + grace
        asked: set[int] = set()
        while grace > 0 and time.monotonic() < deadline and (living := self._look()):
            send_signal(living - asked, signal.SIGTERM)
            asked |= living
            others |= living - {self.pid}
            self._process.poll()
            time.sleep(0.02)
        deadline = time.monotonic() + _DEAD_WITHIN
        while living := self._look():
            others |= living - {self.pid}
            freeze(self._family)
            send_signal(self._family(), signal.SIGKILL)
            self._process.poll()
            if time.monotonic() > deadline:
                pids = ",".join(map(str, sorted(living)))
                raise SandboxError(f"processes {pids} do not die", remedy=f"ps -o pid,user,stat,args -p {pids}")
            time.sleep(0.01)
        self._process.wait()
        return len(others)
