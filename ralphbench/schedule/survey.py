"""What the record says of each cell: done, to go on with, to do, or not to be tried any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ralphbench.model import AttemptResult, Cell, Ending
from ralphbench.record import ExperimentFolder


class CellState(StrEnum):
    DONE = "done"
    OPEN = "open"
    """Cut off; goes on from its last iteration boundary."""
    TODO = "to do"
    EXHAUSTED = "void too often"
    """Infrastructure failed it more often than `void_retries` allows."""
    STALE = "stale"
    """Done under another identity."""


@dataclass(frozen=True, slots=True)
class CellStatus:
    """`number` is the attempt that stands for the cell: the one done, open, or next to be made."""

    cell: Cell
    state: CellState
    number: int
    voids: int
    result: AttemptResult | None = None


def survey(
    record: ExperimentFolder,
    cells: Iterable[Cell],
    *,
    identity: Callable[[Cell], str],
    resumable: Callable[[Cell, int], bool],
    void_retries: int,
    first: Mapping[str, int],
) -> dict[Cell, CellStatus]:
    """Where every cell stands. `first` is the lowest attempt number that counts for a cell (after `--fresh`)."""
    attempts = _attempts(record)
    return {
        cell: _status(
            cell,
            [a for a in attempts.get(cell, []) if a[0] >= first.get(cell.path.as_posix(), 1)],
            identity=identity(cell),
            resumable=resumable,
            void_retries=void_retries,
            next_number=_next(record, cell),
        )
        for cell in cells
    }


Attempt = tuple[int, "AttemptResult | None"]


def _attempts(record: ExperimentFolder) -> dict[Cell, list[Attempt]]:
    found: dict[Cell, list[Attempt]] = {}
    for cell, number, result, _ in record.summaries():
        if result is not None and result.imported:
            continue  # of another system: shown beside ours, never in place of ours
        found.setdefault(cell, []).append((number, result))
    for attempts in found.values():
        attempts.sort(key=lambda a: a[0])
    return found


def _next(record: ExperimentFolder, cell: Cell) -> int:
    numbers = record.attempts(cell)
    return numbers[-1] + 1 if numbers else 1


def _status(
    cell: Cell,
    attempts: list[Attempt],
    *,
    identity: str,
    resumable: Callable[[Cell, int], bool],
    void_retries: int,
    next_number: int,
) -> CellStatus:
    # An interruption is nobody's fault and uses up no retry.
    voids = sum(1 for _, r in attempts if r is not None and r.ending.void and r.ending is not Ending.INTERRUPTED)
    for number, result in reversed(attempts):
        if result is None:
            if number == attempts[-1][0] and resumable(cell, number):
                return CellStatus(cell, CellState.OPEN, number, voids)
            continue
        if not result.ending.void:
            same = result.identity == identity
            return CellStatus(cell, CellState.DONE if same else CellState.STALE, number, voids, result)
    if voids > void_retries:
        return CellStatus(cell, CellState.EXHAUSTED, attempts[-1][0], voids, attempts[-1][1])
    return CellStatus(cell, CellState.TODO, next_number, voids)
