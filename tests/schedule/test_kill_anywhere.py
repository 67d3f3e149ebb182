"""kill -9 of a trial, the run or the gateway at every event of a short attempt, then the same command again.

Beside the attempt that is hit there is always another cell: committed before, or at work at the same time.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.project import Project, make_project

from ralphbench.model import Event, EventKind
from ralphbench.record import AttemptFolder, read_calls, read_events, spent, stage_sums
from ralphbench.sandbox.processes import find_marked, owners

KILLER = Path(__file__).parent.parent / "support" / "killer"
EVENTS = 63
"""How many events an undisturbed attempt has; the first test holds this."""
AT_ONCE = 6
"""Every so many events the other cell is at work too; else it was committed before. Both take a processor of their own."""
EXCEPTED = {
    # Of result.json, dotted; `*` is any key. What is not here must be what an undisturbed attempt gives.
    "started": "a time",
    "ended": "a time",
    "times": "times",
    "spent.seconds": "a time",
    "stages.*.seconds": "a time",
    "stages.*.model_seconds": "a time",
    "stages.*.tool_seconds": "a time",
    "verdict.gates.*.seconds": "a time",
    "cell.repeat": "an id: which of the two cells it is",
    "commit": "an id: a commit holds its date",
    "verdict.commit": "an id likewise",
}
"""And what was done again is spent again: `processes`, `spent` and `stages` are compared without the stages that were cut off,
and must be all that the calls and events say with them.
"""


@dataclass(frozen=True)
class Attempt:
    """What must be the same, however often it was cut off."""

    result: dict[str, Any]
    state: dict[str, Any]
    """The loop's last, hashes of trees included; commits, which hold a date, not."""
    patch: bytes


def attempt_of(project: Project, repeat: int) -> Attempt:
    """Of a cell, which has exactly one, committed once."""
    (path,) = project.record.glob(f"cells/words/good/r{repeat}/*/result.json")
    assert path.parent.name == "a1"
    folder = AttemptFolder(path.parent)
    result: dict[str, Any] = json.loads(path.read_bytes())
    as_if_undisturbed(folder, result)
    for key in EXCEPTED:
        drop(result, key.split("."))
    ended = next(event for event in read_events(folder) if event.kind == EventKind.LOOP_ENDED)
    state = {key: value for key, value in ended.data["state"].items() if key not in ("commit", "history")}
    return Attempt(result, state, folder.patch.read_bytes())


def drop(value: Any, path: list[str]) -> None:
    """Take out what is excepted; it must have been there."""
    first, *rest = path
    if first == "*":
        for each in value if isinstance(value, list) else value.values():
            drop(each, rest)
    elif rest:
        drop(value[first], rest)
    else:
        value.pop(first)


def as_if_undisturbed(folder: AttemptFolder, result: dict[str, Any]) -> None:
    """Put in place of what was spent in all what was spent on what counted, after it was seen that all of it is told."""
    calls, events = read_calls(folder), list(read_events(folder))
    resumed = sum(event.kind == EventKind.ATTEMPT_RESUMED for event in events)
    assert result["processes"] == 1 + resumed
    told = plain(spent(calls)) | {"seconds": result["spent"]["seconds"]}
    assert result["spent"] == told, "what the parts cost that were done again is not forgotten"
    assert result["stages"] == {name: plain(sums) for name, sums in stage_sums(calls, events).items()}
    again = set(done_again(events))
    kept = [call for call in calls if call.started.stage_id not in again]
    once = [event for event in events if event.data.get("stage_id") not in again]
    result["processes"] = 1
    result["spent"] = plain(spent(kept)) | {"seconds": 0.0}
    result["stages"] = {name: plain(sums) for name, sums in stage_sums(kept, once).items()}


def done_again(events: list[Event]) -> Iterator[str]:
    """The stage runs, by id, between the last boundary before a cut and the cut."""
    since: list[str] = []
    for event in events:
        if event.kind == EventKind.STAGE_STARTED:
            since.append(str(event.data["stage_id"]))
        if event.kind == EventKind.ATTEMPT_RESUMED:
            yield from since
        if event.kind == EventKind.ATTEMPT_RESUMED or ("state" in event.data and event.kind != EventKind.AGENT):
            since = []


def plain(value: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(value)))
    return told


@dataclass(frozen=True)
class Undisturbed:
    project: Project
    attempt: Attempt

    def again(self, root: Path, *, committed: bool) -> Project:
        """The same project, its task proven; with its first cell committed, or before any run."""
        shutil.copytree(self.project.root, root, symlinks=True)
        again = Project(root)
        if not committed:
            shutil.rmtree(again.record)
        return again


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    project = make_project(tmp_path_factory.mktemp("undisturbed"))
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return Undisturbed(project, attempt_of(project, 1))


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
    left += [f"place of judging {p}" for p in project.root.glob("cache/grading/*")]
    # Every process of a run carries a mark, or was started with the project's own folders in its environment.
    left += [f"process {pid} {mark}" for pid, mark in owners().items() if str(project.root) in _environment(pid)]
    return left


def _environment(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def committed(project: Project) -> dict[str, tuple[int, bytes]]:
    """Every result as it lies there."""
    found = project.record.glob("cells/*/*/*/*/result.json")
    return {str(path.relative_to(project.record)): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_an_undisturbed_attempt_has_as_many_events_as_are_killed_at(undisturbed: Undisturbed) -> None:
    events = undisturbed.project.record / "cells/words/good/r1/a1/events.jsonl"
    assert abs(len(events.read_bytes().splitlines()) - EVENTS) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["trial", "run", "gateway"])
@pytest.mark.parametrize("number", range(EVENTS))
def test_what_was_killed_goes_on_and_comes_to_the_same(
    victim: str, number: int, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    at_once = number % AT_ONCE == 0
    project = undisturbed.again(tmp_path / "p", committed=not at_once)
    before = committed(project)
    command = ("--repeats", "2", "--jobs", "2")
    kill = {"RALPHBENCH_KILL_AT": f"{victim}:{number}:{tmp_path / 'killed'}", "RALPHBENCH_KILL_CELL": "r2"}
    kill["PYTHONPATH"] = os.pathsep.join([str(KILLER), os.environ.get("PYTHONPATH", "")])
    first = project.run(*command, env=kill)
    if not (tmp_path / "killed").exists():
        assert number >= EVENTS - 4, "the attempt ended before the event"
        return
    assert first.returncode == (-9 if victim == "run" else 0), first.stdout + first.stderr
    again = project.run(*command, env=kill)
    assert again.returncode == 0, again.stdout + again.stderr
    for repeat in (1, 2):
        assert attempt_of(project, repeat) == undisturbed.attempt
    nothing_left(project)
    assert sorted(ended(project)) == ["words/good/r1/a1", "words/good/r2/a1"], "the journal tells each end once"
    now = committed(project)
    assert before.items() <= now.items(), "no committed cell runs again"
    if at_once:
        third = project.run(*command)
        assert third.returncode == 0, third.stdout + third.stderr
        assert committed(project) == now, "no cell runs again"


def test_the_marks_find_nothing_where_nothing_runs() -> None:
    assert not find_marked(f"run-{os.getpid()}-none:")
