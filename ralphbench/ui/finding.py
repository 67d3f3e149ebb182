"""Records and attempts by what a user calls them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ralphbench.errors import RecordError, UnknownName, UsageError
from ralphbench.model import AttemptResult, AttemptSpec, Cell
from ralphbench.record import AttemptFolder, ExperimentFolder, read_result, read_spec, that_counts

SMOKE = ".smoke"
"""What the name of a smoke run's record ends with."""


def find_attempts(
    results: Path,
    experiment: str,
    profile: str,
    tasks: tuple[str, ...] = (),
    repeat: int | None = None,
    attempt: int | None = None,
    *,
    counting: bool = False,
) -> list[AttemptFolder]:
    """The latest attempt (or that number) of each task of a profile, at the first repeat or the one asked for.

    `counting`: the one that counts: of those that are ended and not void the latest, where there is one of the cell's last
    known identity the latest of these. Raises UnknownName for an experiment, profile, task, repeat or attempt that has no
    record, UsageError where none counts.
    """
    record = experiment_record(results, experiment)
    cells = list(record.cells())
    profiles = tuple(sorted({cell.profile for cell in cells}))
    if profile not in profiles:
        raise UnknownName("profile", profile, profiles, where=str(record.path))
    known = tuple(sorted({cell.task for cell in cells if cell.profile == profile}))
    for task in tasks:
        if task not in known:
            raise UnknownName("task", task, known, where=f"{record.path}, profile {profile}")
    found = []
    for task in tasks or known:
        repeats = sorted(c.repeat for c in cells if c.profile == profile and c.task == task)
        chosen = repeats[0] if repeat is None else repeat
        cell = next((c for c in cells if (c.task, c.profile, c.repeat) == (task, profile, chosen)), None)
        if cell is None:
            raise UnknownName("repeat", str(repeat), tuple(map(str, repeats)), where=f"{task} × {profile}")
        numbers = record.attempts(cell)
        if attempt is not None and attempt not in numbers:
            raise UnknownName("attempt", str(attempt), tuple(map(str, numbers)), where=str(cell))
        latest = numbers[-1] if attempt is not None or not counting else _latest_that_counts(record, cell)
        found.append(record.folder(cell, latest if attempt is None else attempt))
    return found


def _latest_that_counts(record: ExperimentFolder, cell: Cell) -> int:
    attempts = [(number, read_result(record.folder(cell, number))) for number in record.attempts(cell)]
    found = that_counts(attempts, record.identities().get((cell.task, cell.profile)))
    if found is not None:
        return found[0]
    states = [f"a{number}: {_why_not(result)}" for number, result in reversed(attempts)]
    raise UsageError(
        f"no attempt at {cell} counts ({', '.join(states)})",
        remedy="name one of them with --attempt, or another task with --task",
    )


def _why_not(result: AttemptResult | None) -> str:
    if result is None:
        return "not ended"
    return "imported" if result.imported else f"void, {result.ending}"


def told(folder: AttemptFolder) -> AttemptSpec:
    """What the attempt's trial was told. Raises RecordError where that is lost."""
    spec = read_spec(folder)
    if spec is None:
        raise RecordError(f"{folder.path} has no trial.json any more", remedy=f"ls {folder.path}")
    return spec


def experiment_record(results: Path, experiment: str) -> ExperimentFolder:
    """The record of an experiment by name, by its start (`002`) or by path. Raises UnknownName."""
    path = Path(experiment)
    if path.is_dir() and (path / "cells").is_dir():
        return ExperimentFolder(path.parent, path.name)
    names = tuple(sorted(p.name for p in results.iterdir() if (p / "cells").is_dir())) if results.is_dir() else ()
    wanted = path.name if path.is_dir() else experiment
    if wanted in names:
        return ExperimentFolder(results, wanted)
    # A smoke run has a record of its own beside the experiment's: it is meant only where it is named in full.
    near = [name for name in names if name.startswith(f"{wanted}-") and not name.endswith(SMOKE)]
    if len(near) == 1:
        return ExperimentFolder(results, near[0])
    raise UnknownName("record of an experiment", experiment, names, where=str(results))


def unequal_in(lock: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Profiles with limits of their own, as `lock.json` has it."""
    return tuple(((lock or {}).get("experiment") or {}).get("unequal_limits") or ())
