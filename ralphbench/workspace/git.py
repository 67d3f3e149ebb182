"""One way to run git: an environment made from nothing, bytes in and out, a time limit, git's last word in the error.

Nothing of the user's, of the machine's or of a tree that an agent wrote has a say in what git does here: no system or
global configuration, no hooks, filters, file-system monitor, credential helper, pager, editor or signing, no replaced
objects or grafts, no transport but what a caller allows. The repository's own configuration still counts, so only
repositories that the harness made are ever passed as `gitdir`, but for the few read-only questions of `source`.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ralphbench.errors import DiskError, DiskFull, EnvironmentProblem, RalphbenchError, WorkspaceError

TIMEOUT = 600.0
"""Seconds that one git command may take."""

MINIMUM = (2, 34)

_WORKERS = max(2, min(8, os.cpu_count() or 1))

_CONFIG: Mapping[str, str] = {
    "advice.graftFileDeprecated": "false",
    "checkout.thresholdForParallelism": "200",
    "checkout.workers": str(_WORKERS),
    "commit.gpgSign": "false",
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.bigFileThreshold": "32m",  # larger ones are streamed, never held in memory or diffed line by line
    "core.checkStat": "default",
    "core.eol": "lf",
    "core.excludesFile": os.devnull,
    "core.fileMode": "true",
    "core.fsmonitor": "",  # also before 2.36, where it was the name of a hook
    "core.hooksPath": os.devnull,
    "core.ignoreCase": "false",
    "core.precomposeUnicode": "false",
    "core.protectHFS": "false",
    "core.protectNTFS": "false",
    "core.quotePath": "true",
    "core.safecrlf": "false",
    "core.sparseCheckout": "false",
    "core.splitIndex": "false",
    "core.symlinks": "true",
    "core.trustctime": "true",
    "core.untrackedCache": "false",
    "credential.helper": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "safe.directory": "*",
    "submodule.recurse": "false",
}

_ENVIRONMENT: Mapping[str, str] = {
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_ASKPASS": "false",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_DEFAULT_REF_FORMAT": "files",
    "GIT_EDITOR": "false",
    "GIT_GRAFT_FILE": "/nonexistent/grafts",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "SSH_ASKPASS": "false",
    "XDG_CONFIG_HOME": "/nonexistent",
}

_FULL = ("No space left on device", "Disk quota exceeded")
_CLOSED = "Read-only file system"


def require_git() -> str:
    """The version of git. Raises EnvironmentProblem where it is missing or too old to be kept from its configuration."""
    said = Git(error=EnvironmentProblem).text("version")
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM:
        wanted = ".".join(str(n) for n in MINIMUM)
        raise EnvironmentProblem(f"{said!r} is too old: {wanted} or later is needed", remedy="apt-get install git")
    return said.removeprefix("git version ")


def clean_environment() -> dict[str, str]:
    """What every git of the harness gets, whatever this process was started with."""
    env = dict(_ENVIRONMENT)
    # The owner's mark lets the reaper find a git whose owner was killed.
    for name in ("PATH", "TMPDIR", "RALPHBENCH_OWNER"):
        if name in os.environ:
            env[name] = os.environ[name]
    env["GIT_CONFIG_COUNT"] = str(len(_CONFIG))
    for n, (key, value) in enumerate(_CONFIG.items()):
        env[f"GIT_CONFIG_KEY_{n}"] = key
        env[f"GIT_CONFIG_VALUE_{n}"] = value
    return env


def users_environment() -> dict[str, str]:
    """The user's own, without what names a repository, and without a question that nobody would answer."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return env | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Git:
    """Git on one repository. `error` is the class that a failure is raised as."""

    gitdir: Path | None = None
    worktree: Path | None = None
    index: Path | None = None
    error: type[RalphbenchError] = WorkspaceError
    timeout: float = TIMEOUT
    clean: bool = True
    """False: with the user's own configuration and access, for reading what only the user can read."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Environment beside the clean one: dates, names, an allowed protocol."""

    def environment(self) -> dict[str, str]:
        """The whole environment that git is started with."""
        env = clean_environment() if self.clean else users_environment()
        for name, path in (("GIT_DIR", self.gitdir), ("GIT_WORK_TREE", self.worktree), ("GIT_INDEX_FILE", self.index)):
            if path is not None:
                env[name] = str(path)
        return env | dict(self.extra)

    def run(self, *args: str, stdin: bytes | None = None, ok: Collection[int] = (0,)) -> bytes:
        """Standard output. Raises `error` for an exit status that is not in `ok`, DiskError where the disk is full."""
        return self.full(*args, stdin=stdin, ok=ok)[1]

    def text(self, *args: str, stdin: bytes | None = None, ok: Collection[int] = (0,)) -> str:
        """Standard output without the last newline; bytes that are not UTF-8 as surrogates."""
        return os.fsdecode(self.run(*args, stdin=stdin, ok=ok)).rstrip("\n")

    def lines(self, *args: str, stdin: bytes | None = None) -> list[bytes]:
        """Standard output of a command with `-z`, cut at its NULs."""
        return split_nul(self.run(*args, stdin=stdin))

    def full(
        self,
        *args: str,
        stdin: bytes | IO[bytes] | None = None,
        ok: Collection[int] = (0,),
        stdout: IO[bytes] | None = None,
    ) -> tuple[int, bytes, bytes]:
        """(exit status, standard output, standard error)."""
        data = stdin if isinstance(stdin, bytes) else None
        opened: IO[bytes] | int = subprocess.PIPE if isinstance(stdin, bytes) else stdin or subprocess.DEVNULL
        with self.start(*args, stdin=opened, stdout=stdout) as process:
            try:
                out, err = process.communicate(data, timeout=self.timeout)
            except subprocess.TimeoutExpired:
                raise self.error(f"{self._what(args)} did not end within {self.timeout:.0f} s") from None
        if process.returncode not in ok:
            raise self.failure(args, process.returncode, err)
        return process.returncode, out or b"", err

    def to_file(self, dest: Path, *args: str, stdin: bytes | None = None) -> None:
        """Standard output into a file, by a temporary name beside it: whole or not there, also after a power cut."""
        temporary = dest.with_name(f".{dest.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as out:
                self.full(*args, stdin=stdin, stdout=out)
                os.fsync(out.fileno())
            temporary.replace(dest)
        finally:
            temporary.unlink(missing_ok=True)

    def feed(self, source: IO[bytes], *args: str) -> bytes:
        """Standard output of a command that reads a file as its standard input."""
        return self.full(*args, stdin=source)[1]

    def head_of(self, *args: str, limit: int) -> tuple[bytes, bool]:
        """At most `limit` bytes of standard output, and whether there was more; git is ended where there was."""
        with self.start(*args) as process:
            assert process.stdout is not None
            out = process.stdout.read(limit + 1)
            if len(out) > limit:
                return out[:limit], True
            _, err = process.communicate(timeout=self.timeout)
        if process.returncode != 0:
            raise self.failure(args, process.returncode, err)
        return out, False

    @contextlib.contextmanager
    def start(
        self, *args: str, stdin: IO[bytes] | int = subprocess.DEVNULL, stdout: IO[bytes] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A git in a session of its own; when the block is left, however, it and its children are ended."""
        try:
            process = subprocess.Popen(
                ["git", *args],
                env=self.environment(),
                stdin=stdin,
                stdout=subprocess.PIPE if stdout is None else stdout,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise EnvironmentProblem("git is not installed, or not on PATH", remedy="apt-get install git") from None
        try:
            yield process
        finally:
            _end(process)

    def failure(self, args: tuple[str, ...], status: int | None, stderr: bytes) -> RalphbenchError:
        """The error for a git that failed: what was run, where, and the last line that git said."""
        said = last_line(stderr)
        whole = stderr.decode("utf-8", "replace")
        if any(text in whole for text in _FULL):
            return DiskFull(f"{self._what(args)}: {said}", remedy="df -h; free some space, then run it again")
        if _CLOSED in whole:
            return DiskError(f"{self._what(args)}: {said}", remedy="findmnt; make it writable, then run it again")
        return self.error(f"{self._what(args)} failed (exit {status}): {said}")

    def _what(self, args: tuple[str, ...]) -> str:
        verb = next((a for n, a in enumerate(args) if a[:1] != "-" and args[max(n - 1, 0)] not in ("-c", "-C")), "")
        where = self.gitdir or self.worktree
        return f"git {verb}" + (f" in {where}" if where else "")


def _end(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def last_line(stderr: bytes) -> str:
    """What git complained of: its last `fatal:` or `error:` line, else its last line."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    grave = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (grave or lines or ["it said nothing"])[-1]


def split_nul(data: bytes) -> list[bytes]:
    """The items of `-z` output."""
    return [] if not data else data.removesuffix(b"\0").split(b"\0")


def printable(path: bytes | str) -> str:
    """A path as text that any file can hold: bytes that are not UTF-8 as `\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
