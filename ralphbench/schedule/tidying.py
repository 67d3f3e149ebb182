"""What earlier runs have left half done: entries of the journal, worktrees of attempts that never go on."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ralphbench.model import Cell
from ralphbench.record import ExperimentFolder, Journal
from ralphbench.schedule.scheduler import note_end
from ralphbench.schedule.survey import Attempts, CellState, CellStatus, ours
from ralphbench.schedule.telling import Teller
from ralphbench.workspace import remove_tree


@dataclass(slots=True)
class Told:
    """What the journal says that the records alone do not."""

    first: dict[str, int] = field(default_factory=dict)
    """The lowest attempt that counts for a cell, by path: since the last `--fresh`."""
    ended: set[str] = field(default_factory=set)
    """Attempts whose end is journaled, by path: their worktrees are gone, or were meant to stay."""


def read_journal(journal: Journal) -> Told:
    told = Told()
    for entry in journal.read():
        if entry.kind == "fresh":
            told.first.update(entry.data["first"])
        elif entry.kind in ("cell_ended", "attempt_abandoned") and "path" in entry.data:
            told.ended.add(str(entry.data["path"]))
    return told


def tidy(
    record: ExperimentFolder,
    attempts: Attempts,
    statuses: Mapping[Cell, CellStatus],
    told: Told,
    teller: Teller,
    journal: Journal,
) -> None:
    """Complete the journal and remove the worktrees of attempts that were committed, or given up, by a run that was killed.

    Attempts of cells that this run was not asked for are left alone as long as they can still go on.
    """
    going_on = {s.cell.path.as_posix(): s.number for s in statuses.values() if s.state is CellState.OPEN}
    asked = {cell.path.as_posix() for cell in statuses}
    for path, found in attempts.items():
        cell = None
        for number, result in ours(found):
            name = f"{path}/a{number}"
            if name in told.ended:
                continue
            if result is None and _may_go_on(path, number, found[-1][0], told, going_on, asked):
                continue
            cell = cell or _cell(path, statuses)
            with contextlib.suppress(OSError):  # what an agent made unremovable is `ralphbench clean`'s to complain of
                remove_tree(teller.workspace(record, cell, number))
            if result is None:
                journal.append("attempt_abandoned", path=name)
            else:
                note_end(journal, result)
            told.ended.add(name)


def _may_go_on(
    path: str, number: int, latest: int, told: Told, going_on: Mapping[str, int], asked: Collection[str]
) -> bool:
    if path in asked:
        return going_on.get(path) == number
    return number == latest and number >= told.first.get(path, 1)


def _cell(path: str, statuses: Mapping[Cell, CellStatus]) -> Cell:
    """A cell that lies at this path; its task's own name matters to nobody here."""
    for cell in statuses:
        if cell.path.as_posix() == path:
            return cell
    task, profile, repeat = path.split("/")
    return Cell(task, profile, int(repeat.removeprefix("r")))
