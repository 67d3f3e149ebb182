"""Runs of the predecessor stand beside ours, marked, and what its ledgers do not say is unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.results import Write, verdict

from ralphbench.analysis import Comparison, ProfileRow, compare, legacy_scores, load
from ralphbench.config import import_runs
from ralphbench.model import Spent

RUN: dict[str, Any] = {
    "run_id": "20260210_101010_abcdef",
    "spec": "t.md",
    "profile": "p",
    "started_at": "2026-02-10T10:10:10+01:00",
    "duration_s": 3600.0,
    "exit_reason": "max_iterations",
    "iterations": 12,
    "tasks": {"total": 8, "completed": 6, "failed": 0},
    "cost": 2.0,
    "tokens": {"input": 1000, "cached": 500, "output": 200},
    "api_calls": {"remote": 3, "local": 2},
    "kills": {"timeout": 1, "context": 1, "loop": 0},
}
STAGE: dict[str, Any] = {
    "run_id": RUN["run_id"],
    "stage": "BUILD",
    "model": "lmstudio/devstral",
    "cost": 0.0,
    "tokens": {"input": 100, "cached": 50, "output": 20},
    "duration_s": 10.0,
    "outcome": "success",
}


@pytest.fixture
def bring(tmp_path: Path) -> Any:
    """Import a ledger of these runs, and of these stage rows where there are any, as experiment `x`."""

    def written(name: str, rows: list[dict[str, Any]]) -> Path:
        file = tmp_path / name
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return file

    def bring(*runs: dict[str, Any], stages: list[dict[str, Any]] | None = None) -> Comparison:
        iterations = None if stages is None else written("iterations.jsonl", stages)
        import_runs(written("runs.jsonl", list(runs)), iterations, results=tmp_path, experiment="x")
        return compare(load([tmp_path / "x"]))

    return bring


def only(comparison: Comparison) -> ProfileRow:
    (row,) = comparison.rows
    return row


def test_an_imported_row_is_marked_and_warned_of(bring: Any) -> None:
    comparison = bring(RUN)
    assert only(comparison).imported
    assert only(comparison).name == "p (imported)"
    assert any("x/p (imported): no gate judged" in w for w in comparison.warnings)


def test_runs_of_ours_are_not_summed_up_with_imported_ones(bring: Any, write: Write, tmp_path: Path) -> None:
    bring(RUN)
    write("t", number=2, verdict=verdict(True), spent=Spent(1.0, 3, 10, 5, 0.5))
    ours, theirs = compare(load([tmp_path / "x"])).rows
    assert (ours.name, ours.attempts, ours.resolved, ours.cost, ours.void) == ("p", 1, 1, 0.5, 0)
    assert (theirs.name, theirs.attempts, theirs.judged, theirs.cost) == ("p (imported)", 1, 0, 2.0)
    assert (sum(line.runs for line in ours.stages), theirs.stages) == (2, ())
    assert (len(ours.gates), len(theirs.gates)) == (1, 0)


def test_a_new_attempt_does_not_take_the_place_of_an_imported_run(bring: Any, write: Write) -> None:
    write("t", number=2)
    theirs = bring(RUN).rows[1]
    assert (theirs.imported, theirs.attempts, theirs.iterations) == (True, 1, 12)


def test_imported_and_own_rows_need_not_have_run_equally_often(bring: Any, write: Write) -> None:
    write("a")
    write("b")
    assert not any("equally often" in w for w in bring(RUN).warnings)


def test_without_stage_rows_usage_by_stage_is_unknown(bring: Any) -> None:
    row = only(bring(RUN))
    assert (row.calls, row.local_calls, row.local_tokens) == (5, None, None)
    assert (row.tokens.cache_read, row.tokens.reasoning) == (None, None)
    assert (row.tokens.input, row.tokens.output) == (1500, 200)


def test_calls_that_the_ledger_does_not_count_are_unknown(bring: Any) -> None:
    assert only(bring({key: value for key, value in RUN.items() if key != "api_calls"})).calls is None


def test_stage_rows_give_the_local_share(bring: Any) -> None:
    row = only(bring(RUN, stages=[STAGE, STAGE | {"model": "anthropic/claude-opus-4-6"}]))
    assert (row.local_calls, row.local_tokens, row.tokens.cache_read) == (1, 170, 100)


def test_the_legacy_score_of_an_imported_run_is_what_the_predecessor_showed(bring: Any) -> None:
    scores = legacy_scores(bring(RUN).rows)
    assert scores == {("x", "p (imported)"): pytest.approx(6 / 8 / 0.61 * 0.8)}


def test_a_total_without_what_was_done_gives_the_rate_above_one_of_then(bring: Any) -> None:
    run = RUN | {"tasks": {"total": 0, "completed": 20}, "kills": {"timeout": 0}}
    assert legacy_scores(bring(run).rows) == {("x", "p (imported)"): pytest.approx(32.79, abs=0.01)}


@pytest.mark.parametrize("missing", ["tasks", "kills"])
def test_the_legacy_score_is_unknown_where_the_ledger_does_not_say(bring: Any, missing: str) -> None:
    run = {key: value for key, value in RUN.items() if key != missing}
    assert legacy_scores(bring(run).rows) == {("x", "p (imported)"): None}
