"""Who leads in what: one line a question, every profile that shares the lead, never one score for all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ralphbench.analysis.rows import ProfileRow


class Unit(StrEnum):
    """What a leader's figure is."""

    SHARE = "share"
    SCORE = "score"
    MONEY = "money"
    SECONDS = "seconds"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Leader:
    """`profiles` is empty where nobody has a known figure, and where nobody leads."""

    question: str
    profiles: tuple[str, ...]
    figure: float | None
    unit: Unit = Unit.COUNT
    nobody: bool = False
    """None that would do has resolved anything, or what all have is nothing."""


Figure = Callable[[ProfileRow], float | None]


def leaders(rows: Sequence[ProfileRow]) -> tuple[Leader, ...]:
    """Of the rows of one experiment: the best known figure for each question. A tie names everybody."""
    solvers = [r for r in rows if r.resolved]
    steady = [r for r in rows if r.kills == 0]
    return (
        _most("most resolved", rows, _resolved, Unit.SHARE),
        _most("best score", rows, lambda r: r.score, Unit.SCORE),
        _most("best score, of those never cut off by the harness", steady, lambda r: r.score, Unit.SCORE),
        _most("most tickets accepted (each wrote its own)", rows, lambda r: r.accepted, Unit.COUNT),
        _least("least cost for each attempt", rows, lambda r: _each(r, r.cost), Unit.MONEY),
        _least("least cost for each resolved", solvers, lambda r: r.cost_per_resolved, Unit.MONEY),
        _least("fastest, of those that resolved any", solvers, lambda r: r.time.wall, Unit.SECONDS),
        _least("fewest cloud calls, of those that resolved any", solvers, lambda r: r.cloud_calls, Unit.COUNT),
        _least("fewest stages cut off by the harness", rows, lambda r: r.kills, Unit.COUNT),
    )


def guide(rows: Sequence[ProfileRow]) -> tuple[Leader, ...]:
    """Of the rows of one experiment: which to take, by what matters most. Nobody, where none that would do resolved any."""
    solvers = [r for r in rows if r.resolved]
    at_home = [r for r in solvers if r.cloud_calls == 0]
    return (
        _most("the work must get done", solvers, _resolved, Unit.SHARE),
        _least("money counts", solvers, lambda r: r.cost_per_resolved, Unit.MONEY),
        _least("time counts", solvers, lambda r: r.time.wall, Unit.SECONDS),
        _most("no call may go to the cloud", at_home, _resolved, Unit.SHARE),
    )


def _resolved(row: ProfileRow) -> float | None:
    return row.resolved / row.judged if row.judged else None


def _each(row: ProfileRow, amount: float | None) -> float | None:
    return amount / row.attempts if amount is not None and row.attempts else None


def _least(question: str, rows: Sequence[ProfileRow], figure: Figure, unit: Unit) -> Leader:
    known = _known(rows, figure)
    best = min((value for value, _ in known), default=None)
    return Leader(question, tuple(name for value, name in known if value == best), best, unit, nobody=not rows)


def _most(question: str, rows: Sequence[ProfileRow], figure: Figure, unit: Unit) -> Leader:
    known = _known(rows, figure)
    best = max((value for value, _ in known), default=None)
    if best == 0 or not rows:
        return Leader(question, (), best, unit, nobody=True)
    return Leader(question, tuple(name for value, name in known if value == best), best, unit)


def _known(rows: Sequence[ProfileRow], figure: Figure) -> list[tuple[float, str]]:
    return [(float(value), row.name) for row in rows if (value := figure(row)) is not None]
