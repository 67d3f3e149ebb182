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


def judged_by_a_hidden_file(project: Project) -> Path:
    """The usual task, with its goal `two` judged by a hidden file."""
    task = copy.deepcopy(TASK)
    task["gates"][2]["run"] = "sh hidden/two.sh"
    project.write("specs/words/task.yaml", task)
    return project.write("specs/words/hidden/two.sh", "grep -qx two two.txt\n")


def test_who_edits_a_hidden_file_during_a_run_changes_no_verdict_of_it(tmp_path: Path) -> None:
    """An agent on the host can reach the task's folder; so can its author, hours into a run."""
    hidden = tmp_path / "specs/words/hidden/two.sh"
    script = that_builds(f"echo 'exit 0' > {hidden}", ticket="t1", model="good")
    project = make_project(tmp_path, script=script, profiles=["good", "idle"], order="written")
    assert judged_by_a_hidden_file(project) == hidden
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert hidden.read_text() == "exit 0\n", "the agent did edit it"
    verdicts = {r["cell"]["profile"]: r["verdict"] for r in results(project)}
    assert {name: verdict["resolved"] for name, verdict in verdicts.items()} == {"good": True, "idle": False}
    assert {g["id"]: g["outcome"] for g in verdicts["idle"]["gates"]}["two"] == "fail"
    (kept,) = (project.record / "gates").iterdir()
    assert {verdict["gates_digest"] for verdict in verdicts.values()} == {kept.name}
    refused = project.run("--repeats", "2")
    assert refused.returncode == 2, "what judges now is another thing, and is proven first"
    assert "'two' (goal) is pass at base" in refused.stderr
