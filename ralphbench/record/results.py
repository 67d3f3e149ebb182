"""The files of an attempt that are written whole: what it was told, who took part, and the result that commits it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ralphbench.errors import RecordError
from ralphbench.model import RECORD_VERSION, AttemptResult, AttemptSpec, codec
from ralphbench.record.checksums import write_checksums
from ralphbench.record.damage import Quarantine, report, set_aside
from ralphbench.record.derived import drop_derived
from ralphbench.record.disk import atomic_write
from ralphbench.record.layout import AttemptFolder
from ralphbench.record.whole import read_or_set_aside, read_whole, why


class _Version(msgspec.Struct):
    version: int = RECORD_VERSION


_result = codec.decoder(AttemptResult)
_spec = codec.decoder(AttemptSpec)
_version = codec.decoder(_Version)
_object = codec.decoder(dict[str, Any])


def write_result(folder: AttemptFolder, result: AttemptResult) -> None:
    """Commit the attempt: last of all its files, by rename, when everything else of it is on the disk.

    Raises DiskError; RecordError where the attempt is committed already.
    """
    there = read_result(folder)
    if there is not None and (there.cell, there.number) != (result.cell, result.number):
        report(None, set_aside(folder.result, f"is the result of {there.cell} a{there.number}, copied here"))
    elif there is not None:
        raise RecordError(
            f"{folder.result} is there already: a committed attempt does not change",
            remedy=f"ralphbench run {result.experiment} --fresh   # makes a new attempt, the old one stays",
        )
    write_checksums(folder)
    drop_derived(folder.path)
    atomic_write(folder.result, codec.pretty(result))


def read_result(folder: AttemptFolder, quarantine: Quarantine | None = None) -> AttemptResult | None:
    """The result; None where the attempt is not committed.

    One that is torn is moved to `result.json.damaged-<k>` and reported: the attempt then counts as not committed.
    Raises RecordError where it cannot be read at all, or was written by another version of the record.
    """
    return read_result_at(str(folder.result), quarantine)


def read_result_at(path: str, quarantine: Quarantine | None = None) -> AttemptResult | None:
    """`read_result` by the file's path as text."""
    data = b""
    try:
        data = read_whole(path)
        result = _result.decode(data)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (IsADirectoryError, ValueError, RecursionError) as error:
        _refuse_other_version(path, data)
        report(quarantine, set_aside(Path(path), f"is no result: {why(error)}"))
        return None
    if result.version != RECORD_VERSION:
        _refuse_other_version(path, data)
    return result


def write_spec(folder: AttemptFolder, spec: AttemptSpec) -> None:
    """Put down what the trial process is told. Raises DiskError."""
    atomic_write(folder.trial, codec.pretty(spec))


def read_spec(folder: AttemptFolder, quarantine: Quarantine | None = None) -> AttemptSpec | None:
    """None where there is none; one that is torn is set aside and reported."""
    return read_or_set_aside(folder.trial, _spec, quarantine)


def write_manifest(folder: AttemptFolder, manifest: Mapping[str, Any]) -> None:
    """Put down the identity of everything that takes part. Raises DiskError."""
    atomic_write(folder.manifest, codec.pretty(manifest))


def read_manifest(folder: AttemptFolder, quarantine: Quarantine | None = None) -> dict[str, Any] | None:
    """None where there is none; one that is torn is set aside and reported."""
    return read_object(folder.manifest, quarantine)


def read_object(path: Path, quarantine: Quarantine | None = None) -> dict[str, Any] | None:
    """A JSON object that was written whole; None where there is none. One that is torn is set aside and reported."""
    return read_or_set_aside(path, _object, quarantine)


def _refuse_other_version(path: str, data: bytes) -> None:
    try:
        version = _version.decode(data).version
    except (ValueError, RecursionError):
        return
    if version == RECORD_VERSION:
        return
    folder = Path(path).parent
    raise RecordError(
        f"{path} is a record of version {version}; this ralphbench reads version {RECORD_VERSION}",
        remedy=(
            "pip install --upgrade ralphbench"
            if version > RECORD_VERSION
            else f"mv {folder} {folder}.version-{version}   # its cell then counts as not run"
        ),
    )
