"""What `clean` may not remove, and what it keeps first."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.project import SCRIPT, Project, make_project
from support.waiting import until

pytestmark = pytest.mark.slow
KILLER = Path(__file__).parent.parent / "support" / "killer"


def waiting_script() -> dict[str, Any]:
    """The usual script, with a build that does not end while a test looks."""
    script = copy.deepcopy(SCRIPT)
    for rule in script["rules"]:
        if rule.get("when", {}).get("stage") == "build":
            rule["turns"][0]["delay"] = 600
    return script


@contextlib.contextmanager
def running(project: Project, record: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run whose agent is at work."""
    cells = project.root / "results" / record / "cells"
    process = subprocess.Popen(
        project.command("run", *arguments, "--yes"), cwd=project.root, env=project.env(),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: any(b'"stage":"build"' in p.read_bytes() for p in cells.glob("*/*/*/*/events.jsonl")))
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_worktrees_of_a_smoke_run_that_lives_stay(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    project.write("experiments/001-words/script.yaml", waiting_script())
    with running(project, "001-words.smoke", "001-words", "--smoke") as smoke:
        done = project.ralphbench("clean", "001-words")
        assert done.returncode == 4
        assert "001-words.smoke" in done.stderr
        assert str(smoke.pid) in done.stderr
        assert list(project.root.glob("cache/work/001-words.smoke-*/*/*/*/a1/tree"))
    assert project.ralphbench("clean", "001-words").returncode == 0
    assert not list(project.root.glob("cache/work/*"))


def test_mirrors_stay_while_a_run_of_any_experiment_lives(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    shutil.copytree(project.experiment, project.root / "experiments/002-more")
    project.write("experiments/002-more/script.yaml", waiting_script())
    with running(project, "002-more", "002-more"):
        done = project.ralphbench("clean", "001-words", "--mirrors")
        assert done.returncode == 4
        assert "all experiments share" in done.stderr
        assert list(project.root.glob("cache/mirrors/*"))
        assert project.ralphbench("clean", "001-words").returncode == 0, "what is its own may go"
        assert list(project.root.glob("cache/work/002-more-*/*/*/*/a1/tree"))
    assert project.ralphbench("clean", "001-words", "--mirrors").returncode == 0
    assert not list(project.root.glob("cache/mirrors"))
    assert project.run("--fresh").returncode == 0, "they are made again"


def test_what_was_cut_off_leaves_its_commits_in_the_record(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    path = os.pathsep.join([str(KILLER), os.environ.get("PYTHONPATH", "")])
    env = {"RALPHBENCH_KILL_AT": f"run:ticket+5:{tmp_path / 'killed'}", "PYTHONPATH": path}
    assert project.run(env=env).returncode == -9
    done = project.ralphbench("clean", "001-words")
    assert done.returncode == 0, done.stderr
    assert "kept the commits of words × good r1 a1" in done.stdout
    attempt = project.record / "cells/words/good/r1/a1"
    assert "one.txt" in (attempt / "final.patch").read_text()
    assert not list(project.root.glob("cache/work/*"))
    again = project.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads((attempt.parent / "a2/result.json").read_bytes())["verdict"]["resolved"]
    assert (attempt / "commits.bundle").exists(), "and the run that came next has left it there"
