#!/usr/bin/env python3
"""What one attempt costs without a model: everything but the time of the agent and of the gates.

    python scripts/bench.d/attempt.py [--json] [--quick]

The agent is a shell script that writes a word and answers: one ticket, three stages, three runs of its acceptance check,
two gates. `ralphbench run` does one such attempt after the other; what is counted is the time from one attempt's end to the
next one's end, and taken off is what the same eight commands take when nothing else is done. So worktree, processes,
stages, records, fsync, grading and the scheduler's own ticks are all in it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared import GATES, Row, course, journal, run, small_project

if TYPE_CHECKING:
    from support.project import Project

LIMIT = 1.0
CHECK = "grep -qx one one.txt"


def measure(folder: Path, quick: bool) -> list[Row]:
    project = small_project(folder / "project", repeats=4)
    bare: list[float] = []
    for n in range(2 if quick else 5):
        bare += [commands_alone(folder, project) for _ in range(3)]
        run(project, "--jobs", "1", *(["--fresh"] if n else []))
    every = periods(journal(project))
    times = statistics.median(every)
    alone = statistics.median(bare)
    parts = [inside(path.parent) for path in project.record.glob("cells/**/result.json")]
    rows: list[Row] = [
        {
            "what": "one attempt without a model, over agent and gate time, s",
            "ours": times - alone,
            "the 8 commands alone": alone,
            "limit": f"<= {LIMIT:g} s",
            "met": times - alone <= LIMIT,
        }
    ]
    rows.append({"what": "- the fastest of them, s", "ours": min(every) - alone, "limit": "none", "met": None})
    told = {
        "stages": "three stages with an agent that answers at once",
        "loop": "loop, commits and checks between them",
    }
    told |= {"grading": "grading", "around": "process, worktree and record around them"}
    for part, what in told.items():
        figure = statistics.median(each[part] for each in parts) if part != "around" else None
        rows.append({"what": f"- of it: {what}, s", "ours": figure, "limit": "none", "met": None})
    rows[-1]["ours"] = times - sum(row["ours"] for row in rows[2:-1])
    return rows


def commands_alone(folder: Path, project: Project) -> float:
    """Seconds that the agent's three runs, the three checks and the two gates take by themselves."""
    tree = folder / "alone"
    tree.mkdir(exist_ok=True)
    (tree / "README").touch()
    (tree / "one.txt").unlink(missing_ok=True)
    agent = ["/bin/sh", str(project.root / "answers" / "agent.sh")]
    check = ["/bin/sh", "-c", CHECK]
    argvs = [[*agent, "0-plan-1"], check, check, [*agent, "1-build-1"], check, [*agent, "1-verify-1"]]
    argvs += [["/bin/sh", "-c", gate] for gate in GATES.values()]
    began = time.perf_counter()
    for argv in argvs:
        subprocess.run(argv, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


def periods(entries: list[dict[str, Any]]) -> list[float]:
    """From one attempt's end to the next one's, within each run."""
    found: list[float] = []
    last: float | None = None
    for entry in entries:
        if entry["kind"] == "run_started":
            last = None
        elif entry["kind"] == "cell_ended":
            if entry["data"]["ending"] != "completed":
                raise RuntimeError(f"an attempt went wrong: {entry['data']}")
            found += [] if last is None else [entry["t"] - last]
            last = entry["t"]
    return found


def inside(attempt: Path) -> dict[str, float]:
    """Where the time of one attempt went, by its own events, seconds."""
    events = [json.loads(line) for line in (attempt / "events.jsonl").read_bytes().splitlines()]
    at = {event["kind"]: event["t"] for event in events}
    stages = sum(event["data"]["seconds"] for event in events if event["kind"] == "stage_ended")
    began = next(event["t"] for event in events if event["kind"] == "iteration_started")
    return {
        "stages": stages,
        "loop": at["loop_ended"] - began - stages,
        "grading": at["grading_ended"] - at["grading_started"],
    }


if __name__ == "__main__":
    sys.exit(course("attempt", __doc__, measure))
