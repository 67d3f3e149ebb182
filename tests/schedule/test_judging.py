"""How the attempts of a run are judged: in a place that no agent knows, by what was proven, again after a fault."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
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
    kill = {"RALPHBENCH_KILL_AT": f"trial:{at}:{tmp_path / 'killed'}", "PYTHONPATH": str(KILLER)}
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


def stages(project: Project) -> int:
    return sum(event["kind"] == "stage_started" for event in events(project))


def test_a_fault_while_grading_voids_nothing_and_the_same_command_judges_what_was_done(tmp_path: Path) -> None:
    """A tool that the gates need goes away while the first attempt runs; nothing of the work is lost by that."""
    tool = tmp_path / "bin/words-tool"
    project = make_project(
        tmp_path, script=that_builds(f"rm -f {tool}", model="good"), profiles=["good", "idle"], order="written"
    )
    with_gate(project, "words-tool")
    task = yaml.safe_load((tmp_path / "specs/words/task.yaml").read_text()) | {"needs": ["words-tool"]}
    project.write("specs/words/task.yaml", task)
    on_path = {"PATH": f"{tool.parent}:{os.environ['PATH']}"}
    install(project)
    first = project.run(env=on_path)
    assert first.returncode == 4, first.stdout + first.stderr
    assert results(project) == [], "neither void nor failed"
    assert [e["data"]["ending"] for e in events(project) if e["kind"] == "loop_ended"] == ["completed", "failures"], (
        "the run went on with the others"
    )
    for profile in ("good", "idle"):
        assert (
            f"not judged: words × {profile} r1: grading failed 2 times: words needs words-tool, missing" in first.stdout
        )
    assert "0 of 2 cells are done. Go on with:" in first.stdout
    assert "cut off" in project.ralphbench("status", "001-words").stdout
    done = stages(project)
    install(project)
    again = project.run(env=on_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert [(r["number"], r["verdict"]["resolved"]) for r in results(project)] == [(1, True), (1, False)]
    assert stages(project) == done, "only judged: no stage ran again"
    assert not list(tmp_path.glob("cache/work/*/*/*/*/a*"))


def install(project: Project) -> None:
    project.write("bin/words-tool", "#!/bin/sh\n").chmod(0o755)


def test_a_fault_that_passes_is_over_when_all_else_is_done(tmp_path: Path) -> None:
    """The first attempt takes the tool away, the second one's work brings it back."""
    tool = tmp_path / "bin/words-tool"
    script = that_builds(f"rm -f {tool}", model="good")
    for rule in script["rules"]:
        if rule.get("when", {}).get("model") == "idle":
            back = f"echo '#!/bin/sh' > {tool}; chmod 755 {tool}"
            rule["turns"].insert(0, {"tools": [{"name": "bash", "arguments": {"command": back}}]})
    project = make_project(tmp_path, script=script, profiles=["good", "idle"], order="written")
    with_gate(project, "words-tool")
    task = yaml.safe_load((tmp_path / "specs/words/task.yaml").read_text()) | {"needs": ["words-tool"]}
    project.write("specs/words/task.yaml", task)
    install(project)
    done = project.run(env={"PATH": f"{tool.parent}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "it is judged again when all else is done" in done.stdout
    assert [r["verdict"]["resolved"] for r in results(project)] == [True, False]


def test_who_changes_what_the_record_keeps_of_the_gates_is_judged_by_what_was_proven(tmp_path: Path) -> None:
    kept = f"{tmp_path}/results/001-words/gates/*/hidden/two.sh"
    script = that_builds(f"for f in {kept}; do rm -f $f; echo exit 0 > $f; done", model="idle")
    project = make_project(tmp_path, script=script, profiles=["idle"])
    judged_by_a_hidden_file(project)
    first = project.run()
    assert first.returncode == 4, first.stdout + first.stderr
    assert "what judges words was changed" in first.stdout
    assert results(project) == []
    again = project.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "is not what judges words (kept in" in again.stdout
    (result,) = results(project)
    assert {g["id"]: g["outcome"] for g in result["verdict"]["gates"]}["two"] == "fail"
