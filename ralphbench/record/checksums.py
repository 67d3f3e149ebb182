"""Sums of the files that no longer change once an attempt is committed: a torn patch or log is seen, not read as it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from ralphbench.model import codec
from ralphbench.record.damage import Damage, Quarantine, report, set_aside
from ralphbench.record.disk import atomic_write
from ralphbench.record.layout import AttemptFolder


class Checksum(msgspec.Struct, frozen=True):
    """What a file must be: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


def write_checksums(folder: AttemptFolder) -> None:
    """Put down the sums of everything that is whole now. Logs of lines are left out: each of their lines is checked."""
    sums = {path.relative_to(folder.path).as_posix(): _sum(path) for path in _settled(folder)}
    atomic_write(folder.checksums, codec.pretty(sums))


def read_checksums(folder: AttemptFolder, quarantine: Quarantine | None = None) -> Mapping[str, Checksum] | None:
    """By path relative to the attempt's folder; None where there are none (not committed, or imported)."""
    try:
        return codec.loads(folder.checksums.read_bytes(), dict[str, Checksum])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        report(quarantine, set_aside(folder.checksums, f"cannot be read: {error}"))
        return None


def check_settled(folder: AttemptFolder, quarantine: Quarantine | None = None) -> None:
    """Compare the files of a committed attempt with their sums; what differs is set aside and reported."""
    for name, expected in (read_checksums(folder, quarantine) or {}).items():
        path = folder.path / name
        try:
            found = _sum(path)
        except OSError as error:
            report(quarantine, Damage(path, f"cannot be read: {error.strerror}"))
            continue
        if found != expected:
            what = f"{found.size} bytes, expected {expected.size}"
            report(quarantine, set_aside(path, what if found.size != expected.size else "its content was changed"))


def _settled(folder: AttemptFolder) -> Iterator[Path]:
    for path in (folder.trial, folder.manifest, folder.bundle, folder.patch, folder.wip_patch):
        if path.is_file():
            yield path
    for top in (folder.prompts, folder.agent, folder.grading):
        for where, _, names in os.walk(top):
            yield from (Path(where, name) for name in sorted(names) if not Path(where, name).is_symlink())


def _sum(path: Path) -> Checksum:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Checksum(file.tell(), digest)
