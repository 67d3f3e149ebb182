"""kill -9 of a trial, the run or the gateway at every event of a short experiment, then the same command again."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.project import Project, make_project

from ralphbench.sandbox.processes import find_marked, owners

KILLER = Path(__file__).parent.parent / "support" / "killer"
EVENTS = 63
"""How many events an undisturbed attempt has; the first test holds this."""
EXCEPTED = (
    # Times and ids, and what was spent: a stage that was cut off is run again, and what it cost is not forgotten.
    "started",
    "ended",
    "times",
    "spent",
    "stages",
    "processes",
    "commit",
    "identity",
)


def result_of(project: Project) -> dict[str, Any]:
    """What must be the same, however often the attempt was cut off."""
    results = sorted(project.record.glob("cells/*/*/*/*/result.json"))
    assert [r.parent.name for r in results] == ["a1"], "exactly one attempt, committed once"
    result: dict[str, Any] = json.loads(results[0].read_bytes())
    for key in EXCEPTED:
        result.pop(key)
    verdict = result["verdict"]
    verdict.pop("commit")
    for gate in verdict["gates"]:
        gate.pop("seconds")
    return result


def state_of(project: Project) -> dict[str, Any]:
    """The loop's last state, hashes of trees included, commits (which hold a date) not."""
    events = [
        json.loads(line) for line in (project.record / "cells/words/good/r1/a1/events.jsonl").read_bytes().splitlines()
    ]
    state: dict[str, Any] = next(e for e in reversed(events) if e["kind"] == "loop_ended")["data"]["state"]
    for key in ("commit", "history"):
        state.pop(key)
    return state


@dataclass(frozen=True)
class Undisturbed:
    project: Project
    result: dict[str, Any]
    state: dict[str, Any]

    def again(self, root: Path) -> Project:
        """The same project before its run, its task proven already."""
        shutil.copytree(self.project.root, root, symlinks=True)
        again = Project(root)
        shutil.rmtree(again.record)
        return again


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    project = make_project(tmp_path_factory.mktemp("undisturbed"))
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return Undisturbed(project, result_of(project), state_of(project))


def ended(project: Project) -> list[str]:
    """The attempts whose end is journaled."""
    entries = [json.loads(line) for line in (project.record / "journal.jsonl").read_bytes().splitlines()]
    return [entry["data"]["path"] for entry in entries if entry["kind"] == "cell_ended"]


def nothing_left(project: Project) -> None:
    """No process, worktree or socket of any run of this project."""
    deadline = time.monotonic() + 60
    runs = project.root / "run" / "ralphbench"
    while (left := _left(project, runs)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


def _left(project: Project, runs: Path) -> list[str]:
    left = [f"folder {p}" for p in runs.iterdir()]
    left += [f"worktree {p}" for p in project.root.glob("cache/work/*/*/*/*/a*")]
    # Every process of a run carries a mark, or was started with the project's own folders in its environment.
    left += [f"process {pid} {mark}" for pid, mark in owners().items() if str(project.root) in _environment(pid)]
    return left


def _environment(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def test_an_undisturbed_attempt_has_as_many_events_as_are_killed_at(undisturbed: Undisturbed) -> None:
    events = undisturbed.project.record / "cells/words/good/r1/a1/events.jsonl"
    assert abs(len(events.read_bytes().splitlines()) - EVENTS) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["trial", "run", "gateway"])
@pytest.mark.parametrize("number", range(EVENTS))
def test_what_was_killed_goes_on_and_comes_to_the_same(
    victim: str, number: int, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    project = undisturbed.again(tmp_path / "p")
    kill = {"RALPHBENCH_KILL_AT": f"{victim}:{number}:{tmp_path / 'killed'}", "PYTHONPATH": str(KILLER)}
    first = project.run(env=kill)
    if not (tmp_path / "killed").exists():
        assert number >= EVENTS - 4, "the attempt ended before the event"
        return
    assert first.returncode == (-9 if victim == "run" else 0), first.stdout + first.stderr
    again = project.run(env=kill)
    assert again.returncode == 0, again.stdout + again.stderr
    assert result_of(project) == undisturbed.result
    assert state_of(project) == undisturbed.state
    nothing_left(project)
    assert ended(project) == ["words/good/r1/a1"], "the journal tells its end once"
    if number % 6:
        return  # that nothing runs again does not hang on where it was cut; it is looked at now and then
    committed = next(project.record.glob("cells/*/*/*/*/result.json")).stat().st_mtime_ns
    third = project.run()
    assert third.returncode == 0, third.stdout + third.stderr
    assert next(project.record.glob("cells/*/*/*/*/result.json")).stat().st_mtime_ns == committed, "no cell runs again"


def test_the_marks_find_nothing_where_nothing_runs() -> None:
    assert not find_marked(f"run-{os.getpid()}-none:")
