"""The predecessor's composite score, only on request.

    rate = completed / total
    score = rate / (0.3 * cost / max_cost + 0.3 * time / max_time + 0.01) * (1 - 0.1 * min(kills, 5))

It divides by whoever else is in the table, leaves correctness out, and counts work that the contender gave itself. It
is here so that old tables can be compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ralphbench.analysis.rows import ProfileRow

WARNING = (
    "the legacy score is relative to the other rows of the same table, ignores what the gates say, and rates tickets "
    "that the contender wrote for itself; do not decide by it"
)
_KILLS = ("stage_timeout", "idle_timeout", "context", "wall_time")
"""The endings that it counted: it had no other caps inside a stage."""


def legacy_scores(rows: Sequence[ProfileRow]) -> Mapping[tuple[str, str], float | None]:
    """(experiment, name of the row) to score; None where a part of the formula is unknown."""
    costs = [r.cost for r in rows if r.cost is not None]
    times = [r.time.wall for r in rows if r.time.wall is not None]
    return {(r.experiment, r.name): _score(r, max(costs, default=0.0), max(times, default=0.0)) for r in rows}


def _score(row: ProfileRow, max_cost: float, max_time: float) -> float | None:
    rate, kills = _rate(row), _kills(row)
    if row.cost is None or row.time.wall is None or rate is None or kills is None:
        return None
    relative_cost = row.cost / max_cost if max_cost else 0.0
    relative_time = row.time.wall / max_time if max_time else 0.0
    return rate / (0.3 * relative_cost + 0.3 * relative_time + 0.01) * (1 - 0.1 * min(kills, 5))


def _rate(row: ProfileRow) -> float | None:
    """Of an imported row as it was then, also where its total leaves out what was done and the rate is above 1."""
    if row.imported:
        if row.legacy_completed is None or row.legacy_total is None:
            return None
        return row.legacy_completed / max(row.legacy_total, 1)
    return row.accepted / row.tickets if row.accepted is not None and row.tickets else None


def _kills(row: ProfileRow) -> int | None:
    if row.imported:
        return row.kills
    return sum(count for line in row.stages for ending, count in line.endings.items() if ending in _KILLS)
