from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from ralphbench.config import explain
from ralphbench.model import Limits, Stage


def rows(experiment: Any) -> dict[str, tuple[str, str]]:
    found = explain(experiment)
    assert len({row.key for row in found}) == len(found)
    return {row.key: (row.value, row.origin) for row in found}


def test_every_value_is_there_with_its_origin(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_KEY", "sk-verysecret")
    world.experiment("question: q\ntasks: [single]\nprofiles: [small, mixed]\nlimits: {wall_time: 90m, cost: 2 USD}\n")
    table = rows(world.load(repeats=3))
    assert table["question"] == ("q", "experiment.yaml:1")
    assert table["repeats"] == ("3", "--repeats")
    assert table["limits.wall_time"] == ("1h30m", "experiment.yaml:4")
    assert table["limits.cost"] == ("2.00 USD", "experiment.yaml:4")
    assert table["limits.tokens"] == ("no cap", "default")
    assert table["plan"] == ("own", "default")
    assert table["profiles.small.build.model"] == ("box/tiny", "profiles.yaml:1")
    assert table["profiles.small.build.context"] == ("32k", "profiles.yaml:1")
    assert table["profiles.mixed.plan.context"] == ("not stated", "default")
    assert table["profiles.mixed.build.model"] == ("box/tiny", "profiles.yaml:3")
    assert table["tasks.single.base"] == ("the folder as it is", "default")
    gate = "goal, weight 2, 2m, tap out.tap of at least 3 tests: sh hidden/works.sh"
    assert table["tasks.single.gates.works"] == (gate, "single/task.yaml:8")
    assert len(table["tasks.single.digest"][0]) == 64
    assert table["endpoints.cloud.api_key_env"] == ("CLOUD_KEY (set)", "endpoints.yaml:2")
    assert "verysecret" not in str(table)


def test_no_limit_and_no_stage_is_left_out(world: Any) -> None:
    table = rows(world.load())
    assert {f"limits.{field.name}" for field in fields(Limits)} <= table.keys()
    for profile in ("small", "large"):
        for stage in Stage:
            for key in ("model", "agent", "context", "output", "variant"):
                assert f"profiles.{profile}.{stage.value}.{key}" in table


def test_a_key_that_is_not_set_is_said(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUD_KEY", raising=False)
    table = rows(world.load())
    assert table["endpoints.cloud.api_key_env"][0] == "CLOUD_KEY (not set)"
    assert table["endpoints.box.api_key_env"] == ("none", "default")


def test_limits_of_a_profile_of_its_own_and_a_planner_are_shown(world: Any) -> None:
    world.write("experiments/001-first/profiles.yaml", "small: {limits: {iterations: 5}}\n")
    world.experiment(
        "question: q\ntasks: [single]\nprofiles: [small]\nunequal_limits: true\nplan: {shared: {by: large}}\n"
        "limits: {failures: 8}\n"
    )
    table = rows(world.load())
    assert table["unequal_limits"] == ("true", "experiment.yaml:4")
    assert table["profiles.small.limits.iterations"] == ("5", "001-first/profiles.yaml:1")
    assert table["profiles.small.limits.failures"] == ("8", "experiment.yaml:6")
    assert table["plan"] == ("shared, by large", "experiment.yaml:5")
    assert table["profiles.large.plan.model"][0] == "cloud/huge"


def test_a_phase_is_explained_as_the_task_it_is(world: Any) -> None:
    world.experiment("question: q\ntasks: [phased/second]\nprofiles: [small]\n")
    table = rows(world.load())
    assert table["tasks.phased/second.phases"][0] == "second"
    assert table["tasks.phased/second.gates.one"][0].startswith("guard")
    assert "tasks.phased/second.gates.three" not in table
