"""A run's private folder: its sockets, and who owns it. A folder whose owner is dead is a leftover, and is reaped."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from ralphbench.errors import DiskError
from ralphbench.model import codec
from ralphbench.sandbox import end_marked


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told from a later one that was given the same number."""

    run_id: str
    pid: int
    started: float
    experiment: str

    def alive(self) -> bool:
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 1.0
        except psutil.NoSuchProcess:
            return False


@dataclass(frozen=True, slots=True)
class Reaped:
    """What a dead run had left behind."""

    run_id: str
    experiment: str
    processes: int


class RunFolder:
    """`<runtime>/<run id>/`, mode 0700: the sockets of the gateway and the leases."""

    def __init__(self, runtime: Path, experiment: str) -> None:
        self.run_id = f"run-{os.getpid()}-{secrets.token_hex(4)}"
        self.path = runtime / self.run_id
        try:
            runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_foreign(runtime)
            self.path.mkdir(mode=0o700)
        except OSError as error:
            remedy = "export XDG_RUNTIME_DIR=<a folder of your own>"
            raise DiskError(f"cannot make {self.path}: {error.strerror}", remedy=remedy) from error
        owner = Owner(self.run_id, os.getpid(), psutil.Process().create_time(), experiment)
        (self.path / "owner.json").write_bytes(codec.pretty(owner))

    @property
    def gateway_control(self) -> Path:
        return self.path / "control" / "gateway.sock"

    @property
    def leases(self) -> Path:
        return self.path / "control" / "leases.sock"

    @property
    def gateway_agents(self) -> Path:
        """The folder that a sandbox may show: the gateway's socket for agents, and nothing else."""
        return self.path / "gw"

    def prepare(self) -> None:
        self.gateway_control.parent.mkdir(mode=0o700, exist_ok=True)
        self.gateway_agents.mkdir(mode=0o755, exist_ok=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _refuse_foreign(runtime: Path) -> None:
    """In a shared temporary folder somebody else could have made it first, to read our sockets."""
    status = runtime.stat()
    if status.st_uid != os.getuid():
        raise PermissionError(1, f"{runtime} belongs to another user")
    if status.st_mode & 0o077:
        runtime.chmod(0o700)


def owners(runtime: Path) -> Iterator[tuple[Path, Owner | None]]:
    """Every run folder and who owns it; None where that cannot be read."""
    if not runtime.is_dir():
        return
    for path in sorted(runtime.iterdir()):
        if not path.name.startswith("run-"):
            continue
        owner = None
        with contextlib.suppress(OSError, ValueError):
            owner = codec.loads((path / "owner.json").read_bytes(), Owner)
        yield path, owner


def reap(runtime: Path) -> tuple[Reaped, ...]:
    """End every process and remove every folder that a dead run left behind. What lives is left alone."""
    reaped = []
    for path, owner in owners(runtime):
        if owner is not None and owner.alive():
            continue
        ended = end_marked(f"{path.name}:")
        shutil.rmtree(path, ignore_errors=True)
        reaped.append(Reaped(path.name, owner.experiment if owner else "?", ended))
    return tuple(reaped)
