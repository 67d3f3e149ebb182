"""How far an experiment is, read from its record alone: from another terminal, or after everything has ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ralphbench.model import AttemptResult, Cell
from ralphbench.record import ExperimentFolder, Owner
from ralphbench.ui.progress import Progress


@dataclass(frozen=True, slots=True)
class Running:
    cell: Cell
    attempt: int
    progress: Progress


@dataclass(slots=True)
class Standing:
    """`spent_*`: over all attempts, void ones too; None where a part is unknown."""

    experiment: str
    owner: Owner | None
    """Who runs it now."""
    states: Counter[str] = field(default_factory=Counter)
    running: list[Running] = field(default_factory=list)
    last: list[AttemptResult] = field(default_factory=list)
    total: int = 0
    jobs: int = 1
    spent_seconds: float = 0.0
    spent_tokens: int | None = 0
    spent_cost: float | None = 0.0
    mean_seconds: float | None = None

    def seconds_left(self) -> float | None:
        """From the mean of the cells done so far; None while none is."""
        open_cells = self.total - self.states["done"] - self.states["void too often"]
        if self.mean_seconds is None:
            return 0.0 if open_cells == 0 else None
        begun = sum(min(r.progress.elapsed() or 0.0, self.mean_seconds) for r in self.running)
        return max(0.0, (open_cells * self.mean_seconds - begun) / max(1, self.jobs))


def standing(record: ExperimentFolder) -> Standing:
    found = Standing(record.name, record.owner().holder())
    lock = (record.read_lock() or {}).get("experiment") or {}
    cells = _cells(lock)
    retries = int(lock.get("void_retries", 0))
    attempts: dict[Cell, list[tuple[int, AttemptResult | None]]] = {cell: [] for cell in cells}
    for cell, number, result, _ in record.summaries():
        attempts.setdefault(cell, []).append((number, result))
    # The lock is of the last run, which may have been asked for some profiles only.
    found.total = len(attempts)
    for cell, tried in attempts.items():
        found.states[_state(found, record, cell, tried, retries)] += 1
    _sums(found, attempts)
    for event in record_journal(record):
        if event.kind == "run_started":
            found.jobs = int(event.data["jobs"])
    return found


def record_journal(record: ExperimentFolder) -> Any:
    from ralphbench.record import Journal

    return Journal(record.journal).read()


def _cells(lock: dict[str, Any]) -> list[Cell]:
    profiles = [p["name"] for p in lock.get("profiles", [])]
    return [
        Cell(task, profile, repeat)
        for repeat in range(1, int(lock.get("repeats", 0)) + 1)
        for task in lock.get("tasks", [])
        for profile in profiles
    ]


def _state(
    found: Standing,
    record: ExperimentFolder,
    cell: Cell,
    tried: list[tuple[int, AttemptResult | None]],
    retries: int,
) -> str:
    if not tried:
        return "to do"
    number, latest = max(tried, key=lambda t: t[0])
    if latest is None:
        if found.owner is None:
            return "cut off"
        progress = Progress(record.folder(cell, number).path)
        progress.update()
        found.running.append(Running(cell, number, progress))
        return "running"
    if any(r is not None and not r.ending.void for _, r in tried):
        return "done"
    return "void too often" if sum(1 for _, r in tried if r is not None) > retries else "to do"


def _sums(found: Standing, attempts: dict[Cell, list[tuple[int, AttemptResult | None]]]) -> None:
    results = [r for tried in attempts.values() for _, r in tried if r is not None]
    done = [r for r in results if not r.ending.void]
    found.last = sorted(results, key=lambda r: r.ended)[-5:]
    found.spent_seconds = sum(r.times.wall for r in results)
    for result in results:
        tokens, cost = result.spent.tokens, result.spent.cost
        found.spent_tokens = None if found.spent_tokens is None or tokens is None else found.spent_tokens + tokens
        found.spent_cost = None if found.spent_cost is None or cost is None else found.spent_cost + cost
    found.mean_seconds = sum(r.times.wall for r in done) / len(done) if done else None
