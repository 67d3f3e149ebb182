"""What the courses here share: how they are called, what a row is, a small project whose agent answers at once."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.project import Project

ROOT = Path(__file__).resolve().parents[2]
Row = dict[str, Any]
"""`what` (its unit last), `ours`, baselines by name, `ratio`, `limit` in words, `met` (None: there is no bound)."""

ANSWERS = {
    "plan": {
        "tickets": [
            {
                "id": "t1",
                "title": "Write one",
                "detail": "Write the word one into one.txt.",
                "acceptance": {"run": "grep -qx one one.txt", "expect": {"exit": 0}},
                "depends_on": [],
                "priority": 1,
            }
        ]
    },
    "build": {"status": "done", "summary": "wrote one", "issues": []},
    "verify": {"accept": True, "reason": "fine", "issues": [], "complete": {"task": True}},
}
AGENT = """\
case $1 in
  *-plan-*) cat {folder}/plan.json ;;
  *-build-*) echo one >one.txt; cat {folder}/build.json ;;
  *) cat {folder}/verify.json ;;
esac
"""
GATES = {"readme": "test -f README", "one": "grep -qx one one.txt"}


def course(name: str, told: str, measure: Callable[[Path, bool], list[Row]]) -> int:
    """The command line of one course; `measure` is given a folder for what it makes, and whether to be quick."""
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller loads")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ralphbench-bench-"))
    try:
        found = measure(folder, options.quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps({"bench": name, "cpus": os.cpu_count(), "rows": found}))
    else:
        for row in found:
            figures = ", ".join(f"{k} {v:,.3f}" for k, v in row.items() if isinstance(v, float | int) and k != "met")
            print(f"{'NOT' if row['met'] is False else 'ok '} {row['what']}: {figures} ({row['limit']})")
    return 1 if any(row["met"] is False for row in found) else 0


def cache_folder() -> Path:
    """What is kept between two runs of the bench: the peers' environments, generated records."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(os.environ.get("RALPHBENCH_CACHE") or Path(base) / "ralphbench") / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def alternated(rounds: int, ways: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Medians over rounds in which each way has its turn, first one and then the other first."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for n in range(rounds):
        for name in list(ways) if n % 2 == 0 else list(ways)[::-1]:
            seen[name].append(ways[name]())
    return {name: statistics.median(figures) for name, figures in seen.items()}


def seconds(argv: Sequence[str], **options: Any) -> float:
    """From before a command is started until it has ended. Raises CalledProcessError."""
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **options)
    return time.perf_counter() - began


def small_project(root: Path, **experiment: Any) -> Project:
    """The tests' project with one ticket and two gates, and an agent that is `sh`: it writes a word and answers."""
    if str(ROOT / "tests") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests"))
    from support.project import TASK, make_project

    project = make_project(root, **experiment)
    answers = root / "answers"
    answers.mkdir()
    for stage, answer in ANSWERS.items():
        (answers / f"{stage}.json").write_text(json.dumps(answer), encoding="utf-8")
    (answers / "agent.sh").write_text(AGENT.format(folder=answers), encoding="utf-8")
    describe_agent(project, ["/bin/sh", str(answers / "agent.sh"), "{stage}"])
    gates = [
        {"id": name, "kind": "guard" if name == "readme" else "goal", "run": run, "timeout": "20s"}
        for name, run in GATES.items()
    ]
    project.write("specs/words/task.yaml", TASK | {"gates": gates})
    return project


def describe_agent(project: Project, argv: list[str], **more: Any) -> None:
    version = {"argv": ["/bin/sh", "-c", "echo 1.0.0"]}
    project.write("experiments/agents.yaml", {"tiny": {"argv": argv, "version": version, **more}})


def profiles(project: Project, names: Iterable[str]) -> None:
    """So many contenders that are all the same."""
    model = {"agent": "tiny", "model": "box/good", "context": "32k", "output": "2k"}
    project.write("experiments/001-words/profiles.yaml", dict.fromkeys(names, model))


def run(project: Project, *arguments: str) -> None:
    """`ralphbench run` to its end. Raises RuntimeError with what it said where it fails."""
    done = project.run(*arguments)
    if done.returncode != 0:
        raise RuntimeError(f"ralphbench run ended with {done.returncode}: {done.stderr[-2000:]}")


def journal(project: Project) -> list[dict[str, Any]]:
    """What the scheduler wrote down so far; a line that is being written is left out."""
    file = project.record / "journal.jsonl"
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]
