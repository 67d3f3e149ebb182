"""What lies in `cells/` and `plans/`: found by looking, in as few looks as 100,000 attempts allow."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ralphbench.errors import RecordError

_COUNT = re.compile(r"[1-9][0-9]*")
_ORDINARY = ["a1"]


@dataclass(frozen=True, slots=True)
class Repeats:
    """The repeats of one task and profile."""

    path: str
    """The profile's folder."""
    task: str
    """Its folder's name: of a phase task `t/p` it is `t+p`."""
    profile: str
    numbers: Sequence[int]
    """k of each `r<k>`, ascending. Some other thing may bear such a name: then it has no attempts."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The names in each profile's folder, by task and profile."""

    folders: tuple[tuple[str, str, str, list[str]], ...]
    """Path, task, profile, names in no order."""

    @property
    def size(self) -> int:
        """How many names: about as many as there are repeats."""
        return sum(len(names) for *_, names in self.folders)

    def repeats(self) -> Iterator[Repeats]:
        for path, task, profile, names in self.folders:
            yield Repeats(path, task, profile, _counted(names, "r"))

    def digest(self) -> str:
        """The same as long as the same names are there."""
        found = hashlib.blake2b(digest_size=16)
        for _, task, profile, names in self.folders:
            found.update(os.fsencode("\0".join((task, profile, *sorted(names), "\n"))))
        return found.hexdigest()


def list_profiles(cells: str) -> Listing:
    """Look into each profile's folder once. Nothing there: nothing found. Raises RecordError where one cannot be read."""
    found = []
    for task in folders_in(cells):
        for profile in folders_in(f"{cells}/{task}"):
            path = f"{cells}/{task}/{profile}"
            found.append((path, task, profile, _names(path)))
    return Listing(tuple(found))


def folders_in(path: str) -> list[str]:
    """Names of the folders in `path`, sorted; hidden ones are nobody's. Raises RecordError."""
    return sorted(name for name in _names_of_folders(path) if not name.startswith("."))


def numbered(path: str, letter: str) -> list[int]:
    """k of the folders `<letter><k>` in `path`, ascending; k counts from 1. Raises RecordError."""
    return _counted(_names_of_folders(path), letter)


def attempts_in(path: str) -> list[int]:
    """`numbered(path, "a")`, but an `a1` that is alone there may be no folder: who reads from it will see."""
    names = _names(path)
    return [1] if names == _ORDINARY else numbered(path, "a") if names else []


def _counted(names: Sequence[str], letter: str) -> list[int]:
    return sorted(int(name[1:]) for name in names if name[0] == letter and _COUNT.fullmatch(name, 1))


def _names(path: str) -> list[str]:
    """All names in a folder, in no order; none where it is no folder."""
    try:
        return os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(path, error) from error


def _names_of_folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> RecordError:
    return RecordError(f"{path} cannot be read: {error.strerror}", remedy=f"ls -ld {path}")
