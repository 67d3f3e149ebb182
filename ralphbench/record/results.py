"""The files of an attempt that are written whole: what it was told, who took part, and the result that commits it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ralphbench.errors import RecordError
from ralphbench.model import RECORD_VERSION, AttemptResult, AttemptSpec, codec
from ralphbench.record.checksums import write_checksums
from ralphbench.record.damage import Quarantine, report, set_aside
from ralphbench.record.disk import atomic_write
from ralphbench.record.layout import AttemptFolder


class _Version(msgspec.Struct):
    version: int = RECORD_VERSION


_result = codec.decoder(AttemptResult)
_version = codec.decoder(_Version)


def write_result(folder: AttemptFolder, result: AttemptResult) -> None:
    """Commit the attempt: last of all its files, by rename. Raises DiskError; RecordError where it is committed already."""
    if read_result(folder) is not None:
        raise RecordError(
            f"{folder.result} is there already: a committed attempt does not change",
            remedy=f"ralphbench run {result.experiment} --fresh   # makes a new attempt, the old one stays",
        )
    write_checksums(folder)
    atomic_write(folder.result, codec.pretty(result))


def read_result(folder: AttemptFolder, quarantine: Quarantine | None = None) -> AttemptResult | None:
    """The result; None where the attempt is not committed.

    One that cannot be read is moved to `result.json.damaged-<k>` and reported: the attempt then counts as not committed.
    Raises RecordError where it was written by another version of the record.
    """
    return read_result_at(str(folder.result), quarantine)


def read_result_at(path: str, quarantine: Quarantine | None = None) -> AttemptResult | None:
    """`read_result` by the file's path as text: among 100,000 of them making Path objects is a third of the time."""
    try:
        data = _read(path)
        result = _result.decode(data)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        report(quarantine, set_aside(Path(path), "is a folder, not a file"))
        return None
    except (ValueError, RecursionError) as error:
        _refuse_other_version(path, data)
        report(quarantine, set_aside(Path(path), f"is no result: {error}" if data else "is empty"))
        return None
    if result.version != RECORD_VERSION:
        _refuse_other_version(path, data)
    return result


def write_spec(folder: AttemptFolder, spec: AttemptSpec) -> None:
    """Put down what the trial process is told. Raises DiskError."""
    atomic_write(folder.trial, codec.pretty(spec))


def read_spec(folder: AttemptFolder) -> AttemptSpec:
    """Raises RecordError where `trial.json` is missing or cannot be read: such an attempt cannot go on."""
    try:
        return codec.loads(_read(str(folder.trial)), AttemptSpec)
    except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError) as error:
        raise RecordError(
            f"{folder.trial} cannot be read: {error}", remedy="ralphbench run --fresh   # a new attempt at the cell"
        ) from error


def write_manifest(folder: AttemptFolder, manifest: Mapping[str, Any]) -> None:
    """Put down the identity of everything that takes part. Raises DiskError."""
    atomic_write(folder.manifest, codec.pretty(manifest))


def read_manifest(folder: AttemptFolder, quarantine: Quarantine | None = None) -> dict[str, Any] | None:
    """None where there is none; one that cannot be read is set aside and reported."""
    return read_object(folder.manifest, quarantine)


def read_object(path: Path, quarantine: Quarantine | None = None) -> dict[str, Any] | None:
    """A JSON object that was written whole; None where there is none. What cannot be read is set aside and reported."""
    try:
        return codec.loads(_read(str(path)), dict[str, Any])
    except FileNotFoundError:
        return None
    except (IsADirectoryError, ValueError, RecursionError) as error:
        report(quarantine, set_aside(path, f"is no JSON object: {error}"))
        return None


def _read(path: str) -> bytes:
    # Not Path.read_bytes: among 100,000 results the buffered file object is a third of the time.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(descriptor, _FIRST_READ)
            if len(data) < _FIRST_READ:
                return data
            parts = [data]
            while part := os.read(descriptor, _FIRST_READ):
                parts.append(part)
            return b"".join(parts)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, IsADirectoryError):
        raise
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}", remedy=f"ls -l {path}") from error


_FIRST_READ = 1 << 16


def _refuse_other_version(path: str, data: bytes) -> None:
    try:
        version = _version.decode(data).version
    except (ValueError, RecursionError):
        return
    if version == RECORD_VERSION:
        return
    folder = Path(path).parent
    newer = version > RECORD_VERSION
    raise RecordError(
        f"{path} is a record of version {version}; this ralphbench reads version {RECORD_VERSION}",
        remedy="pip install --upgrade ralphbench" if newer else f"mv {folder} {folder}.version-{version}",
    )
