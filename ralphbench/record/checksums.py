"""Sums of an attempt's files, made when it is committed: a patch or a log that is torn later is seen, not read as it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from ralphbench.errors import RecordError
from ralphbench.model import codec
from ralphbench.record.damage import Damage, Quarantine, report, set_aside
from ralphbench.record.disk import atomic_write, disk_errors, sync_folder
from ralphbench.record.layout import AttemptFolder
from ralphbench.record.whole import read_or_set_aside


class Checksum(msgspec.Struct, frozen=True):
    """What a file must be: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


_PART = 1 << 20
_checksums = codec.decoder(dict[str, Checksum])


def write_checksums(folder: AttemptFolder) -> None:
    """Make the whole attempt durable, and put down the sums of all its files as they are now. Raises DiskError."""
    with disk_errors(folder.path):
        paths = (*_settled(folder), *_growing(folder))
        sums = {path.relative_to(folder.path).as_posix(): _sum(path, sync=True) for path in paths}
        for top in (folder.prompts, folder.agent, folder.grading, folder.bodies):
            if top.is_dir():
                sync_folder(top)
    atomic_write(folder.checksums, codec.pretty(sums))


def read_checksums(folder: AttemptFolder, quarantine: Quarantine | None = None) -> Mapping[str, Checksum] | None:
    """By path relative to the attempt's folder; None where there are none (not committed, or imported)."""
    return read_or_set_aside(folder.checksums, _checksums, quarantine)


def check_sums(folder: AttemptFolder, quarantine: Quarantine | None = None) -> None:
    """Compare the files of a committed attempt with their sums, and report what differs.

    What was whole is set aside. A log may have grown since, must begin as it was, and stays: its lines can still be read.
    """
    growing = set(_growing(folder))
    if not folder.checksums.exists():
        report(quarantine, Damage(folder.checksums, "is not there: nothing tells whether the attempt is as it was"))
    for name, expected in (read_checksums(folder, quarantine) or {}).items():
        path = folder.path / name
        try:
            found = _sum(path, most=expected.size if path in growing else None)
        except OSError as error:
            report(quarantine, Damage(path, f"cannot be read: {error.strerror}"))
            continue
        if found == expected:
            continue
        what = "its content is not what was written"
        if found.size != expected.size:
            what = f"has {found.size} bytes, expected {expected.size}"
        report(quarantine, Damage(path, what) if path in growing else set_aside(path, what))


def require_whole(folder: AttemptFolder, *paths: Path) -> None:
    """For whoever is about to rely on some files of a committed attempt. What has no sum is not looked at.

    Raises RecordError that names the first one that is not what was written. Nothing is set aside.
    """
    sums = read_checksums(folder, Quarantine()) or {}
    for path in paths:
        expected = sums.get(path.relative_to(folder.path).as_posix())
        if expected is None:
            continue
        try:
            whole = _sum(path) == expected
        except OSError:
            whole = False
        if not whole:
            experiment = folder.path.resolve().parents[4]
            raise RecordError(
                f"{path} is not what was written when the attempt was committed",
                remedy=f"ralphbench check {experiment}   # names all that is damaged",
            )


def _settled(folder: AttemptFolder) -> Iterator[Path]:
    files = (folder.trial, folder.manifest, folder.plan, folder.shared_plan)
    for path in (*files, folder.bundle, folder.patch, folder.wip_patch):
        if path.is_file():
            yield path
    for top in (folder.prompts, folder.agent, folder.grading):
        for where, _, names in os.walk(top):
            paths = (Path(where, name) for name in sorted(names))
            yield from (path for path in paths if path.is_file() and not path.is_symlink())


def _growing(folder: AttemptFolder) -> Iterator[Path]:
    yield from (path for path in (folder.events, folder.calls, folder.log) if path.is_file())
    if folder.bodies.is_dir():
        yield from (path for path in folder.bodies.iterdir() if path.is_file())


def _sum(path: Path, *, most: int | None = None, sync: bool = False) -> Checksum:
    """Of the file's first `most` bytes; None: of all of it."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(_PART if most is None else min(_PART, most - size)):
            digest.update(part)
            size += len(part)
        if sync:
            os.fsync(file.fileno())
    return Checksum(size, digest.hexdigest())
