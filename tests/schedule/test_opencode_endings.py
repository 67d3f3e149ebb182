"""An attempt with real opencode comes to each ending that the quickstart's characters do not show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.project import SCRIPT, Project, make_project

from ralphbench.agents import load_agent
from ralphbench.errors import AgentMissing

pytestmark = [pytest.mark.opencode, pytest.mark.slow]

TICKET = {
    **SCRIPT["rules"][0]["turns"][0]["json"]["tickets"][0],
    "acceptance": {"run": "test -f x", "expect": {"exit": 0}},
}


def bash(command: str) -> dict[str, Any]:
    return {"tools": [{"name": "bash", "arguments": {"command": command, "description": "work"}}]}


def answer(value: Any) -> dict[str, Any]:
    return {"turns": [{"json": value}]}


HANGS = {"turns": [bash("sleep 600"), "never said"]}
WORKS = {"turns": [bash("date +%N >> log.txt")], "after": "repeat"}
BLOCKED = answer({"status": "blocked", "summary": "I cannot.", "issues": []})
TURN_ABOUT = {
    "turns": [bash("test -f x && rm x || touch x"), {"json": {"status": "done", "summary": "turned", "issues": []}}]
}
AGAIN = {"title": "Turn {{iteration}}", "detail": "The other way round."}


def the_other_way_round(check: str) -> dict[str, Any]:
    new = {**TICKET, "id": "n{{iteration}}", "acceptance": {"run": check, "expect": {"exit": 0}}}
    return answer({"tickets": [new], "dropped": []})


RULES: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {
    "stage_timeout": [({"stage": "build"}, HANGS)],
    "idle_timeout": [({"stage": "build"}, HANGS)],
    "wall_time": [({"stage": "build"}, HANGS)],
    "tokens": [({"stage": "build"}, WORKS)],
    "cost": [({"stage": "build"}, WORKS)],
    "gave_up": [({"stage": "build"}, BLOCKED), ({"stage": "decompose"}, {"turns": ["I would not know how."]})],
    "stalled": [
        ({"stage": "build"}, TURN_ABOUT),
        (
            {"stage": "verify"},
            answer({"accept": True, "reason": "fine", "issues": [AGAIN], "complete": {"task": False}}),
        ),
        ({"stage": "investigate", "iteration": ["1", "3", "5"]}, the_other_way_round("test ! -f x")),
        ({"stage": "investigate"}, the_other_way_round("test -f x")),
    ],
}
PROFILES: dict[str, dict[str, Any]] = {
    "stage_timeout": {"limits": {"stage_timeout": "12s"}},
    "idle_timeout": {"limits": {"idle_timeout": "6s"}},
    "wall_time": {"limits": {"wall_time": "12s"}},
    "tokens": {"limits": {"tokens": 40_000}},
    "cost": {"limits": {"cost": "40 USD"}, "model": "paid/cost"},
    # What the loop decides on answers, whoever gave them: an agent that starts at once will do.
    "gave_up": {"limits": {"failures": 5}, "agent": "tiny"},
    "stalled": {"limits": {"iterations": 20}, "agent": "tiny"},
}
ENDINGS = {
    "stage_timeout": ("failures", "build", "stage_timeout"),
    "idle_timeout": ("failures", "build", "idle_timeout"),
    "wall_time": ("wall_time", "build", "wall_time"),
    "tokens": ("tokens", "build", "tokens"),
    "cost": ("cost", "build", "cost"),
    "gave_up": ("gave_up", None, None),
    "stalled": ("stalled", None, None),
}


def result(project: Project, profile: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((project.record / "cells/words" / profile / "r1/a1/result.json").read_bytes())
    return told


@pytest.fixture(autouse=True, scope="module")
def opencode() -> None:
    try:
        load_agent("opencode", {}, {}).version()
    except AgentMissing as missing:
        pytest.skip(str(missing))


def write_profiles(project: Project, profiles: dict[str, dict[str, Any]]) -> None:
    """`paid` takes 1,000 USD for a million tokens."""
    box = {"kind": "scripted", "script": "script.yaml", "slots": 4}
    paid = {**box, "local": False, "price": {"input": 1000.0, "output": 1000.0}}
    project.write("experiments/001-words/endpoints.yaml", {"box": box, "paid": paid})
    told = {
        name: {"agent": "opencode", "model": f"box/{name}", "context": "64k", "output": "2k", **more}
        for name, more in profiles.items()
    }
    project.write("experiments/001-words/profiles.yaml", told)


def test_each_ending_is_reached_where_it_belongs(tmp_path: Path) -> None:
    rules = [{"when": {"model": name, **when}, **turns} for name, stages in RULES.items() for when, turns in stages]
    project = make_project(
        tmp_path,
        script={"models": list(RULES), "rules": [*rules, {"turns": ["ok"]}]},
        profiles=list(RULES),
        plan={"shared": {"file": "plan.yaml"}},
        limits={"iterations": 6, "wall_time": "5m", "failures": 1, "stage_timeout": "2m"},
        unequal_limits=True,
        void_retries=0,
    )
    write_profiles(project, PROFILES)
    project.write("experiments/001-words/plan.yaml", {"tickets": [TICKET]})
    done = project.run("--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, told in ENDINGS.items():
        found = result(project, name)
        assert (found["ending"], found["stage"], found["cause"]) == told, (name, found["detail"])
        assert found["verdict"]["resolved"] is False, name
        if name in ("tokens", "cost"):
            assert found["spent"]["calls"] > 2, "the cap is held inside the stage"
            assert found["wip_verdict"] is not None, "work that was cut off is judged too"


def test_no_plan(tmp_path: Path) -> None:
    rules = [{"when": {"stage": "plan"}, **answer({"tickets": []})}]
    project = make_project(tmp_path, script={"models": ["planless"], "rules": rules}, profiles=["planless"])
    write_profiles(project, {"planless": {}})
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    found = result(project, "planless")
    assert (found["ending"], found["stage"], found["cause"]) == ("no_plan", "plan", "done")
