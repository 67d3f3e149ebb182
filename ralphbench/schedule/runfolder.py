"""A run's private folder: its sockets, and who owns it. A folder whose owner is dead is a leftover, and is reaped."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import DiskError
from ralphbench.model import codec
from ralphbench.record import Owner
from ralphbench.sandbox.processes import end_marked


@dataclass(frozen=True, slots=True)
class Reaped:
    """What a dead run had left behind."""

    run_id: str
    experiment: str
    processes: int


class RunFolder:
    """`<runtime>/<run id>/`, mode 0700: the sockets of the gateway and the leases."""

    def __init__(self, runtime: Path, experiment: str, log: Path | None = None) -> None:
        """`log`: where what the gateway said is kept, whoever ends the run."""
        self.run_id = f"run-{os.getpid()}-{secrets.token_hex(4)}"
        self.path = runtime / self.run_id
        try:
            runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_foreign(runtime)
            self.path.mkdir(mode=0o700)
        except OSError as error:
            remedy = "export XDG_RUNTIME_DIR=<a folder of your own>"
            raise DiskError(f"cannot make {self.path}: {error.strerror}", remedy=remedy) from error
        self._log = log
        (self.path / "owner.json").write_bytes(codec.pretty(_Signed(experiment, Owner.me(), log)))

    @property
    def leases(self) -> Path:
        return self.path / "leases.sock"

    def remove(self) -> None:
        _keep_log(self.path, self._log)
        shutil.rmtree(self.path, ignore_errors=True)


def _keep_log(folder: Path, log: Path | None) -> None:
    """Put what a run's gateway said under what those of earlier runs said. Where that cannot be done it is lost."""
    if log is None:
        return
    with contextlib.suppress(OSError):
        said = (folder / "gateway.log").read_bytes()
        with log.open("ab") as kept:
            kept.write(f"--- {folder.name}\n".encode() + said)


def _refuse_foreign(runtime: Path) -> None:
    """In a shared temporary folder somebody else could have made it first, to read our sockets."""
    status = runtime.stat()
    if status.st_uid != os.getuid():
        raise PermissionError(1, f"{runtime} belongs to another user")
    if status.st_mode & 0o077:
        runtime.chmod(0o700)


@dataclass(frozen=True, slots=True)
class _Signed:
    experiment: str
    owner: Owner
    log: Path | None = None


def _signed(path: Path) -> _Signed:
    """Raises OSError, ValueError where it is not signed, or the signature is torn."""
    return codec.loads((path / "owner.json").read_bytes(), _Signed)


def run_folders(runtime: Path) -> Iterator[tuple[Path, str, bool]]:
    """Every run folder: its path, its experiment (`?` where that cannot be read), whether its run lives."""
    if not runtime.is_dir():
        return
    for path in sorted(runtime.iterdir()):
        if not path.name.startswith("run-"):
            continue
        try:
            signed = _signed(path)
        except (OSError, ValueError):
            age = _age(path)
            if age is not None:  # not signed yet, or torn: a run that is just starting is younger than this
                yield path, "?", age < 10
            continue
        yield path, signed.experiment, signed.owner.alive() is not False


def _age(path: Path) -> float | None:
    """Seconds since the folder was changed; None: it is gone, its run has ended meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime
    return None


def reap(runtime: Path) -> tuple[Reaped, ...]:
    """End every process and remove every folder that a dead run left behind; what its gateway said is kept.

    What lives is left alone.
    """
    reaped = []
    for path, experiment, lives in run_folders(runtime):
        if lives:
            continue
        ended = end_marked(f"{path.name}:")
        with contextlib.suppress(OSError, ValueError):
            _keep_log(path, _signed(path).log)
        shutil.rmtree(path, ignore_errors=True)
        reaped.append(Reaped(path.name, experiment, ended))
    return tuple(reaped)
