from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from ralphbench.config import differences, identity, identity_parts
from ralphbench.config.identities import IDENTITY, IDENTITY_OPTIONS, OPERATIONAL, OPERATIONAL_OPTIONS
from ralphbench.endpoints import load_endpoint
from ralphbench.errors import ConfigError
from ralphbench.model import (
    EndpointSpec,
    Experiment,
    Limits,
    PlanMode,
    PlanModeKind,
    Profile,
    Sampling,
    StageModel,
    Task,
)

GIVEN: dict[str, Any] = {
    "agent_versions": {"builtin": "1", "opencode": "1.18.33"},
    "prompts_hash": "p",
    "sandbox": "host",
    "base_commit": "abc",
    "plan_hash": None,
}


def of(experiment: Experiment, **given: Any) -> str:
    return identity(experiment, experiment.tasks[0], experiment.profiles[0], **(GIVEN | given))


@pytest.mark.parametrize("kind", [StageModel, Sampling, Limits, Task, EndpointSpec])
def test_every_field_is_either_identity_or_operational(kind: type) -> None:
    """A new field must be thought about: does a change of it make old attempts incomparable?"""
    assert IDENTITY[kind] | OPERATIONAL[kind] == {field.name for field in fields(kind)}
    assert not IDENTITY[kind] & OPERATIONAL[kind]


@pytest.mark.parametrize("kind", ["openai", "anthropic", "lmstudio", "llamacpp", "scripted", "replay"])
def test_every_option_of_an_endpoint_is_either_identity_or_operational(kind: str) -> None:
    spec = EndpointSpec("box", kind, base_url="http://127.0.0.1:9/v1", script="none", options={"unheard_of": 1})
    with pytest.raises(ConfigError) as refused:
        load_endpoint(spec)
    known = str(refused.value).partition("(known: ")[2].partition(")")[0].split(", ")
    assert "retries" in known
    assert set(known) <= IDENTITY_OPTIONS | OPERATIONAL_OPTIONS
    assert not IDENTITY_OPTIONS & OPERATIONAL_OPTIONS


def test_patience_is_operational_and_the_dialect_is_not(world: Any) -> None:
    loaded = world.load()

    def with_options(**options: Any) -> str:
        return of(replace(loaded, endpoints={"box": replace(loaded.endpoints["box"], options=options)}))

    assert with_options(retries=5, stall_seconds=900.0, connect_seconds=3.0, tool_check=False, load=True) == of(loaded)
    assert with_options(retries=3, dialect="responses") == with_options(dialect="responses")
    assert with_options(dialect="responses") != of(loaded)
    assert with_options(of_a_third_partys_kind=1) != of(loaded)


def test_the_same_experiment_has_the_same_identity(world: Any) -> None:
    assert of(world.load()) == of(world.load())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("agent_versions", {"builtin": "2"}),
        ("prompts_hash", "q"),
        ("sandbox", "docker"),
        ("base_commit", "abd"),
    ],
)
def test_what_took_part_counts(world: Any, key: str, value: Any) -> None:
    loaded = world.load()
    assert of(loaded, **{key: value}) != of(loaded)


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_each_limit_counts(world: Any, name: str) -> None:
    loaded = world.load()
    changed = replace(loaded, limits=replace(loaded.limits, **{name: (getattr(loaded.limits, name) or 0) + 0.5}))
    assert of(changed) != of(loaded)


def test_only_the_limits_of_this_profile_count(world: Any) -> None:
    loaded = world.load()
    other = replace(loaded, unequal_limits={"large": Limits(iterations=1)})
    mine = replace(loaded, unequal_limits={"small": Limits(iterations=1)})
    assert of(other) == of(loaded)
    assert of(mine) != of(loaded)


def stage(profile: Profile, **changes: Any) -> Profile:
    first = next(iter(profile.stages))
    return replace(profile, stages={**profile.stages, first: replace(profile.stages[first], **changes)})


@pytest.mark.parametrize(
    "changes",
    [
        {"context": 1},
        {"output": 1},
        {"variant": "Q8"},
        {"sampling": Sampling(temperature=0.5)},
        {"sampling": Sampling(extra={"x": 1})},
        {"agent_options": {"x": 1}},
        {"agent": "opencode"},
    ],
)
def test_each_word_about_a_stage_counts(world: Any, changes: dict[str, Any]) -> None:
    loaded = world.load()
    changed = replace(loaded, profiles=(stage(loaded.profiles[0], **changes), *loaded.profiles[1:]))
    assert of(changed) != of(loaded)


def test_names_gates_and_operation_do_not_count(world: Any) -> None:
    loaded = world.load()
    task = replace(loaded.tasks[0], gates=(), gates_digest="x", tags=("x",), references=())
    box = replace(
        loaded.endpoints["box"], base_url="http://other", slots=9, api_key_env="K", price={"input": 1.0}, local=False
    )
    profile = replace(loaded.profiles[0], name="renamed", title="x")
    changed = replace(
        loaded,
        name="other",
        tasks=(task,),
        profiles=(profile,),
        endpoints={"box": box},
        seed=9,
        repeats=9,
        void_retries=9,
        order="written",
    )
    assert of(changed) == of(loaded)


def test_the_task_the_endpoints_kind_and_the_script_count(world: Any, tmp_path: Any) -> None:
    loaded = world.load()
    assert of(replace(loaded, tasks=(replace(loaded.tasks[0], digest="x"),))) != of(loaded)
    one, two, same = (tmp_path / name for name in ("one.yaml", "two.yaml", "same.yaml"))
    for file, text in ((one, "a"), (two, "b"), (same, "a")):
        file.write_text(text)

    def scripted(file: Any) -> str:
        box = replace(loaded.endpoints["box"], kind="scripted", script=str(file))
        return of(replace(loaded, endpoints={"box": box}))

    assert scripted(one) == scripted(same)
    assert len({scripted(one), scripted(two), of(loaded)}) == 3


def test_a_recorded_attempt_counts_by_its_files(world: Any, tmp_path: Any) -> None:
    loaded = world.load()
    (tmp_path / "a1").mkdir()
    (tmp_path / "a1" / "calls.jsonl").write_text("x")

    def replayed() -> str:
        return of(replace(loaded, endpoints={"box": replace(loaded.endpoints["box"], script=str(tmp_path / "a1"))}))

    before = replayed()
    assert replayed() == before
    (tmp_path / "a1" / "calls.jsonl").write_text("xy")
    assert replayed() != before


def test_a_shared_plan_counts_by_its_hash_and_not_by_where_it_came_from(world: Any) -> None:
    loaded = world.load()
    by = replace(loaded, plan=PlanMode(PlanModeKind.SHARED_BY, "large"))
    file = replace(loaded, plan=PlanMode(PlanModeKind.SHARED_FILE, "/x/plan.yaml"))
    assert of(by, plan_hash="h") == of(file, plan_hash="h")
    assert len({of(loaded), of(by, plan_hash="h"), of(by, plan_hash="i")}) == 3


def test_how_a_command_agent_is_called_counts(world: Any) -> None:
    world.write("experiments/agents.yaml", "mini: {argv: [mini], version: {argv: [mini, -V]}}\n")
    world.write("experiments/profiles.yaml", "small: {model: box/t, agent: mini}\nlarge: {model: box/t, agent: mini}\n")
    loaded = world.load()
    versions = {"agent_versions": {"mini": "2"}}
    assert of(
        replace(loaded, agents={"mini": {"argv": ["mini", "-v"], "version": {"argv": ["mini", "-V"]}}}), **versions
    ) != of(loaded, **versions)


def test_a_missing_version_is_no_silent_part(world: Any) -> None:
    with pytest.raises(KeyError):
        of(world.load(), agent_versions={})


def test_what_made_an_attempt_stale_can_be_told(world: Any) -> None:
    loaded = world.load()
    before = identity_parts(loaded, loaded.tasks[0], loaded.profiles[0], **GIVEN)
    changed = replace(loaded, limits=replace(loaded.limits, iterations=40))
    now = identity_parts(changed, loaded.tasks[0], loaded.profiles[0], **(GIVEN | {"sandbox": "docker"}))
    assert differences(before, now) == ("limits.iterations: 25 -> 40", "sandbox: host -> docker")
    assert differences(before, before) == ()
