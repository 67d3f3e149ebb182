"""What earlier runs have left half done: entries of the journal, worktrees of attempts that never go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ralphbench.model import Cell
from ralphbench.record import ExperimentFolder, Journal, Quarantine
from ralphbench.schedule.journaling import journal_path, note_end
from ralphbench.schedule.resuming import clear, cut_off
from ralphbench.schedule.survey import Attempts, CellState, CellStatus, CutOff, ours
from ralphbench.schedule.telling import Teller


@dataclass(slots=True)
class Told:
    """What the journal says that the records alone do not."""

    first: dict[str, int] = field(default_factory=dict)
    """The lowest attempt that counts for a cell, by path: since the last `--fresh`."""
    ended: set[str] = field(default_factory=set)
    """Attempts whose end is journaled, by path: their worktrees are gone, or were meant to stay."""


def read_journal(journal: Journal, torn: Quarantine | None = None) -> Told:
    told = Told()
    for entry in journal.read(torn):
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

    `record` may be that of the plans. What an attempt that is given up had committed is kept first. Attempts that can
    still go on, now or under the identity that they were begun under, are left alone.
    """
    plans = record is not teller.record
    first = {} if plans else told.first
    by_path = {cell.path.as_posix(): status for cell, status in statuses.items()}
    for path, found in attempts.items():
        status = by_path.get(path)
        for number, result in ours(found):
            name = journal_path(path, number, plan=plans)
            if name in told.ended:
                continue
            cell = _cell(path) if status is None else status.cell
            latest = number == found[-1][0] and number >= first.get(path, 1)
            if result is None and latest and _may_go_on(record, cell, number, status, teller):
                continue
            if not clear(teller, record, cell, number, keep=result is None):
                continue
            if result is None:
                journal.append("attempt_abandoned", path=name)
            else:
                note_end(journal, result)
            told.ended.add(name)


def _may_go_on(record: ExperimentFolder, cell: Cell, number: int, status: CellStatus | None, teller: Teller) -> bool:
    """Of the cell's latest attempt, which was cut off. `status` None: this run was not asked for the cell."""
    if status is None or (status.state is CellState.OPEN and status.number == number):
        return True
    return status.state is CellState.DONE and cut_off(teller, record, cell, number) is not CutOff.LOST


def _cell(path: str) -> Cell:
    """A cell that lies at this path; its task's own name matters to nobody here."""
    task, profile, repeat = path.split("/")
    return Cell(task, profile, int(repeat.removeprefix("r")))
