"""Runs a ticket's acceptance command in the sandbox: its two streams apart, its time and what it says bounded."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from ralphbench.record import make_folder
from ralphbench.sandbox import Sandbox, SandboxProcess

KEPT = 1_000_000
"""Bytes of the end of a stream that are kept."""
FLOOD = 100_000_000
"""Bytes on standard error: a command that says more is ended, before it fills the disk."""
_CHUNK = 1 << 16
_DRAIN = 1.0
"""Seconds for what is still in the pipe when the tree is dead: one that was handed out of it stays open."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`exit` None: the command had to be ended."""

    exit: int | None
    seconds: float
    stdout: str
    stderr: str


def run_check(sandbox: Sandbox, command: str, *, timeout: float, folder: Path) -> Checked:
    """Run `sh -c command` in the worktree and end everything that it started.

    `folder` must be out of the agent's reach: a link or a pipe in the place of a file there would be opened by the harness.
    Raises SandboxError, DiskError.
    """
    make_folder(folder)
    errors = folder / "check.err"
    errors.unlink(missing_ok=True)
    began = time.monotonic()
    process = sandbox.start(["sh", "-c", command], env=sandbox.base_env(), stdin=None, stderr=errors)
    said = _Tail()
    with contextlib.closing(process.stdout):
        try:
            _read(process, said, errors, began + timeout)
            status = process.poll()
        finally:
            process.end(0.5)
        _drain(process, said)
    return Checked(status, time.monotonic() - began, said.text(), _tail_of(errors))


class _Tail:
    """The last `KEPT` bytes of a stream."""

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self._size = 0

    def add(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        while self._size - len(self._parts[0]) >= KEPT:
            self._size -= len(self._parts.popleft())

    def text(self) -> str:
        return b"".join(self._parts)[-KEPT:].decode("utf-8", errors="replace")


def _read(process: SandboxProcess, said: _Tail, errors: Path, deadline: float) -> None:
    """Until the command ends, its time is up, or it floods."""
    pipe = process.stdout.fileno()
    waiter = select.poll()
    waiter.register(pipe, select.POLLIN)
    open_ = True
    while process.poll() is None and time.monotonic() < deadline and errors.stat().st_size < FLOOD:
        if not open_:
            time.sleep(0.01)
        elif waiter.poll(50):
            data = os.read(pipe, _CHUNK)
            open_ = bool(data)
            if data:
                said.add(data)


def _drain(process: SandboxProcess, said: _Tail) -> None:
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)
    deadline = time.monotonic() + _DRAIN
    with contextlib.suppress(BlockingIOError):
        while time.monotonic() < deadline and (data := os.read(pipe, _CHUNK)):
            said.add(data)


def _tail_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - KEPT))
        return file.read().decode("utf-8", errors="replace")
