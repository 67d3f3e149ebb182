from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ralphbench.model import (
    AttemptResult,
    Cell,
    Ending,
    GateKind,
    GateOutcome,
    GateResult,
    Spent,
    StageSums,
    Times,
    Verdict,
    Work,
    judge,
)
from ralphbench.record import ExperimentFolder, write_result

Write = Callable[..., AttemptResult]


def gate(name: str, *, passed: bool, kind: GateKind = GateKind.GOAL, weight: float = 1.0) -> GateResult:
    outcome = GateOutcome.PASS if passed else GateOutcome.FAIL
    return GateResult(name, kind, outcome, "exit 0" if passed else "exit 1", weight, None, 0 if passed else 1, 0.5)


def verdict(*passed: bool, claimed: dict[str, bool] | None = None) -> Verdict:
    gates = tuple(gate(f"g{i}", passed=ok) for i, ok in enumerate(passed))
    resolved, score = judge(gates)
    return Verdict(resolved, score, gates, claimed=claimed)


def stage(endings: dict[str, int], **more: Any) -> StageSums:
    """A stage whose runs ended so."""
    basis = StageSums(
        runs=sum(endings.values()), done=endings.get("done", 0), seconds=10.0, model_seconds=4.0, tool_seconds=1.0,
        calls=3, local_calls=3, input=100, output=20, cache_read=50, cache_write=0, reasoning=0, local_tokens=120,
        cost=0.5, endings=endings, repairs=0,
    )  # fmt: skip
    return dataclasses.replace(basis, **more)


def work(**more: Any) -> Work:
    return dataclasses.replace(Work(2, 3, 2, 0, 1, 0, 0, 0, 2, 4, 30, 5), **more)


def result(task: str = "t", profile: str = "p", repeat: int = 1, number: int = 1, **more: Any) -> AttemptResult:
    basis = AttemptResult(
        experiment="x",
        cell=Cell(task, profile, repeat),
        number=number,
        identity="i",
        ending=Ending.COMPLETED,
        stage=None,
        cause=None,
        detail="",
        verdict=verdict(True, True, claimed={"task": True}),
        wip_verdict=None,
        base="b",
        commit="c",
        work=work(),
        times=Times(20.0, 18.0, 4.0, 1.0, 1.0, 2.0, 0.5, 0.0, 0.25, 3.0),
        spent=Spent(18.0, 3, 100, 20, 0.5),
        stages={"build": stage({"done": 2})},
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:00:20+00:00",
    )
    return dataclasses.replace(basis, **more)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Commit a result in the record `tmp_path/x` (or its `experiment`), by its cell and number."""

    def commit(*arguments: Any, plans: bool = False, **more: Any) -> AttemptResult:
        made = result(*arguments, **more)
        record = ExperimentFolder(tmp_path, made.experiment).create()
        folder = (record.plans() if plans else record).folder(made.cell, made.number).create()
        write_result(folder, made)
        return made

    return commit
