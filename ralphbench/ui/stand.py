"""How far an experiment is, read from its record alone: from another terminal, or after everything has ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ralphbench.model import AttemptResult, Cell, Ending, Limits
from ralphbench.record import ExperimentFolder, Journal, Owner, read_spec
from ralphbench.ui.progress import Progress


@dataclass(frozen=True, slots=True)
class Running:
    cell: Cell
    attempt: int
    progress: Progress
    limits: Limits | None = None


@dataclass(slots=True)
class Standing:
    """`spent_*`: over all attempts, void and running ones too; None where a part is unknown."""

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
        begun = sum(min(r.progress.elapsed(), self.mean_seconds) for r in self.running)
        return max(0.0, (open_cells * self.mean_seconds - begun) / max(1, self.jobs))


def standing(record: ExperimentFolder) -> Standing:
    found = Standing(record.name, record.owner().holder())
    lock = (record.read_lock() or {}).get("experiment") or {}
    told = _read_journal(record)
    found.jobs = told.jobs
    attempts: dict[str, list[tuple[int, AttemptResult | None]]] = {c.path.as_posix(): [] for c in _cells(lock)}
    # The lock is of the last run, which may have been asked for some profiles only: what is recorded counts too.
    for cell, number, result, _ in record.summaries():
        if result is None or not result.imported:
            attempts.setdefault(cell.path.as_posix(), []).append((number, result))
    found.total = len(attempts)
    retries = int(lock.get("void_retries", 0))
    for path, tried in attempts.items():
        counting = [(n, r) for n, r in tried if n >= told.first.get(path, 1)]
        found.states[_state(found, told, path, counting, retries)] += 1
    for cell in [c for c in told.running if found.owner is not None]:
        folder = record.folder(cell, told.running[cell])
        spec, progress = read_spec(folder), Progress(folder.path)
        progress.update()
        found.running.append(Running(cell, told.running[cell], progress, None if spec is None else spec.limits))
    _sums(found, [r for tried in attempts.values() for _, r in tried if r is not None])
    return found


@dataclass(slots=True)
class _Journal:
    """What the journal says that the attempts do not."""

    jobs: int = 1
    running: dict[Cell, int] = field(default_factory=dict)
    """Started and not ended since the last run began."""
    first: dict[str, int] = field(default_factory=dict)
    """By the cell's path: the lowest attempt that counts, since the last `--fresh`."""


def _read_journal(record: ExperimentFolder) -> _Journal:
    told = _Journal()
    for entry in Journal(record.journal).read():
        data = entry.data
        if entry.kind == "run_started":
            told.jobs = int(data["jobs"])
            told.running.clear()
        elif entry.kind == "fresh":
            told.first.update(data["first"])
        elif entry.kind == "cell_started" and "task" in data and not data["plan"]:
            told.running[Cell(data["task"], data["profile"], data["repeat"])] = int(data["attempt"])
        elif entry.kind in ("cell_ended", "cell_cut_off"):
            told.running = {c: n for c, n in told.running.items() if (str(c), n) != (data["cell"], data["attempt"])}
    return told


def _cells(lock: dict[str, Any]) -> list[Cell]:
    profiles = [p["name"] for p in lock.get("profiles", [])]
    return [
        Cell(task, profile, repeat)
        for repeat in range(1, int(lock.get("repeats", 0)) + 1)
        for task in lock.get("tasks", [])
        for profile in profiles
    ]


def _state(
    found: Standing, told: _Journal, path: str, tried: list[tuple[int, AttemptResult | None]], retries: int
) -> str:
    if found.owner is not None and any(cell.path.as_posix() == path for cell in told.running):
        return "running"
    results = [r for _, r in tried if r is not None]
    if any(not r.ending.void for r in results):
        return "done"
    if tried and max(tried, key=lambda t: t[0])[1] is None:
        return "cut off"
    # An interruption is nobody's fault and uses up no retry.
    voids = sum(1 for r in results if r.ending is not Ending.INTERRUPTED)
    return "void too often" if voids > retries else "to do"


def _sums(found: Standing, results: list[AttemptResult]) -> None:
    done = [r for r in results if not r.ending.void]
    found.last = sorted(results, key=lambda r: r.ended)[-5:]
    found.mean_seconds = sum(r.times.wall for r in done) / len(done) if done else None
    found.spent_seconds = sum(r.times.wall for r in results) + sum(r.progress.elapsed() for r in found.running)
    for spent in (*(r.spent for r in results), *(r.progress.spent for r in found.running)):
        found.spent_tokens = _plus(found.spent_tokens, spent.tokens)
        found.spent_cost = _plus(found.spent_cost, spent.cost)


_Number = TypeVar("_Number", int, float)


def _plus(total: _Number | None, more: _Number | None) -> _Number | None:
    return None if total is None or more is None else total + more
