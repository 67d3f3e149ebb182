"""How the attempts of a run are judged: in a place that no agent knows, by what was proven, again after a fault."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from support.project import SCRIPT, TASK, Project, make_project

pytestmark = pytest.mark.slow
KILLER = Path(__file__).parent.parent / "support" / "killer"


def results(project: Project) -> list[dict[str, Any]]:
    return [json.loads(p.read_bytes()) for p in sorted(project.record.glob("cells/*/*/*/*/result.json"))]


def events(project: Project) -> list[dict[str, Any]]:
    lines = [p.read_bytes().splitlines() for p in sorted(project.record.glob("cells/*/*/*/*/events.jsonl"))]
    return [json.loads(line) for attempt in lines for line in attempt]


def that_builds(command: str, **when: str) -> dict[str, Any]:
    """The usual script, with one more command in every build."""
    script = copy.deepcopy(SCRIPT)
    for rule in script["rules"]:
        wanted = rule.get("when", {})
        if wanted.get("stage") == "build" and when.items() <= wanted.items():
            rule["turns"].insert(0, {"tools": [{"name": "bash", "arguments": {"command": command}}]})
    return script


def with_gate(project: Project, run: str) -> None:
    """The usual task with one more guard."""
    task = copy.deepcopy(TASK)
    task["gates"].append({"id": "more", "kind": "guard", "run": run, "timeout": "20s"})
    project.write("specs/words/task.yaml", task)


UPWARD = 'd=$PWD; while [ "$d" != / ]; do test ! -e "$d/stray" || exit 1; d=$(dirname "$d"); done'


def test_what_an_agent_leaves_above_its_worktree_is_above_no_gate(tmp_path: Path) -> None:
    """Tools that look upward for their settings must not find an agent's."""
    project = make_project(tmp_path, script=that_builds("touch ../stray ../../stray ../../../stray"))
    with_gate(project, UPWARD)
    done = project.run("--keep-worktrees")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(project.root.glob("cache/work/**/stray")), "the agent did leave it there"
    (result,) = results(project)
    assert result["verdict"]["resolved"], result["verdict"]["gates"]


def test_what_a_killed_judge_left_is_removed_when_it_judges_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    at = next(e["n"] for e in events(project) if e["kind"] == "gate_ended")
    kill = {"KILL_AT": f"trial:{at}:{tmp_path / 'killed'}", "PYTHONPATH": str(KILLER)}
    again = project.run("--fresh", env=kill)
    assert again.returncode == 0, again.stdout + again.stderr
    assert [r["processes"] for r in results(project)] == [1, 2]
    assert list((tmp_path / "cache/grading").iterdir()) == []
