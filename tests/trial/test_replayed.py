"""A replayed attempt says where it left its record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.recording import STREAM, Recording, asking

from ralphbench.model import (
    AttemptSpec,
    Cell,
    EndpointSpec,
    Limits,
    ModelRef,
    PlanMode,
    Profile,
    Stage,
    StageModel,
    Target,
    Task,
)
from ralphbench.record import AttemptFolder
from ralphbench.trial.replayed import stage_warnings, stages_not_run


def test_of_many_differences_the_first_are_told_and_how_many_more_there_are() -> None:
    differences = [f"call {n}: recorded a, asked b" for n in range(9)]
    warnings = list(stage_warnings("1-build-1", differences))
    assert warnings[:5] == [f"replay: {text}" for text in differences[:5]]
    assert warnings[5:] == ["replay: and 4 more differences in stage 1-build-1"]
    assert list(stage_warnings("1-build-1", differences[:5])) == warnings[:5]


def spec_of(folder: Path, record: Path) -> AttemptSpec:
    """Its plan comes from a model, the rest from a record."""
    live, again = StageModel(ModelRef("box", "m"), "x"), StageModel(ModelRef("again", "m"), "x")
    endpoints = {"box": EndpointSpec("box", "openai"), "again": EndpointSpec("again", "replay", script=str(record))}
    return AttemptSpec(
        "x", Cell("t", "p", 1), 1, Task("t", folder, "", "", Target(), ()),
        Profile("p", {stage: live if stage is Stage.PLAN else again for stage in Stage}),
        endpoints, Limits(), PlanMode(), "host", folder, folder, folder, "b", folder, folder, folder, "i",
    )  # fmt: skip


def recorded(folder: Path, *stages: str, calls: bool = True) -> Path:
    recording = Recording(folder)
    for stage in stages:
        recording.began(stage)
        if calls:
            recording.add(asking("x"), STREAM % b"x", stage=stage)
        recording.ended(stage, "done")
    return recording.close()


def test_recorded_stages_that_were_not_run_are_named(tmp_path: Path) -> None:
    record = recorded(tmp_path / "then", "0-plan-1", "1-build-1", "1-verify-1", "2-build-1")
    now = recorded(tmp_path / "now", "1-build-1")
    spec = spec_of(now, record)
    assert list(stages_not_run(spec, AttemptFolder(now))) == [
        "replay: the loop ended before its record did: 1-verify-1, 2-build-1 (2 calls) were not run"
    ]
    live = replace(spec, profile=Profile("p", dict.fromkeys(Stage, spec.profile.stages[Stage.PLAN])))
    assert list(stages_not_run(live, AttemptFolder(now))) == []


def test_a_recorded_stage_that_asked_nothing_is_not_missed(tmp_path: Path) -> None:
    record = recorded(tmp_path / "then", "1-build-1", calls=False)
    assert AttemptFolder(record).calls.is_file()
    now = recorded(tmp_path / "now", "0-plan-1")
    assert list(stages_not_run(spec_of(now, record), AttemptFolder(now))) == []
