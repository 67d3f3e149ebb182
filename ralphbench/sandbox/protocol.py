"""Where a command runs. One sandbox serves one attempt (or one grading) and ends everything it started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from ralphbench.model import GatewayAddress


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What a sandbox is opened for."""

    worktree: Path
    """The working directory: `/workspace` inside, where the sandbox has an inside."""
    home: Path
    """The private HOME itself; XDG's folders are at their usual places in it (`.config`, ...), TMPDIR is `tmp`."""
    marker: str
    """Value of RALPHBENCH_OWNER in every process: what the reaper finds leftovers by."""
    gateway: Path | None = None
    """Folder of the gateway's unix socket; None: no road to a model (grading)."""
    network: bool = False
    read_only: Sequence[Path] = ()
    """Further folders that may be read: an agent's installation."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended, with everything it started."""

    exit: int | None
    """None: ended by us. A signal is negative, as in `subprocess`."""
    timed_out: bool
    seconds: float
    leftovers: int
    """Processes that outlived the command and were ended."""
    output_truncated: bool = False


class SandboxProcess(Protocol):
    """A running command."""

    @property
    def stdout(self) -> IO[bytes]:
        """A pipe, in blocking mode; `select` works on it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""

    def cpu_seconds(self) -> float | None:
        """Of the whole tree so far; None: cannot be told. Never falls."""

    def end(self, grace: float = 2.0) -> int:
        """TERM, then KILL, to the whole tree, also to what left its process group or session; returns only
        when all of it is confirmed dead. Returns how many processes beside the first one were ended.
        Safe to call again, and after a normal exit (then it ends what was left behind).
        """


class Sandbox(Protocol):
    """Runs commands somewhere. A context manager; leaving it ends everything."""

    name: str
    isolated: bool
    """False: the command could reach more than the worktree and its gateway. The report says so."""

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: Path | None,
        stderr: Path,
        cwd: Path | None = None,
    ) -> SandboxProcess:
        """Start a command whose standard output is read by the caller. `env` is the whole environment apart from
        RALPHBENCH_OWNER. stdin None is /dev/null. cwd None is the worktree. Raises SandboxError.
        """

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
        """Run a command to its end; both streams into `log`, at most `limit` bytes (head and tail are kept)."""

    def base_env(self) -> dict[str, str]:
        """PATH, LANG, HOME, XDG_*, TMPDIR: the minimum, nothing of the user's own."""

    def inside(self, path: Path) -> str:
        """How a path of the host (worktree, home or read_only) is called inside."""

    def gateway_url(self, address: GatewayAddress) -> str:
        """The gateway's URL as seen from inside."""

    def close(self) -> None: ...

    def __enter__(self) -> Sandbox: ...

    def __exit__(self, *exc: object) -> None: ...


class SandboxKind(Protocol):
    """What the entry points of `ralphbench.sandboxes` name: a class of sandboxes."""

    def __call__(self, spec: SandboxSpec) -> Sandbox: ...

    def unavailable(self) -> str | None:
        """Why no sandbox of this kind can be opened on this machine; None: it can. A class method."""
