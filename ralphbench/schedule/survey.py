"""What the record says of each cell: done, to go on with, to do, or done as something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from ralphbench.model import AttemptResult, Cell
from ralphbench.record import ExperimentFolder, Quarantine, report, that_counts


class CellState(StrEnum):
    DONE = "done"
    OPEN = "open"
    """Cut off; goes on from its last iteration boundary."""
    TODO = "to do"
    """Also where every attempt is void: how often infrastructure may fail a cell is counted anew by each run."""
    STALE = "stale"
    """Done, or begun and cut off, under another identity, and never done under today's."""


class CutOff(Enum):
    """What can become of an attempt that has no result."""

    GOES_ON = auto()
    CHANGED = auto()
    """It was begun under another identity; what it did is still there."""
    LOST = auto()


@dataclass(frozen=True, slots=True)
class CellStatus:
    """`number` is the attempt that stands for the cell: the one done, open, or next to be made."""

    cell: Cell
    state: CellState
    number: int
    result: AttemptResult | None = None


Attempt = tuple[int, "AttemptResult | None"]
Attempts = Mapping[str, list[Attempt]]
"""By the cell's path, which is the same whether a `+` in it is a phase's or a name's own; in order of their numbers."""


def survey(
    attempts: Attempts,
    cells: Iterable[Cell],
    *,
    identity: Callable[[Cell], str],
    cut_off: Callable[[Cell, int], CutOff],
    first: Mapping[str, int],
) -> dict[Cell, CellStatus]:
    """Where every cell stands. `first` is the lowest attempt number that counts for a cell (after `--fresh`)."""
    found = {}
    for cell in cells:
        path = cell.path.as_posix()
        mine = attempts.get(path, [])
        found[cell] = _status(
            cell,
            [a for a in ours(mine) if a[0] >= first.get(path, 1)],
            identity=identity(cell),
            cut_off=cut_off,
            next_number=mine[-1][0] + 1 if mine else 1,
        )
    return found


def attempts_of(record: ExperimentFolder, torn: Quarantine | None = None) -> Attempts:
    """Every attempt of the record with its result. What is damaged of those that have none is reported to `torn`."""
    found: dict[str, list[Attempt]] = {}
    for cell, number, result, damages in record.summaries():
        for damage in damages if torn is not None else ():
            report(torn, damage)
        found.setdefault(cell.path.as_posix(), []).append((number, result))
    for attempts in found.values():
        attempts.sort(key=lambda a: a[0])
    return found


def ours(attempts: list[Attempt]) -> list[Attempt]:
    """Without those of another system, which are shown beside ours, never in place of ours."""
    return [(number, result) for number, result in attempts if result is None or not result.imported]


def _status(
    cell: Cell,
    attempts: list[Attempt],
    *,
    identity: str,
    cut_off: Callable[[Cell, int], CutOff],
    next_number: int,
) -> CellStatus:
    counts = that_counts(attempts, identity)
    if counts is not None and counts[1].identity == identity:
        return CellStatus(cell, CellState.DONE, *counts)
    if attempts and attempts[-1][1] is None:
        latest = attempts[-1][0]
        what = cut_off(cell, latest)
        if what is not CutOff.LOST:
            return CellStatus(cell, CellState.OPEN if what is CutOff.GOES_ON else CellState.STALE, latest)
    if counts is not None:
        return CellStatus(cell, CellState.STALE, *counts)
    return CellStatus(cell, CellState.TODO, next_number)
