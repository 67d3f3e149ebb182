"""A running command behind its keeper, as its owner holds it."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ralphbench.errors import SandboxError
from ralphbench.sandbox import keeper
from ralphbench.sandbox.processes import OWNER, descendants, end_tree, owners, session, tree_cpu

_START_WITHIN = 60.0
"""Seconds in which the keeper must answer, on a machine that swaps too."""
_CPU_EVERY = 0.2
"""Seconds that a count of CPU time is good for: it reads all of /proc."""
_ANSWER_WITHIN = keeper.STUCK_AFTER + 5.0
"""Seconds after the grace in which a keeper says how it goes; one that is silent was stopped by its own command."""
_living: set[KeptProcess] = set()
"""Of this process, all sandboxes together: whose tree a stray belongs to is told by whose it cannot be."""


class KeptProcess:
    """SandboxProcess on Linux. Usable from several threads."""

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
        """`stdin`, `stderr`: open file descriptors, or subprocess.DEVNULL and STDOUT; the caller closes them.
        Raises SandboxError where the command cannot be started.
        """
        self.marker = marker
        self._lock = threading.RLock()
        self._status: int | None = None
        self._ended: int | None = None
        self._buffer = b""
        self._cpu, self._cpu_raw, self._cpu_at = 0.0, 0.0, 0.0
        self._socket, theirs = socket.socketpair()
        try:
            with theirs:
                self._keeper = _start_keeper(theirs.fileno(), stdin, stderr, marker)
        except OSError as error:
            self._socket.close()
            raise SandboxError(f"cannot start {argv[0]}: {error}") from error
        assert self._keeper.stdout is not None
        self.stdout: IO[bytes] = self._keeper.stdout
        _living.add(self)
        try:
            self.pid = self._start(argv, {**env, OWNER: marker}, cwd)
        except BaseException:
            self.end(0.0)
            self.stdout.close()
            raise

    def _start(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> int:
        job = marshal.dumps((list(argv), dict(env), str(cwd)))
        try:
            self._socket.sendall(len(job).to_bytes(4, "big") + job)
            self._socket.setblocking(False)
            self._first_word()
        except OSError as error:
            raise SandboxError(f"cannot start {argv[0]}: no word from its keeper ({error})") from error
        line, _, self._buffer = self._buffer.partition(b"\n")
        word, _, value = line.decode().partition(" ")
        if word != "started":
            self._bury(0)
            raise SandboxError(f"cannot start {argv[0]} in {cwd}: {os.strerror(int(value))}")
        return int(value)

    def _first_word(self) -> None:
        """Wait for it. Raises OSError where the keeper dies or is silent."""
        deadline = time.monotonic() + _START_WITHIN
        while b"\n" not in self._buffer:
            if self._silent(1.0):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"silent for {_START_WITHIN:g} s")
                self._keeper.send_signal(signal.SIGCONT)  # its command may be as quick as to have stopped it already
                continue
            more = self._socket.recv(4096)
            if not more:
                raise ConnectionError("it died")
            self._buffer += more

    def _silent(self, seconds: float) -> bool:
        """Wait so long at most for news from the keeper. True: none came."""
        readable = select.poll()
        readable.register(self._socket, select.POLLIN)
        return not readable.poll(max(0.0, seconds) * 1000)

    def poll(self) -> int | None:
        with self._lock:
            self._hear()
            return self._status

    def _hear(self) -> None:
        """Take in what the keeper has said so far."""
        self._take_in()
        while self._ended is None:
            try:
                data = self._socket.recv(4096)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._orphaned()
            self._buffer += data
            self._take_in()

    def _take_in(self) -> None:
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            word, _, value = line.decode().partition(" ")
            if word == "exit":
                self._status = int(value)
            elif word == "stuck":
                raise SandboxError(f"processes {value} do not die", remedy=f"ps -o pid,user,stat,args -p {value}")
            elif word == "ended":
                self._bury(int(value))

    def _orphaned(self) -> None:
        """The keeper was killed, by the command or for want of memory: its tree is found by its mark."""
        self._keeper.kill()
        ended = 0
        while strays := self._strays():
            ended += sum(end_tree(pid, 0.0) for pid in strays)
        self._bury(ended)

    def _strays(self) -> set[int]:
        """What carries our mark, but for other commands' trees and for what is in our own session, where no command is."""
        others = {kept._keeper.pid for kept in list(_living) if kept is not self}
        spared = others.union({self._keeper.pid}, *(descendants(pid) for pid in others))
        marked = {pid for pid, owner in owners().items() if owner == self.marker} - spared
        return {pid for pid in marked if session(pid) not in (None, os.getsid(0))}

    @property
    def ended(self) -> bool:
        """Whether the whole tree is known to be dead."""
        return self._ended is not None

    def _bury(self, count: int) -> None:
        self._ended = count
        if self._status is None:
            self._status = -signal.SIGKILL
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._keeper.wait(5.0)
        _living.discard(self)

    def cpu_seconds(self) -> float | None:
        """Never falls: of a count that fell (children that nobody waited for) only what comes after is added."""
        with self._lock:
            now = time.monotonic()
            if self._ended is None and now - self._cpu_at >= _CPU_EVERY:
                raw = tree_cpu(self._keeper.pid)
                if raw is not None:
                    self._cpu += max(0.0, raw - self._cpu_raw)
                    self._cpu_raw, self._cpu_at = raw, now
            return self._cpu

    def wait(self, seconds: float) -> bool:
        """Wait so long at most for the command itself to end. True: it has."""
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() >= deadline:
                return False
            self._silent(deadline - time.monotonic())
        return True

    def end(self, grace: float = 2.0) -> int:
        """See SandboxProcess. Raises SandboxError where something does not die."""
        with self._lock:
            self._hear()
            if self._ended is None:
                self._keeper.send_signal(signal.SIGCONT)  # in case its command has stopped it
                with contextlib.suppress(OSError):  # it died this moment: heard below
                    self._socket.sendall(f"end {grace}\n".encode())
            while self._ended is None:
                if self._silent(grace + _ANSWER_WITHIN):
                    self._keeper.kill()  # the socket closes, and the tree is found by its mark
                self._hear()
            return self._ended


def _start_keeper(owner: int, stdin: int, stderr: int, marker: str) -> subprocess.Popen[bytes]:
    """In a session of its own, where neither the terminal's signals nor its command's reach it."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", keeper.__file__, str(owner)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={OWNER: marker},
        cwd="/",
        pass_fds=(owner,),
        start_new_session=True,
    )
