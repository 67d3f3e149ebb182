"""The frames say what the results say, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from support.docs import section, tables
from support.drawn import Placed, placed_results, write_all
from support.results import Write, gate, stage

from ralphbench.analysis import Frames, load
from ralphbench.analysis.columns import ATTEMPTS, ENDINGS, GATES, STAGES, SUMS, TIMES, WORK
from ralphbench.model import AttemptResult, GateOutcome, Spent, Verdict

Row = dict[str, Any]
FILE = "docs/schemas.md"
HEADINGS = {
    "attempts": "`attempts`: one row an attempt",
    "stages": "`stages`: one row a stage name of an attempt",
    "endings": "`endings`: one row a way in which a stage ended",
    "gates": "`gates`: one row a gate of a verdict",
}
KINDS = {"attempts": ATTEMPTS, "stages": STAGES, "endings": ENDINGS, "gates": GATES}


def rows(frame: pd.DataFrame) -> list[Row]:
    """Unknown is None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [dict(zip(plain.columns, row, strict=True)) for row in plain.itertuples(index=False)]


def key(plan: bool, r: AttemptResult) -> Row:
    return {
        "experiment": r.experiment, "kind": "plan" if plan else "cell", "task": r.cell.task, "profile": r.cell.profile,
        "repeat": r.cell.repeat, "attempt": r.number,
    }  # fmt: skip


def attempt(r: AttemptResult) -> Row:
    theirs, verdict, wip = r.imported, r.verdict, r.wip_verdict
    api = r.extra.get("api_calls")
    told = isinstance(api, dict) and type(api.get("remote")) is int and type(api.get("local")) is int
    whole = {
        name: v if type(v := r.extra.get(name)) is int else None for name in ("tasks_completed", "tasks_total", "kills")
    }
    return {
        **{name: getattr(r, name) for name in ("imported", "identity", "isolated", "processes", "plan_hash", "plan_by")},
        **{f"{name}_seconds": getattr(r.times, name) for name in TIMES},
        **{name: getattr(r.work, name) for name in WORK},
        "calls": r.spent.calls if told or not theirs else None,
        "input_tokens": r.spent.input,
        "output_tokens": r.spent.output,
        "cost": r.spent.cost,
        "unknown_calls": None if theirs else r.spent.unknown_calls,
        "ending": r.ending.value,
        "ending_class": r.ending.kind.value,
        "void": r.ending.void,
        "ending_stage": None if r.stage is None else r.stage.value,
        "cause": None if r.cause is None else r.cause.value,
        "resolved": None if verdict is None else verdict.resolved,
        "score": None if verdict is None else verdict.score,
        "claimed": all(verdict.claimed.values()) if verdict is not None and verdict.claimed else None,
        "tampered": None if verdict is None else len(verdict.tampered),
        "wip_resolved": None if wip is None else wip.resolved,
        "wip_score": None if wip is None else wip.score,
        "unequal_limits": bool(r.extra.get("unequal_limits")),
        "limits": v if type(v := r.extra.get("limits")) is str else None,
        "legacy_completed": whole["tasks_completed"],
        "legacy_total": whole["tasks_total"],
        "legacy_kills": whole["kills"],
        "local_calls": summed(r, "local_calls"),
        "cache_read_tokens": summed(r, "cache_read"),
        "cache_write_tokens": summed(r, "cache_write"),
        "reasoning_tokens": summed(r, "reasoning"),
        "local_tokens": summed(r, "local_tokens"),
        "retries": None if theirs else summed(r, "retries"),
        "truncated": None if theirs else summed(r, "truncated"),
    }  # fmt: skip


def summed(r: AttemptResult, name: str) -> int | None:
    values = [getattr(sums, name) for sums in r.stages.values()]
    return None if None in values or (r.imported and not values) else sum(values)


def stage_row(r: AttemptResult, name: str) -> Row:
    hidden = ("retries", "truncated", "unknown_calls") if r.imported else ()
    return {"stage": name, **{n: None if n in hidden else getattr(r.stages[name], n) for n in SUMS}}


def gate_rows(verdict: Verdict | None) -> list[Row]:
    return [
        {
            "gate": g.id, "gate_kind": g.kind.value, "phase": g.phase, "weight": g.weight, "outcome": g.outcome.value,
            "passed": g.outcome is GateOutcome.PASS, "reason": g.reason, "seconds": g.seconds,
            "tests": None if g.tests is None else g.tests.ran,
        }
        for g in (verdict.gates if verdict is not None else ())
    ]  # fmt: skip


def ordered(placed: Placed) -> Placed:
    """Cells first, then plans, each by its folder and number."""
    return sorted(placed, key=lambda p: (p[0], *p[1].cell.path.parts[:2], p[1].cell.repeat, p[1].number))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(placed_results())
def test_every_row_is_what_the_result_says(tmp_path_factory: pytest.TempPathFactory, placed: Placed) -> None:
    frames = load([write_all(tmp_path_factory.mktemp("drawn"), placed).path])
    found = ordered(placed)
    assert rows(frames.attempts.drop(columns="counts")) == [{**key(*p), **attempt(p[1])} for p in found]
    assert rows(frames.stages) == [{**key(*p), **stage_row(p[1], name)} for p in found for name in p[1].stages]
    assert rows(frames.endings) == [
        {**key(*p), "stage": name, "ending": ending, "count": count}
        for p in found
        for name, sums in p[1].stages.items()
        for ending, count in sums.endings.items()
    ]
    assert rows(frames.gates) == [{**key(*p), **row} for p in found for row in gate_rows(p[1].verdict)]
    assert dtypes(frames) == dtypes(load([]))


def dtypes(frames: Frames) -> dict[str, dict[str, str]]:
    return {name: {c: str(t) for c, t in getattr(frames, name).dtypes.items()} for name in KINDS}


def test_every_column_has_its_type_where_there_is_no_row(tmp_path: Path) -> None:
    found = dtypes(load([]))
    assert found["attempts"].pop("counts") == "bool"
    assert found == {name: dict(kinds) for name, kinds in KINDS.items()}
    assert dtypes(load([tmp_path / "nothing"])) == dtypes(load([]))


def test_unknown_is_missing_and_zero_is_zero(tmp_path: Path, write: Write) -> None:
    write("a", "p", spent=Spent(1.0, 1, None, 0, None, 1))
    write("a", "q", spent=Spent(1.0, 1, 0, None, 0.0, 0))
    found = rows(load([tmp_path / "x"]).attempts)
    assert [(r["input_tokens"], r["output_tokens"], r["cost"]) for r in found] == [(None, 0, None), (0, None, 0.0)]


def test_a_column_of_which_nothing_is_known_has_its_type_still(tmp_path: Path, write: Write) -> None:
    write("a", verdict=None, plan_by=None)
    attempts = load([tmp_path / "x"]).attempts
    assert [str(attempts[name].dtype) for name in ("score", "tampered", "resolved", "plan_by")] == [
        "Float64", "Int64", "boolean", "str",
    ]  # fmt: skip
    assert attempts[["score", "tampered", "resolved", "plan_by"]].isna().all(axis=None)


def test_several_experiments_stand_one_after_the_other(tmp_path: Path, write: Write) -> None:
    write("a", experiment="x", stages={"build": stage({"done": 2}), "verify": stage({"done": 1, "context": 1})})
    write("b", experiment="y", verdict=Verdict(True, 1.0, (gate("unit", passed=True),)))
    one, two, both = (load([tmp_path / name for name in names]) for names in ("x", "y", "xy"))
    for name in KINDS:
        parts = [getattr(one, name), getattr(two, name)]
        pd.testing.assert_frame_equal(getattr(both, name), pd.concat(parts, ignore_index=True))


def test_the_frames_can_be_worked_on(tmp_path: Path, write: Write) -> None:
    write("a")
    attempts = load([tmp_path / "x"]).attempts
    for name in attempts.columns:
        attempts.loc[0, name] = attempts[name].iloc[0]


def test_each_column_is_described() -> None:
    (key,) = tables(section(FILE, "Columns of every frame"))
    for name, heading in HEADINGS.items():
        (described,) = tables(section(FILE, heading))
        assert sorted(key + described) == sorted(getattr(load([]), name).columns)
