from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click
import pytest
from support.project import make_project
from support.results import result

from ralphbench.cli.smoke import print_smoke
from ralphbench.config import load_experiment
from ralphbench.model import (
    AttemptResult,
    CallEnded,
    CallStarted,
    Ending,
    Experiment,
    ModelRef,
    PlanMode,
    PlanModeKind,
    Stage,
    Usage,
)
from ralphbench.record import CallLog, ExperimentFolder
from ralphbench.schedule import RunReport


@pytest.fixture
def smoked(tmp_path: Path) -> Experiment:
    """One profile: `good` plans and reviews, `idle` builds."""
    project = make_project(tmp_path, profiles=["mixed"], baseline="mixed")
    project.write(
        "experiments/001-words/profiles.yaml",
        {"mixed": {"agent": "tiny", "model": "box/good", "context": "32k", "stages": {"build": "box/idle"}}},
    )
    experiment = load_experiment("001-words", root=project.root / "experiments")
    return dataclasses.replace(experiment, results=project.root / "results")


def asked(smoked: Experiment, *calls: tuple[str, dict[str, Any]], plan: bool = False, **more: Any) -> AttemptResult:
    """An attempt that made these calls: stage, and what it ended with."""
    made = result("words", "mixed", experiment=smoked.name, **{"extra": {"mode": "smoke"}, **more})
    record = ExperimentFolder(smoked.results, smoked.name).create()
    log = CallLog((record.plans() if plan else record).folder(made.cell, made.number).create())
    for number, (stage, ended) in enumerate(calls):
        log.started(
            CallStarted(
                f"c{number}", "x", stage, "s", 1, 0.0, "chat", "box", "m", "m", local=True, stream=True, estimate=1
            )
        )
        if ended:
            log.ended(CallEnded(f"c{number}", 1.0, **{"status": 200, "usage": Usage(10, 5), **ended}))
    log.close()
    return made


def told(capsys: pytest.CaptureFixture[str], smoked: Experiment, *results: AttemptResult) -> tuple[int, str]:
    status = 0
    with click.Context(click.Command("run")).scope():
        try:
            print_smoke(smoked, RunReport(smoked.name, 1, 1, list(results)), smoked)
        except SystemExit as left:
            status = int(left.code or 0)
    return status, capsys.readouterr().out


GOOD = {"status": 200}


def test_a_profile_whose_models_have_all_answered_passes(
    capsys: pytest.CaptureFixture[str], smoked: Experiment
) -> None:
    status, text = told(capsys, smoked, asked(smoked, ("plan", GOOD), ("build", GOOD)))
    assert status == 0
    assert "yes" in text
    assert "The whole:" in text


@pytest.mark.parametrize(
    "ended",
    [{}, {"status": 500}, {"error": "overflow"}, {"usage": Usage(10, 0)}],
    ids=["no end", "refused", "broken off", "empty"],
)
def test_a_model_that_has_said_nothing_is_named(
    capsys: pytest.CaptureFixture[str], smoked: Experiment, ended: dict[str, Any]
) -> None:
    status, text = told(capsys, smoked, asked(smoked, ("plan", GOOD), ("build", ended)))
    assert status == 3
    assert "mixed: build: box/idle has not answered" in text


def test_a_model_that_was_never_asked_is_named(capsys: pytest.CaptureFixture[str], smoked: Experiment) -> None:
    status, text = told(capsys, smoked, asked(smoked, ("build", GOOD)))
    assert status == 3
    assert "plan: box/good has not answered" in text
    assert "verify: box/good has not answered" in text


@pytest.mark.parametrize("ending", [Ending.NO_PLAN, Ending.AGENT_CRASH, Ending.ENDPOINT_DOWN])
def test_an_attempt_that_came_to_nothing_has_not_answered(
    capsys: pytest.CaptureFixture[str], smoked: Experiment, ending: Ending
) -> None:
    made = asked(smoked, ("plan", GOOD), ("build", GOOD), ending=ending, detail="see there")
    status, text = told(capsys, smoked, made)
    assert status == 3
    assert f"mixed: {ending}: see there" in text


def test_a_profile_that_was_not_run_has_not_answered(capsys: pytest.CaptureFixture[str], smoked: Experiment) -> None:
    assert told(capsys, smoked)[0] == 3


def test_a_plan_for_all_is_its_makers_answer(capsys: pytest.CaptureFixture[str], smoked: Experiment) -> None:
    shared = dataclasses.replace(smoked, plan=PlanMode(PlanModeKind.SHARED_BY, "mixed"))
    plan = asked(shared, ("plan", GOOD), plan=True, extra={"mode": "plan"})
    cell = asked(shared, ("build", GOOD))
    assert told(capsys, shared, plan, cell)[0] == 0
    assert told(capsys, shared, plan)[0] == 3, "making the plan is not all"


def test_who_works_on_a_file_need_not_plan(capsys: pytest.CaptureFixture[str], smoked: Experiment) -> None:
    other = dataclasses.replace(smoked.profiles[0].stages[Stage.VERIFY], model=ModelRef("box", "reviewer"))
    (profile,) = smoked.profiles
    profile = dataclasses.replace(profile, stages={**profile.stages, Stage.VERIFY: other})
    plan = PlanMode(PlanModeKind.SHARED_FILE, "plan.yaml")
    shared = dataclasses.replace(smoked, plan=plan, profiles=(profile,))
    status, text = told(capsys, shared, asked(shared, ("verify", GOOD), ("build", GOOD)))
    assert status == 0, text
