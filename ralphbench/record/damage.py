"""What is wrong with a record, named: nothing torn is a crash, and nothing is dropped in silence."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger("ralphbench.record")
_ASIDE = re.compile(r"(?P<name>.+)\.(?P<why>torn|damaged)-(?P<k>\d+)$")


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that could not be read: where, what, and where its bytes are kept now."""

    path: Path
    what: str
    moved_to: Path | None = None
    """None: left in place."""

    def __str__(self) -> str:
        kept = "left in place" if self.moved_to is None else f"kept in {self.moved_to.name}"
        return f"{self.path}: {self.what} ({kept})"


class Quarantine:
    """Collects the damages that a reader meets, in the order in which it meets them."""

    def __init__(self) -> None:
        self.damages: list[Damage] = []

    def report(self, damage: Damage) -> None:
        self.damages.append(damage)

    def __len__(self) -> int:
        return len(self.damages)

    def __iter__(self) -> Iterator[Damage]:
        return iter(self.damages)


def report(quarantine: Quarantine | None, damage: Damage) -> None:
    """Hand a damage to whoever collects them; to the log where nobody does, so that it is never silent."""
    if quarantine is None:
        _log.warning("%s", damage)
    else:
        quarantine.report(damage)


def free_name(path: Path, why: str) -> Path:
    """The first of `<name>.<why>-1`, `-2`, ... that is not taken."""
    k = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.{why}-{k}")):
        k += 1
    return aside


def set_aside(path: Path, what: str) -> Damage:
    """Move a file that cannot be read to `<name>.damaged-<k>`. Where that cannot be done (a read-only copy) it stays."""
    aside = free_name(path, "damaged")
    try:
        path.rename(aside)
    except OSError as error:
        return Damage(path, f"{what}; it could not be moved: {error.strerror}")
    return Damage(path, what, aside)


def set_aside_in(folder: Path, *, but: Collection[str] = ()) -> tuple[Damage, ...]:
    """What earlier readers and writers set aside in a folder and below, by path: it is named for as long as it is there.

    `but`: names of folders in it that are not looked into.
    """
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in but or where != str(folder)]
        for name in (*folders, *files):
            if match := _ASIDE.fullmatch(name):
                what = "its torn end was cut off" if match["why"] == "torn" else "could not be read and was set aside"
                found.append(Damage(Path(where, match["name"]), f"{what} earlier", Path(where, name)))
    return tuple(sorted(found, key=lambda damage: str(damage.moved_to)))


def and_earlier(met: Iterable[Damage], folder: Path, *, but: Collection[str] = ()) -> tuple[Damage, ...]:
    """What was met now, and what lies there since earlier; see `set_aside_in`."""
    now = tuple(met)
    moved = {damage.moved_to for damage in now}
    return (*now, *(damage for damage in set_aside_in(folder, but=but) if damage.moved_to not in moved))


def size_of(path: Path) -> int | None:
    """Bytes; None: there is no such file."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return None
