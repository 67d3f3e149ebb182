"""How the journal calls attempts, and tells of their end."""

from __future__ import annotations

from ralphbench.model import AttemptResult
from ralphbench.record import Journal


def note_end(journal: Journal, result: AttemptResult) -> None:
    """The journal's entry of an attempt that is committed."""
    plan = result.extra.get("mode") == "plan"
    journal.append(
        "cell_ended",
        cell=str(result.cell),
        attempt=result.number,
        path=journal_path(result.cell.path.as_posix(), result.number, plan=plan),
        ending=result.ending,
        resolved=None if result.verdict is None else result.verdict.resolved,
        score=None if result.verdict is None else result.verdict.score,
    )


def journal_path(cell: str, number: int, *, plan: bool) -> str:
    """How the journal calls an attempt, by its cell's path. A plan for all and an attempt at a cell may lie at the same one."""
    return f"{'plans/' if plan else ''}{cell}/a{number}"
