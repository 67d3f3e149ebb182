"""How far an experiment is, read from its record alone: from another terminal, or after everything has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ralphbench.model import AttemptResult, Cell, Limits
from ralphbench.record import ExperimentFolder, Journal, Owner, read_spec
from ralphbench.ui.finding import unequal_in
from ralphbench.ui.progress import Progress

_OVER = ("done", "void too often")


@dataclass(frozen=True, slots=True)
class Running:
    cell: Cell
    attempt: int
    progress: Progress
    limits: Limits | None = None
    plan: bool = False
    """It makes a plan for all."""


@dataclass(slots=True)
class Standing:
    """`spent_*`: over all attempts, void and running ones and plans for all too; None where a part is unknown."""

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
    most_seconds: float | None = None
    """What the open cells may still take together, by their wall times; None: the record does not say."""
    unequal_limits: tuple[str, ...] = ()
    """Profiles that run under limits of their own."""

    def seconds_left(self) -> float | None:
        """From the mean of the cells done so far; None while none is."""
        open_cells = self.total - sum(self.states[state] for state in _OVER)
        if self.mean_seconds is None:
            return 0.0 if open_cells == 0 else None
        begun = sum(min(r.progress.elapsed(), self.mean_seconds) for r in self.running if not r.plan)
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
    left = []
    for path, tried in attempts.items():
        counting = [(n, r) for n, r in tried if n >= told.first.get(path, 1)]
        state = _state(found, told, path, counting)
        found.states[state] += 1
        if state not in _OVER:
            left.append(path)
    for started in [s for s in told.running if found.owner is not None]:
        found.running.append(_running(record, started))
    found.most_seconds = _at_most(left, lock, found.running)
    results = [r for tried in attempts.values() for _, r in tried if r is not None]
    _sums(found, results, [r for _, _, r, _ in record.plans().summaries() if r is not None])
    own = (r.cell.profile for r in results if r.extra.get("unequal_limits"))
    found.unequal_limits = tuple(sorted({*unequal_in({"experiment": lock}), *own}))
    return found


def _running(record: ExperimentFolder, started: _Started) -> Running:
    folder = (record.plans() if started.plan else record).folder(started.cell, started.attempt)
    spec, progress = read_spec(folder), Progress(folder.path)
    progress.update()
    return Running(started.cell, started.attempt, progress, None if spec is None else spec.limits, started.plan)


def _at_most(left: list[str], lock: Mapping[str, Any], running: list[Running]) -> float | None:
    """The wall times of the cells that are left, one after the other, without what the running ones have used of theirs."""
    try:
        common, own = float(lock["limits"]["wall_time"]), lock.get("unequal_limits") or {}
        each = {name: float(limits["wall_time"]) for name, limits in own.items()}
    except KeyError:
        return None
    total = sum(each.get(path.split("/")[1], common) for path in left)
    used = sum(min(r.progress.elapsed(), each.get(r.cell.profile, common)) for r in running if not r.plan)
    return max(0.0, total - used)


@dataclass(frozen=True, slots=True)
class _Started:
    cell: Cell
    attempt: int
    plan: bool


@dataclass(slots=True)
class _Journal:
    """What the journal says that the attempts do not."""

    jobs: int = 1
    running: list[_Started] = field(default_factory=list)
    """Started and not ended since the last run began."""
    exhausted: set[str] = field(default_factory=set)
    """By the cell's path: those that the last run gave up, since they were void too often. The next tries them again."""
    first: dict[str, int] = field(default_factory=dict)
    """By the cell's path: the lowest attempt that counts, since the last `--fresh`."""


def _read_journal(record: ExperimentFolder) -> _Journal:
    told = _Journal()
    for entry in Journal(record.journal).read():
        data = entry.data
        if entry.kind == "run_started":
            told.jobs = int(data["jobs"])
            told.running.clear()
            told.exhausted.clear()
        elif entry.kind == "cell_exhausted" and not data["plan"]:
            told.exhausted.add(str(data["path"]))
        elif entry.kind == "fresh":
            told.first.update(data["first"])
        elif entry.kind == "cell_started" and "task" in data:
            cell = Cell(data["task"], data["profile"], data["repeat"])
            told.running.append(_Started(cell, int(data["attempt"]), bool(data["plan"])))
        elif entry.kind in ("cell_ended", "cell_cut_off"):
            # Plans are made before any cell is begun: cell and number are enough to tell which one it is.
            ended = data["cell"], data["attempt"]
            told.running = [s for s in told.running if (str(s.cell), s.attempt) != ended]
    return told


def _cells(lock: dict[str, Any]) -> list[Cell]:
    profiles = [p["name"] for p in lock.get("profiles", [])]
    return [
        Cell(task, profile, repeat)
        for repeat in range(1, int(lock.get("repeats", 0)) + 1)
        for task in lock.get("tasks", [])
        for profile in profiles
    ]


def _state(found: Standing, told: _Journal, path: str, tried: list[tuple[int, AttemptResult | None]]) -> str:
    if found.owner is not None and any(s.cell.path.as_posix() == path and not s.plan for s in told.running):
        return "running"
    results = [r for _, r in tried if r is not None]
    if any(not r.ending.void for r in results):
        return "done"
    if tried and max(tried, key=lambda t: t[0])[1] is None:
        return "cut off"
    return "void too often" if path in told.exhausted else "to do"


def _sums(found: Standing, results: list[AttemptResult], plans: list[AttemptResult]) -> None:
    done = [r for r in results if not r.ending.void]
    found.last = sorted(results, key=lambda r: r.ended)[-5:]
    found.mean_seconds = sum(r.times.wall for r in done) / len(done) if done else None
    ended = (*results, *plans)
    found.spent_seconds = sum(r.times.wall for r in ended) + sum(r.progress.elapsed() for r in found.running)
    for spent in (*(r.spent for r in ended), *(r.progress.spent for r in found.running)):
        found.spent_tokens = _plus(found.spent_tokens, spent.tokens)
        found.spent_cost = _plus(found.spent_cost, spent.cost)


_Number = TypeVar("_Number", int, float)


def _plus(total: _Number | None, more: _Number | None) -> _Number | None:
    return None if total is None or more is None else total + more
