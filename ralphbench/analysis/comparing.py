"""Frames into a comparison: one row a profile of an experiment, each figure with its denominator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ralphbench.analysis.frames import Frames

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "ralphbench.comparison/1"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Sums over the attempts of a profile; None: at least one call did not say."""

    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None


@dataclass(frozen=True, slots=True)
class Split:
    """Mean seconds an attempt; the parts overlap where things ran at once. None: unknown."""

    wall: float | None
    model: float | None
    tools: float | None
    gates: float | None
    harness: float | None
    waiting: float | None
    """For a lease, a model's load, the gateway's retries: on nobody's clock."""


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage of one profile, over all its attempts."""

    stage: str
    runs: int
    done: int
    seconds: float | None
    calls: int
    local_calls: int
    input: int | None
    output: int | None
    cost: float | None
    truncated: int | None
    endings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One contender in one experiment. `attempts` is every denominator that is not named otherwise."""

    experiment: str
    profile: str
    attempts: int
    """Committed attempts that are neither void nor plan-only."""
    tasks: int
    void: int
    resolved: int
    judged: int
    """Attempts with a verdict: what `resolved` and `score` are out of."""
    score: float | None
    """Mean of the scores."""
    claimed: int
    """Attempts whose last reviewer called everything complete."""
    claims: int
    """Attempts in which a reviewer said anything of it."""
    overclaimed: int
    """Called complete and not resolved."""
    tampered: int
    iterations: int | None
    tickets: int | None
    accepted: int | None
    rejected: int | None
    abandoned: int | None
    commits: int | None
    files_changed: int | None
    lines_added: int | None
    lines_removed: int | None
    time: Split
    tokens: Tokens
    calls: int
    local_calls: int
    local_tokens: int | None
    tokens_per_second: float | None
    """Output tokens over the time that a model was answering."""
    cost: float | None
    plan_cost: float | None
    """For plans that this profile made for everybody; contained in `cost`."""
    cost_per_resolved: float | None
    retries: int | None
    truncated: int | None
    unknown_calls: int | None
    endings: Mapping[str, int]
    causes: Mapping[str, int]
    """Of the ending `failures`: the stage ending that filled the count."""
    plans: tuple[str, ...]
    """`own`, or whose plans it worked on."""
    isolated: bool
    imported: bool
    stages: tuple[StageLine, ...] = ()
    gates: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """`<task>: <gate>` to (passed, judged)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    rows: tuple[ProfileRow, ...]
    warnings: tuple[str, ...]
    schema: str = SCHEMA


def compare(frames: Frames) -> Comparison:
    """One row for each (experiment, profile); two experiments are never merged."""
    rows = []
    keys = frames.attempts[["experiment", "profile"]].drop_duplicates().itertuples(index=False)
    for experiment, profile in sorted(tuple(key) for key in keys):
        rows.append(_row(frames, str(experiment), str(profile)))
    ranked = sorted(rows, key=lambda r: (r.experiment, -(r.resolved / r.judged if r.judged else -1), -(r.score or 0)))
    return Comparison(tuple(ranked), _warnings(frames, ranked))


def _of(frame: pd.DataFrame, experiment: str, profile: str) -> pd.DataFrame:
    return frame[(frame["experiment"] == experiment) & (frame["profile"] == profile)]


def _row(frames: Frames, experiment: str, profile: str) -> ProfileRow:
    mine = _of(frames.attempts, experiment, profile)
    plans = mine[mine["kind"] == "plan"]
    cells = mine[(mine["kind"] == "cell") & mine["counts"]]
    judged = cells[cells["resolved"].notna()]
    resolved = int(judged["resolved"].sum())
    claims = judged[judged["claimed"].notna()]
    stages = _of(frames.stages, experiment, profile)
    cost, plan_cost = _sum(mine["cost"]), _sum(plans["cost"]) if len(plans) else None
    return ProfileRow(
        experiment=experiment,
        profile=profile,
        attempts=len(cells),
        tasks=int(cells["task"].nunique()),
        void=int(mine["void"].sum()),
        resolved=resolved,
        judged=len(judged),
        score=_mean(judged["score"]),
        claimed=int(claims["claimed"].sum()),
        claims=len(claims),
        overclaimed=int((claims["claimed"] & ~claims["resolved"]).sum()),
        tampered=int((judged["tampered"] > 0).sum()),
        **{name: _whole(cells[name]) for name in _COUNTS},
        time=_split(cells),
        tokens=Tokens(**{kind: _whole(mine[f"{kind}_tokens"]) for kind in _KINDS}),
        calls=int(mine["calls"].sum()),
        local_calls=int(mine["local_calls"].sum()),
        local_tokens=_whole(mine["local_tokens"]),
        tokens_per_second=_rate(stages),
        cost=cost,
        plan_cost=plan_cost,
        cost_per_resolved=cost / resolved if cost is not None and resolved else None,
        retries=_whole(mine["retries"]),
        truncated=_whole(mine["truncated"]),
        unknown_calls=_whole(mine["unknown_calls"]),
        endings=_counts(mine[mine["kind"] == "cell"]["ending"]),
        causes=_counts(cells["cause"].dropna()),
        plans=tuple(sorted({str(by) if isinstance(by, str) else "own" for by in cells["plan_by"]})),
        isolated=bool(cells["isolated"].all()) if len(cells) else True,
        imported=bool(mine["imported"].any()),
        stages=_stage_lines(stages, _of(frames.endings, experiment, profile)),
        gates=_gates(_of(frames.gates, experiment, profile), cells),
    )


_COUNTS = (
    "iterations",
    "tickets",
    "accepted",
    "rejected",
    "abandoned",
    "commits",
    "files_changed",
    "lines_added",
    "lines_removed",
)
_KINDS = ("input", "output", "cache_read", "cache_write", "reasoning")


def _sum(column: pd.Series[Any]) -> float | None:
    """None where a part is unknown, or there is nothing to add."""
    if not len(column) or column.isna().any():
        return None
    return float(column.sum())


def _whole(column: pd.Series[Any]) -> int | None:
    total = _sum(column)
    return None if total is None else int(total)


def _mean(column: pd.Series[Any]) -> float | None:
    known = column.dropna()
    return float(known.mean()) if len(known) else None


def _split(cells: pd.DataFrame) -> Split:
    waiting = cells["queue_seconds"] + cells["load_seconds"] + cells["retry_seconds"]
    return Split(
        wall=_mean(cells["wall_seconds"]),
        model=_mean(cells["model_seconds"]),
        tools=_mean(cells["tools_seconds"] + cells["checks_seconds"]),
        gates=_mean(cells["gates_seconds"]),
        harness=_mean(cells["harness_seconds"]),
        waiting=_mean(waiting),
    )


def _rate(stages: pd.DataFrame) -> float | None:
    known = stages[stages["output"].notna() & (stages["model_seconds"] > 0)]
    seconds = float(known["model_seconds"].sum())
    return float(known["output"].sum()) / seconds if seconds else None


def _counts(column: pd.Series[Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().items()}


_STAGE_ORDER = ("plan", "investigate", "build", "verify", "decompose")


def _stage_lines(stages: pd.DataFrame, endings: pd.DataFrame) -> tuple[StageLine, ...]:
    lines = []
    for name in sorted(set(stages["stage"]), key=lambda s: _STAGE_ORDER.index(s) if s in _STAGE_ORDER else 99):
        part = stages[stages["stage"] == name]
        ended = endings[endings["stage"] == name].groupby("ending", sort=False)["count"].sum()
        lines.append(
            StageLine(
                stage=str(name),
                runs=int(part["runs"].sum()),
                done=int(part["done"].sum()),
                seconds=_sum(part["seconds"]),
                calls=int(part["calls"].sum()),
                local_calls=int(part["local_calls"].sum()),
                input=_whole(part["input"]),
                output=_whole(part["output"]),
                cost=_sum(part["cost"]),
                truncated=_whole(part["truncated"]),
                endings={str(ending): int(count) for ending, count in ended.items()},
            )
        )
    return tuple(lines)


def _gates(gates: pd.DataFrame, cells: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Of the attempts that count."""
    counting = gates.merge(cells[["kind", "task", "repeat", "attempt"]])
    found = counting.assign(name=counting["task"] + ": " + counting["gate"]).groupby("name", sort=False)["passed"]
    return {str(name): (int(part.sum()), len(part)) for name, part in found}


def _warnings(frames: Frames, rows: list[ProfileRow]) -> tuple[str, ...]:
    """What a reader must know before any figure, most important first."""
    warnings = [
        f"{r.experiment}/{r.profile}: the server cut the context silently in {r.truncated} of {r.calls} calls"
        for r in rows
        if r.truncated
    ]
    warnings += _unequal_work(frames, rows)
    warnings += [
        f"{r.experiment}/{r.profile}: {r.void} attempts are void through infrastructure faults and count neither way"
        for r in rows
        if r.void
    ]
    warnings += [
        f"{r.experiment}/{r.profile}: the tokens of {r.unknown_calls} calls are unknown"
        for r in rows
        if r.unknown_calls
    ]
    if any(r.attempts and not r.isolated and not r.imported for r in rows):
        warnings.append(
            "not isolated: agents ran on the host without a sandbox and could reach more than their worktree"
        )
    warnings += [f"damaged file: {d.path}: {d.what}" for d in frames.damages]
    return tuple(warnings)


def _unequal_work(frames: Frames, rows: list[ProfileRow]) -> list[str]:
    warnings = []
    cells = frames.attempts[(frames.attempts["kind"] == "cell") & frames.attempts["counts"]]
    for experiment, part in cells.groupby("experiment"):
        if part["unequal_limits"].any():
            warnings.append(f"{experiment}: UNEQUAL LIMITS: profiles did not race under the same limits")
        several = part["profile"].nunique() > 1
        if several and part.groupby("task")["plan_hash"].nunique(dropna=True).max() > 1:
            warnings.append(f"{experiment}: compared attempts worked on different plans")
        sizes = {r.profile: r.attempts for r in rows if r.experiment == experiment}
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{name} {count}" for name, count in sizes.items())
            warnings.append(f"{experiment}: not every profile has run equally often yet ({listed})")
    return warnings
