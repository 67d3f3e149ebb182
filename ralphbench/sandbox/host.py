"""Commands on this machine itself: no isolation, but a private home and an end that nothing escapes."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ralphbench.errors import SandboxError
from ralphbench.model import GatewayAddress
from ralphbench.record import disk_error
from ralphbench.sandbox.capped import CappedLog
from ralphbench.sandbox.kept import KeptProcess
from ralphbench.sandbox.portable import PortableProcess
from ralphbench.sandbox.processes import LINUX
from ralphbench.sandbox.protocol import Completed, SandboxSpec

_CHUNK = 1 << 16
_LEFT_GRACE = 0.5
"""Seconds between TERM and KILL for what a command of `run` leaves behind."""
_DRAIN = 1.0
"""Seconds for what is still in the pipe when the tree is dead: a pipe that was handed out of the tree stays open."""
_FOLDERS = {
    "HOME": "",
    "XDG_DATA_HOME": ".local/share",
    "XDG_CONFIG_HOME": ".config",
    "XDG_CACHE_HOME": ".cache",
    "XDG_STATE_HOME": ".local/state",
    "TMPDIR": "tmp",
}

Process = KeptProcess | PortableProcess


class HostSandbox:
    """Sandbox `host`. Raises DiskError where the home cannot be made, SandboxError where there is no worktree."""

    name = "host"
    isolated = False

    def __init__(self, spec: SandboxSpec, *, portable: bool = not LINUX) -> None:
        self.spec = spec
        self._kind: type[KeptProcess] | type[PortableProcess] = PortableProcess if portable else KeptProcess
        self._started: list[Process] = []
        if not spec.worktree.is_dir():
            raise SandboxError(f"there is no worktree at {spec.worktree}")
        for folder in _FOLDERS.values():
            self._make(spec.home / folder)

    @classmethod
    def unavailable(cls) -> str | None:
        """Why it cannot be used here; None: it can."""
        return None

    @staticmethod
    def _make(folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            kind = type(disk_error(error, folder))
            raise kind(f"cannot make {folder}: {error.strerror}", remedy=f"df -h {folder.parent}") from error

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: Path | None,
        stderr: Path,
        cwd: Path | None = None,
    ) -> Process:
        with contextlib.ExitStack() as files:
            try:
                given = files.enter_context(stdin.open("rb")).fileno() if stdin is not None else subprocess.DEVNULL
                errors = files.enter_context(stderr.open("ab")).fileno()
            except OSError as error:
                raise SandboxError(f"cannot start {argv[0]}: {error.filename}: {error.strerror}") from error
            return self._spawn(argv, env=env, stdin=given, stderr=errors, cwd=cwd)

    def _spawn(
        self, argv: Sequence[str], *, env: Mapping[str, str], stdin: int, stderr: int, cwd: Path | None
    ) -> Process:
        process = self._kind(
            argv, env=env, cwd=cwd or self.spec.worktree, stdin=stdin, stderr=stderr, marker=self.spec.marker
        )
        self._started = [other for other in self._started if not other.ended] + [process]
        return process

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        timeout: float,
        log: Path,
        cwd: Path | None = None,
        limit: int = 10_000_000,
    ) -> Completed:
        started = time.monotonic()
        capped = CappedLog(log, limit)
        with contextlib.ExitStack() as closed:
            closed.callback(capped.close)
            process = self._spawn(argv, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd=cwd)
            closed.callback(process.stdout.close)
            try:
                for data in _output(process, started + timeout):
                    capped.write(data)
                status = process.poll()
            finally:
                leftovers = process.end(_LEFT_GRACE)
            for data in _rest(process):
                capped.write(data)
        return Completed(
            exit=status,
            timed_out=status is None,
            seconds=time.monotonic() - started,
            leftovers=leftovers,
            output_truncated=capped.truncated,
        )

    def base_env(self) -> dict[str, str]:
        """PATH is the user's, since the tools are there, but for the environment that ralphbench itself runs in:
        whether that one is activated must make no difference. The language is the same for everyone.
        """
        own = Path(sys.prefix, "bin") if sys.prefix != sys.base_prefix else None
        given = os.environ.get("PATH", os.defpath).split(os.pathsep)
        path = [entry for entry in given if os.path.isabs(entry) and Path(entry) != own]
        folders = {name: str(self.spec.home / folder) for name, folder in _FOLDERS.items()}
        return {"PATH": os.pathsep.join(path) or os.defpath, "LANG": "C.UTF-8", **folders}

    def inside(self, path: Path) -> str:
        return str(path)

    def gateway_url(self, address: GatewayAddress) -> str:
        return address.url

    def close(self) -> None:
        while self._started:
            process = self._started.pop()
            process.end(0.0)
            process.stdout.close()

    def __enter__(self) -> HostSandbox:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _output(process: Process, deadline: float) -> Iterator[bytes]:
    """What the command writes, until it ends or its time is up. A daemon that holds the pipe holds up nothing."""
    pipe = process.stdout.fileno()
    waiter = select.poll()
    waiter.register(pipe, select.POLLIN)
    open_ = True
    while process.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        if not open_:
            process.wait(left)
            continue
        if waiter.poll(min(left, 0.05) * 1000):
            data = os.read(pipe, _CHUNK)
            open_ = bool(data)
            yield data


def _rest(process: Process) -> Iterator[bytes]:
    """What is still in the pipe, now that nothing of the tree lives."""
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)
    deadline = time.monotonic() + _DRAIN
    while time.monotonic() < deadline:
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return  # held open from outside the tree, and empty
        if not data:
            return
        yield data
