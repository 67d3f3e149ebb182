"""Sums of the files that no longer change once an attempt is committed: a torn patch or log is seen, not read as it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from ralphbench.model import codec
from ralphbench.record.damage import Damage, Quarantine, report, set_aside
from ralphbench.record.disk import atomic_write, disk_errors, sync_folder
from ralphbench.record.layout import AttemptFolder
from ralphbench.record.whole import read_or_set_aside


class Checksum(msgspec.Struct, frozen=True):
    """What a file must be: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


_checksums = codec.decoder(dict[str, Checksum])


def write_checksums(folder: AttemptFolder) -> None:
    """Make the whole attempt durable, and put down the sums of everything that does not change any more.

    The logs of lines are left out: each of their lines is checked when it is read. Raises DiskError.
    """
    with disk_errors(folder.path):
        sums = {path.relative_to(folder.path).as_posix(): _sum(path, sync=True) for path in _settled(folder)}
        for path in _growing(folder):
            _sync(path)
        for top in (folder.prompts, folder.agent, folder.grading, folder.bodies):
            if top.is_dir():
                sync_folder(top)
    atomic_write(folder.checksums, codec.pretty(sums))


def read_checksums(folder: AttemptFolder, quarantine: Quarantine | None = None) -> Mapping[str, Checksum] | None:
    """By path relative to the attempt's folder; None where there are none (not committed, or imported)."""
    return read_or_set_aside(folder.checksums, _checksums, quarantine)


def check_settled(folder: AttemptFolder, quarantine: Quarantine | None = None) -> None:
    """Compare the files of a committed attempt with their sums; what differs is set aside and reported."""
    for name, expected in (read_checksums(folder, quarantine) or {}).items():
        path = folder.path / name
        try:
            found = _sum(path)
        except OSError as error:
            report(quarantine, Damage(path, f"cannot be read: {error.strerror}"))
            continue
        if found.size != expected.size:
            report(quarantine, set_aside(path, f"has {found.size} bytes, expected {expected.size}"))
        elif found != expected:
            report(quarantine, set_aside(path, "its content is not what was written"))


def _settled(folder: AttemptFolder) -> Iterator[Path]:
    for path in (folder.trial, folder.manifest, folder.bundle, folder.patch, folder.wip_patch):
        if path.is_file():
            yield path
    for top in (folder.prompts, folder.agent, folder.grading):
        for where, _, names in os.walk(top):
            paths = (Path(where, name) for name in sorted(names))
            yield from (path for path in paths if path.is_file() and not path.is_symlink())


def _growing(folder: AttemptFolder) -> Iterator[Path]:
    yield from (path for path in (folder.events, folder.calls) if path.is_file())
    if folder.bodies.is_dir():
        yield from (path for path in folder.bodies.iterdir() if path.is_file())


def _sum(path: Path, *, sync: bool = False) -> Checksum:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if sync:
            os.fsync(file.fileno())
        return Checksum(file.tell(), digest)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
