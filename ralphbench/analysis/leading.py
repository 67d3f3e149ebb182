"""Who leads in what: one line a question, every profile that shares the lead, never one score for all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ralphbench.analysis.rows import ProfileRow

KILLS = ("stage_timeout", "idle_timeout", "context", "wall_time", "tokens", "cost", "calls")
"""Stage endings with which the harness cut a stage off."""


@dataclass(frozen=True, slots=True)
class Leader:
    """`profiles` is empty where nobody has a known figure."""

    question: str
    profiles: tuple[str, ...]
    figure: float | None


def leaders(rows: Sequence[ProfileRow]) -> tuple[Leader, ...]:
    """Of the rows of one experiment: the best known figure for each question. A tie names everybody."""
    solvers = [r for r in rows if r.resolved]
    questions: tuple[tuple[str, Sequence[ProfileRow], Callable[[ProfileRow], float | None]], ...] = (
        ("most resolved", rows, lambda r: -r.resolved / r.judged if r.judged else None),
        ("best score", rows, lambda r: None if r.score is None else -r.score),
        ("least cost for each resolved", solvers, lambda r: r.cost_per_resolved),
        ("fastest, of those that resolved any", solvers, lambda r: r.time.wall),
        ("fewest cloud calls, of those that resolved any", solvers, lambda r: r.cloud_calls),
        ("fewest stages cut off by the harness", rows, lambda r: float(kills(r))),
    )
    return tuple(_leader(question, among, figure) for question, among, figure in questions)


def _leader(question: str, rows: Sequence[ProfileRow], figure: Callable[[ProfileRow], float | None]) -> Leader:
    known = [(value, r.profile) for r in rows if (value := figure(r)) is not None]
    if not known:
        return Leader(question, (), None)
    best = min(value for value, _ in known)
    return Leader(question, tuple(name for value, name in known if value == best), abs(best))


def kills(row: ProfileRow) -> int:
    """Stages that the harness cut off."""
    return sum(count for line in row.stages for ending, count in line.endings.items() if ending in KILLS)
