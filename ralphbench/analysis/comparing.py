"""Frames into a comparison: one row a profile of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ralphbench.analysis.cautions import cautions
from ralphbench.analysis.frames import Frames
from ralphbench.analysis.rows import KILLS, Comparison, ProfileRow, Split, StageLine, Tokens
from ralphbench.analysis.settings import Setting
from ralphbench.analysis.sums import counts, mean, rate, total, whole

if TYPE_CHECKING:
    import pandas as pd


def compare(frames: Frames, settings: Sequence[Setting] = ()) -> Comparison:
    """One row for each (experiment, profile, imported or not); two experiments are never merged."""
    rows = []
    for (experiment, profile), mine in frames.attempts.groupby(["experiment", "profile"]):
        others = [_of(frame, str(experiment), str(profile)) for frame in (frames.stages, frames.endings, frames.gates)]
        parts = [part for _, part in mine.groupby("imported")]
        for part in parts:
            rows.append(_row(part, *(others if len(parts) == 1 else (_among(part, other) for other in others))))
    ranked = sorted(rows, key=lambda r: (r.experiment, -(r.resolved / r.judged if r.judged else -1), -(r.score or 0)))
    return Comparison(tuple(ranked), cautions(frames, ranked, settings), tuple(settings))


def _of(frame: pd.DataFrame, experiment: str, profile: str) -> pd.DataFrame:
    return frame[(frame["experiment"] == experiment) & (frame["profile"] == profile)]


def _among(attempts: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of these attempts, which are of one profile."""
    return frame.merge(attempts[["kind", "task", "repeat", "attempt"]])


def _row(mine: pd.DataFrame, stages: pd.DataFrame, endings: pd.DataFrame, gates: pd.DataFrame) -> ProfileRow:
    first, imported = mine.iloc[0], bool(mine["imported"].iloc[0])
    plans = mine[mine["kind"] == "plan"]
    cells = mine[(mine["kind"] == "cell") & mine["counts"]]
    judged = cells[cells["resolved"].notna()]
    resolved = int(judged["resolved"].sum())
    claims = judged[judged["claimed"].notna()]
    cost, plan_cost = total(mine["cost"]), total(plans["cost"]) if len(plans) else None
    return ProfileRow(
        experiment=str(first["experiment"]),
        profile=str(first["profile"]),
        attempts=len(cells),
        tasks=int(cells["task"].nunique()),
        void=int(mine["void"].sum()),
        resolved=resolved,
        judged=len(judged),
        score=mean(judged["score"]),
        claimed=int(claims["claimed"].sum()),
        claims=len(claims),
        overclaimed=int((claims["claimed"] & ~claims["resolved"]).sum()),
        tampered=int((judged["tampered"] > 0).sum()),
        **{name: whole(cells[name]) for name in _COUNTS},
        time=_split(cells),
        tokens=Tokens(**{kind: whole(mine[f"{kind}_tokens"]) for kind in _KINDS}),
        calls=whole(mine["calls"]),
        local_calls=whole(mine["local_calls"]),
        local_tokens=whole(mine["local_tokens"]),
        tokens_per_second=rate(stages),
        cost=cost,
        plan_cost=plan_cost,
        cost_per_resolved=cost / resolved if cost is not None and resolved else None,
        retries=whole(mine["retries"]),
        truncated=whole(mine["truncated"]),
        unknown_calls=whole(mine["unknown_calls"]),
        kills=whole(mine["legacy_kills"]) if imported else _kills(endings),
        endings=counts(mine[mine["kind"] == "cell"]["ending"]),
        causes=counts(cells["cause"].dropna()),
        plans=tuple(sorted({str(by) if isinstance(by, str) else "own" for by in cells["plan_by"]})),
        unequal_limits=bool(cells["unequal_limits"].any()),
        isolated=bool(cells["isolated"].all()) if len(cells) else True,
        imported=imported,
        **{f"legacy_{name}": whole(cells[f"legacy_{name}"]) for name in _LEGACY},
        stages=_stage_lines(stages, endings),
        gates=_gates(_among(cells, gates)),
    )


_COUNTS = (
    "iterations",
    "tickets",
    "accepted",
    "already_satisfied",
    "rejected",
    "abandoned",
    "repairs",
    "commits",
    "files_changed",
    "lines_added",
    "lines_removed",
)
_LEGACY = ("completed", "total")
_KINDS = ("input", "output", "cache_read", "cache_write", "reasoning")


def _split(cells: pd.DataFrame) -> Split:
    waiting = cells["queue_seconds"] + cells["load_seconds"] + cells["retry_seconds"]
    return Split(
        wall=mean(cells["wall_seconds"]),
        model=mean(cells["model_seconds"]),
        tools=mean(cells["tools_seconds"] + cells["checks_seconds"]),
        gates=mean(cells["gates_seconds"]),
        harness=mean(cells["harness_seconds"]),
        waiting=mean(waiting),
    )


_STAGE_ORDER = ("plan", "investigate", "build", "verify", "decompose")


def _stage_lines(stages: pd.DataFrame, endings: pd.DataFrame) -> tuple[StageLine, ...]:
    lines = []
    for name in sorted(set(stages["stage"]), key=lambda s: _STAGE_ORDER.index(s) if s in _STAGE_ORDER else 99):
        part = stages[stages["stage"] == name]
        ended = endings[endings["stage"] == name]
        lines.append(
            StageLine(
                stage=str(name),
                runs=int(part["runs"].sum()),
                done=int(part["done"].sum()),
                seconds=total(part["seconds"]),
                calls=int(part["calls"].sum()),
                local_calls=int(part["local_calls"].sum()),
                input=whole(part["input"]),
                output=whole(part["output"]),
                cost=total(part["cost"]),
                truncated=whole(part["truncated"]),
                kills=_kills(ended),
                repairs=whole(part["repairs"]),
                endings={str(n): int(c) for n, c in ended.groupby("ending", sort=False)["count"].sum().items()},
            )
        )
    return tuple(lines)


def _kills(endings: pd.DataFrame) -> int:
    return int(endings.loc[endings["ending"].isin(KILLS), "count"].sum())


def _gates(gates: pd.DataFrame) -> dict[str, tuple[int, int]]:
    found = gates.assign(name=gates["task"] + ": " + gates["gate"]).groupby("name", sort=False)["passed"]
    return {str(name): (int(part.sum()), len(part)) for name, part in found}
