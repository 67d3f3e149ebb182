"""The folder of an experiment's results: its cells and their attempts, found by looking, never by a list that could be wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ralphbench.model import AttemptResult, Cell, codec
from ralphbench.record import derived
from ralphbench.record.damage import Damage, Quarantine, set_aside_in
from ralphbench.record.disk import atomic_write, disk_errors, make_folder
from ralphbench.record.layout import AttemptFolder
from ralphbench.record.listing import Listing, attempts_in, folders_in, list_profiles, numbered
from ralphbench.record.lock import Lock
from ralphbench.record.results import read_object, read_result_at

Summary = tuple[Cell, int, AttemptResult | None, tuple[Damage, ...]]
"""A cell, the number of an attempt, its result (None: not committed), and what was found damaged."""


class ExperimentFolder:
    """`results/<experiment>/`. Making one of these touches nothing; `create` makes the folder."""

    def __init__(self, results_root: Path, name: str, *, within: str = "cells") -> None:
        """`within`: the folder of the attempts; see `plans`."""
        self.name = name
        self.path = results_root / name
        self._within = within

    def plans(self) -> ExperimentFolder:
        """The attempts that only made a plan for others, kept like cells under `plans/`."""
        return ExperimentFolder(self.path.parent, self.name, within="plans")

    def create(self) -> ExperimentFolder:
        """Raises DiskError."""
        make_folder(self.cells_path)
        return self

    @property
    def lock_path(self) -> Path:
        """`lock.json`: what was resolved. Not the lock of the running process: that is `owner_path`."""
        return self.path / "lock.json"

    @property
    def owner_path(self) -> Path:
        return self.path / "owner.lock"

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def gates(self) -> Path:
        """A folder: by digest, what judges the experiment's tasks."""
        return self.path / "gates"

    @property
    def derived(self) -> Path:
        """A folder: what the analysis made of the results. `write_result` removes it; it can be made again."""
        return self.path / derived.FOLDER

    @property
    def cells_path(self) -> Path:
        return self.path / self._within

    def owner(self) -> Lock:
        """The lock that keeps two runs of the experiment apart; not taken yet."""
        return Lock(self.owner_path, what=f"experiment {self.name}")

    def write_lock(self, resolved: Mapping[str, Any]) -> None:
        """Put down what was resolved. Raises DiskError."""
        make_folder(self.path)
        atomic_write(self.lock_path, codec.pretty(resolved))

    def read_lock(self, quarantine: Quarantine | None = None) -> dict[str, Any] | None:
        """None where nothing ran yet; one that cannot be read is set aside and reported."""
        return read_object(self.lock_path, quarantine)

    def identities(self, quarantine: Quarantine | None = None) -> dict[tuple[str, str], str]:
        """By task and profile: what the last run that looked at them took them for; in `lock.json`."""
        told = _nested(self.read_lock(quarantine))
        return {(task, name): hash_ for task, profiles in told.items() for name, hash_ in profiles.items()}

    def note_identities(self, identities: Mapping[tuple[str, str], str]) -> None:
        """Put them into `lock.json`, where there is one; those of other tasks and profiles stay. Raises DiskError."""
        lock = self.read_lock()
        known = _nested(lock)
        if lock is not None and (nested := _laid_over(known, identities)) != known:
            self.write_lock({**lock, "identities": nested})

    def folder(self, cell: Cell, number: int) -> AttemptFolder:
        return AttemptFolder(self.cells_path / cell.path / f"a{number}")

    def attempts(self, cell: Cell) -> tuple[int, ...]:
        """The numbers of a cell's attempts, ascending, committed or not."""
        return tuple(numbered(str(self.cells_path / cell.path), "a"))

    def new_attempt(self, cell: Cell) -> tuple[int, AttemptFolder]:
        """Make the folder of a cell's next attempt, numbered one after the highest that is there. Raises DiskError."""
        make_folder(self.cells_path / cell.path)
        number = (self.attempts(cell) or (0,))[-1] + 1
        folder = self.folder(cell, number)
        with disk_errors(folder.path):
            folder.path.mkdir()  # fails where it is there: an attempt is never written over
        return number, folder.create()

    def cells(self) -> Iterator[Cell]:
        """Every cell that has a folder, by path; a `+` is read as a phase, since the path cannot tell it from a name's own."""
        cells = str(self.cells_path)
        for task in folders_in(cells):
            for profile in folders_in(f"{cells}/{task}"):
                for repeat in numbered(f"{cells}/{task}/{profile}", "r"):
                    yield Cell(task.replace("+", "/"), profile, repeat)

    def summaries(self) -> Iterator[Summary]:
        """Every attempt with its result, by cell and number.

        A result that cannot be read is set aside and named, now and each time after; the attempt counts as not committed.
        Raises RecordError at a record of another version.
        """
        for found in self.listing().repeats():
            for repeat in found.numbers:
                cell, path = Cell(found.task.replace("+", "/"), found.profile, repeat), f"{found.path}/r{repeat}"
                for number in attempts_in(path):
                    if (summary := summary_of(cell, f"{path}/a{number}", number)) is not None:
                        yield summary

    def listing(self) -> Listing:
        """The names of what lies under `cells/`. Raises RecordError."""
        return list_profiles(str(self.cells_path))


def summary_of(cell: Cell, folder: str, number: int) -> Summary | None:
    """What is in an attempt's folder; None where it is no folder. Raises RecordError at a record of another version."""
    quarantine = Quarantine()
    file = f"{folder}/result.json"
    result = read_result_at(file, quarantine)
    if result is None:
        return (cell, number, None, _damages(Path(folder), quarantine)) if os.path.isdir(folder) else None
    if result.cell == cell and result.number == number:
        return cell, number, result, ()
    if result.cell.path == cell.path and result.number == number:  # a task with `+` in its name
        return result.cell, number, result, ()
    what = f"is the result of {result.cell} a{result.number}: it does not belong here and is not counted"
    return cell, number, None, (Damage(Path(file), what),)


def _damages(folder: Path, met: Quarantine) -> tuple[Damage, ...]:
    """What was met now, and what lies there since earlier."""
    now = {damage.moved_to for damage in met}
    return (*met, *(damage for damage in set_aside_in(folder) if damage.moved_to not in now))


def _nested(lock: Mapping[str, Any] | None) -> dict[str, dict[str, str]]:
    told = (lock or {}).get("identities")
    if not isinstance(told, dict):
        return {}
    return {task: profiles for task, profiles in told.items() if isinstance(profiles, dict)}


def _laid_over(
    under: Mapping[str, Mapping[str, str]], identities: Mapping[tuple[str, str], str]
) -> dict[str, dict[str, str]]:
    nested = {task: dict(profiles) for task, profiles in under.items()}
    for (task, profile), hash_ in identities.items():
        nested.setdefault(task, {})[profile] = hash_
    return nested
