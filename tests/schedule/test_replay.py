"""A recorded attempt is played back through the whole chain, without any model."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.project import SCRIPT, Project, make_project

pytestmark = pytest.mark.slow

AGAIN = "002-again"
KILLER = Path(__file__).parent.parent / "support" / "killer"


def attempt(project: Project, experiment: str, profile: str = "good") -> Path:
    return project.root / "results" / experiment / "cells/words" / profile / "r1/a1"


def replay(
    project: Project,
    *arguments: str,
    profiles: tuple[str, ...] = ("good",),
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """The same experiment once more, each profile's recorded attempt in the place of its model."""
    again = project.root / "experiments" / AGAIN
    again.mkdir()
    for path in project.experiment.iterdir():
        (again / path.name).write_bytes(path.read_bytes())
    endpoints = {
        f"again-{name}": {
            "kind": "replay",
            "script": str(attempt(project, "001-words", name)),
            "slots": 4,
            "options": options,
        }
        for name in profiles
    }
    told = yaml.safe_load((project.experiment / "profiles.yaml").read_bytes())
    for name in profiles:
        told[name]["model"] = f"again-{name}/{told[name]['model'].partition('/')[2]}"
    project.write(f"experiments/{AGAIN}/endpoints.yaml", endpoints)
    project.write(f"experiments/{AGAIN}/profiles.yaml", {name: told[name] for name in profiles})
    return project.ralphbench("run", AGAIN, "--yes", *arguments, env=env)


def result(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((path / "result.json").read_bytes())
    return told


def shown(project: Project, profile: str = "good") -> dict[str, Any]:
    done = project.ralphbench("show", AGAIN, profile, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)["attempts"][0]
    return told


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose one cell is recorded."""
    project = make_project(tmp_path_factory.mktemp("once"), void_retries=0)
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.fixture
def recorded(once: Project, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(once.root, tmp_path / "p", symlinks=True)))


def same(first: Mapping[str, Any], again: Mapping[str, Any], *keys: str) -> None:
    for key in keys:
        assert first[key] == again[key], key


def comes_to_the_same(project: Project, *arguments: str) -> None:
    done = replay(project, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    before, path = attempt(project, "001-words"), attempt(project, AGAIN)
    first, again = result(before), result(path)
    same(first, again, "ending", "work", "models", "plan_hash")
    assert again["verdict"]["resolved"]
    assert (path / "final.patch").read_bytes() == (before / "final.patch").read_bytes()
    assert shown(project)["warnings"] == []


def test_a_recorded_attempt_replayed_comes_to_the_same(recorded: Project) -> None:
    comes_to_the_same(recorded)


def test_so_does_one_whose_answers_were_streamed(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run("--agent", "builtin").returncode == 0
    comes_to_the_same(project, "--agent", "builtin")


# Endings

BASH = {"name": "bash", "arguments": {"command": "true"}}
BUILDS: dict[str, dict[str, Any]] = {
    # Half of an answer, and then nothing more.
    "stalls": {"turns": [{"text": "half of an answer", "fault": {"name": "stall", "at": 1}}]},
    # No byte of an answer.
    "thinks": {"turns": [{"text": "late", "delay": 3600}]},
    # Cut off while a tool ran: a model that answers at once is asked again before time is up.
    "dawdles": {
        "turns": [
            {"tools": [{"name": "bash", "arguments": {"command": "sleep 3"}}], "delay": 2},
            {"text": "never said"},
        ]
    },
    "breaks": {"turns": [{"text": "x", "fault": {"name": "server_error"}}]},
    "drowns": {"turns": [{"text": "x", "fault": {"name": "overflow_400", "style": "openai"}}]},
    "costs": {"turns": [{"tools": [BASH]}], "after": "repeat"},
}
ENDINGS = {
    "stalls": ("failures", "stage_timeout"),
    "thinks": ("failures", "stage_timeout"),
    "dawdles": ("failures", "stage_timeout"),
    "breaks": ("provider_error", "provider_error"),
    "drowns": ("failures", "context"),
    "costs": ("cost", "cost"),
}
TIMED = {"limits": {"stage_timeout": "4s"}}
OF_PROFILE: dict[str, dict[str, Any]] = {
    "stalls": TIMED,
    "thinks": {"agent": "tiny", **TIMED},
    "dawdles": {"agent": "tiny", **TIMED},
    "costs": {"model": "paid/costs", "limits": {"cost": "5 USD"}},
}
PLAN = SCRIPT["rules"][0]["turns"][0]["json"]


def test_an_attempt_that_ended_badly_ends_so_again_and_for_the_same_reason(tmp_path: Path) -> None:
    names = tuple(BUILDS)
    rules = [{"when": {"model": name, "stage": "build"}, **build} for name, build in BUILDS.items()]
    project = make_project(
        tmp_path,
        script={"models": list(names), "rules": [*rules, {"turns": ["ok"]}]},
        profiles=list(names),
        plan={"shared": {"file": "plan.yaml"}},
        limits={"iterations": 3, "wall_time": "5m", "failures": 1, "stage_timeout": "1m"},
        unequal_limits=True,
        void_retries=0,
    )
    box = {"kind": "scripted", "script": "script.yaml", "slots": 4, "options": {"retries": 1}}
    paid = {**box, "local": False, "price": {"input": 1000.0, "output": 1000.0}}
    project.write("experiments/001-words/endpoints.yaml", {"box": box, "paid": paid})
    common = {"agent": "builtin", "context": "32k", "output": "2k"}
    profiles = {name: {**common, "model": f"box/{name}", **OF_PROFILE.get(name, {})} for name in names}
    project.write("experiments/001-words/profiles.yaml", profiles)
    project.write("experiments/001-words/plan.yaml", PLAN)
    done = project.run("--jobs", "2")
    assert done.returncode == 4, done.stdout + done.stderr
    again = replay(project, "--jobs", "2", profiles=names, strict=True)
    assert again.returncode == 4, again.stdout + again.stderr
    for name in names:
        first, second = result(attempt(project, "001-words", name)), result(attempt(project, AGAIN, name))
        assert (first["ending"], first["cause"]) == ENDINGS[name], name
        same(first, second, "ending", "cause", "stage", "work")
        assert second["spent"]["cost"] == first["spent"]["cost"], name
        assert shown(project, name)["warnings"] == [], name
        if name != "dawdles":
            assert second["spent"]["calls"] == first["spent"]["calls"], name


# Differences


def with_other_words(project: Project) -> None:
    """Another prompt than the recorded one, and the same work to do."""
    project.write("specs/words/spec.md", "Write the word `one` into one.txt and `two` into two.txt.\n")


def with_iterations(project: Project, number: int) -> None:
    path = project.experiment / "experiment.yaml"
    told = yaml.safe_load(path.read_bytes())
    told["limits"]["iterations"] = number
    project.write("experiments/001-words/experiment.yaml", told)


def test_what_a_replay_asks_otherwise_is_a_warning_in_its_record(recorded: Project) -> None:
    with_other_words(recorded)
    done = replay(recorded)
    assert done.returncode == 0, done.stdout + done.stderr
    assert result(attempt(recorded, AGAIN))["verdict"]["resolved"]
    warnings = shown(recorded)["warnings"]
    assert len(warnings) >= 5, "one for each stage's first call, and more"
    assert all(text.startswith("replay: stage ") and "recorded" in text for text in warnings), warnings
    assert "0-plan-1, call 0 at messages[0].content" in warnings[0]
    assert "the word `one`" in warnings[0]


def test_a_strict_replay_is_void_where_it_differs_and_says_where(recorded: Project) -> None:
    with_other_words(recorded)
    done = replay(recorded, strict=True)
    assert done.returncode == 4, done.stdout + done.stderr
    told = result(attempt(recorded, AGAIN))
    assert (told["ending"], told["stage"], told["verdict"]) == ("harness", "plan", None)
    assert "not as it was recorded: stage 0-plan-1, call 0 at messages[0].content: recorded" in told["detail"]
    assert "not as it was recorded" in recorded.ralphbench("show", AGAIN, "good").stdout


def test_a_replay_that_goes_further_than_its_record_is_void_and_not_the_contenders_failure(tmp_path: Path) -> None:
    project = make_project(tmp_path, void_retries=0, limits={"iterations": 1, "wall_time": "2m"})
    assert project.run().returncode == 0
    assert result(attempt(project, "001-words"))["ending"] == "iterations"
    with_iterations(project, 2)
    done = replay(project)
    assert done.returncode == 4, done.stdout + done.stderr
    told = result(attempt(project, AGAIN))
    assert told["ending"] == "harness"
    assert told["detail"].endswith("stage 2-build-1, call 0: recorded 0 calls, asked one more")


def test_a_replay_that_ends_before_its_record_says_what_was_not_run(recorded: Project) -> None:
    with_iterations(recorded, 1)
    assert replay(recorded).returncode == 0
    [warning] = shown(recorded)["warnings"]
    assert warning.endswith("before its record did: 2-build-1, 2-verify-1 (3 calls) were not run")


# Attempts that were cut off


@pytest.mark.parametrize("cut", ["001-words", AGAIN])
def test_neither_an_attempt_that_was_cut_off_nor_a_replay_that_is_loses_its_place(
    cut: str, recorded: Project, tmp_path: Path
) -> None:
    """What was done anew after a cut counts once, under the names that it would have had."""
    kill = {"RALPHBENCH_KILL_AT": f"trial:commit+0:{tmp_path / 'killed'}", "PYTHONPATH": str(KILLER)}
    if cut == "001-words":
        shutil.rmtree(recorded.record)
        assert recorded.run(env=kill).returncode == 0
    done = replay(recorded, env=kill if cut == AGAIN else {}, strict=True)
    assert done.returncode == 0, done.stdout + done.stderr
    processes = {name: result(attempt(recorded, name))["processes"] for name in ("001-words", AGAIN)}
    assert processes == {"001-words": 1, AGAIN: 1} | {cut: 2}
    assert result(attempt(recorded, AGAIN))["verdict"]["resolved"]
    assert shown(recorded)["warnings"] == []
