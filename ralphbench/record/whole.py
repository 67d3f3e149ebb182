"""Files that are written whole, by rename: read as what they must be, or set aside and named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from ralphbench.errors import RecordError
from ralphbench.record.damage import Quarantine, report, set_aside

T = TypeVar("T")

_FIRST_READ = 1 << 14
"""Bytes: most results and specs at once. Room for more of them costs more than reading again."""
_NEXT_READ = 1 << 18


def read_whole(path: str) -> bytes:
    """All bytes of a file.

    Raises FileNotFoundError, NotADirectoryError, IsADirectoryError; RecordError where it is there and cannot be read.
    """
    # Not Path.read_bytes: among 100,000 results Path and the buffered file object are half of the time.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(descriptor, _FIRST_READ)
            if len(data) < _FIRST_READ:
                return data
            parts = [data]
            while part := os.read(descriptor, _NEXT_READ):
                parts.append(part)
            return b"".join(parts)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}", remedy=f"ls -l {path}") from error


def read_or_set_aside(path: Path, decoder: msgspec.json.Decoder[T], quarantine: Quarantine | None = None) -> T | None:
    """None where there is no such file, or it is torn: then it is moved to `<name>.damaged-<k>` and reported.

    Raises RecordError where the file cannot be read at all.
    """
    try:
        return decoder.decode(read_whole(str(path)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (IsADirectoryError, ValueError, RecursionError) as error:
        report(quarantine, set_aside(path, f"cannot be read: {why(error)}"))
        return None


def why(error: Exception) -> str:
    """In words, without the path that the damage names anyway."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error) or type(error).__name__
