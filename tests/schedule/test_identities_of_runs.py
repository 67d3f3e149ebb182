"""What an experiment is taken for from run to run: what counts, what is stale, what is asked."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.project import Project, make_project

pytestmark = pytest.mark.slow
KILLER = Path(__file__).parent.parent / "support" / "killer"


def limit(project: Project, was: int, now: int) -> None:
    """Change the experiment's cap on iterations."""
    file = project.experiment / "experiment.yaml"
    text = file.read_text()
    assert f"iterations: {was}" in text
    file.write_text(text.replace(f"iterations: {was}", f"iterations: {now}"))


def numbers(project: Project) -> list[str]:
    return [p.parent.name for p in sorted(project.record.glob("cells/*/*/*/*/result.json"))]


def compared(project: Project) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(project.ralphbench("analyze", "001", "--json").stdout)
    return document


def test_going_back_to_what_an_earlier_attempt_ran_under_costs_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    limit(project, 5, 1)
    assert project.run("--rerun-stale").returncode == 0
    assert [row["resolved"] for row in compared(project)["rows"]] == [0]
    limit(project, 1, 5)
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert numbers(project) == ["a1", "a2"], "a1 ran under the very same conditions"
    assert [row["resolved"] for row in compared(project)["rows"]] == [1], "and it is the one that is shown"


def cut_off(project: Project) -> Path:
    """The folder of an attempt whose run was killed when one of its two tickets was accepted and the other one begun."""
    path = os.pathsep.join([str(KILLER), os.environ.get("PYTHONPATH", "")])
    done = project.run(env={"RALPHBENCH_KILL_AT": f"run:ticket+5:{project.root / 'killed'}", "PYTHONPATH": path})
    assert done.returncode == -9, done.stdout + done.stderr
    attempt = next(project.record.glob("cells/words/good/r1/a1"))
    kinds = [json.loads(line)["kind"] for line in (attempt / "events.jsonl").read_bytes().splitlines()]
    assert kinds.count("ticket") == 1
    return attempt


def worktrees(project: Project) -> list[str]:
    return [p.name for p in project.root.glob("cache/work/*/words/good/r1/a*")]


def test_what_was_cut_off_under_another_identity_is_asked_about_and_goes_on_when_that_is_back(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    attempt = cut_off(project)
    limit(project, 5, 4)
    asked = project.run()
    assert asked.returncode == 4
    assert "limits.iterations: 5 -> 4" in asked.stderr
    assert "cut off" in asked.stderr
    assert worktrees(project) == ["a1"], "nothing is thrown away without a word"
    limit(project, 4, 5)
    assert project.run().returncode == 0
    result = json.loads((attempt / "result.json").read_bytes())
    assert (result["number"], result["processes"], result["verdict"]["resolved"]) == (1, 2, True)


def test_what_is_given_up_leaves_its_commits_and_its_unfinished_work_in_the_record(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    attempt = cut_off(project)
    (tree,) = project.root.glob("cache/work/*/words/good/r1/a1/tree")
    (tree / "half.txt").write_text("not done yet\n")
    limit(project, 5, 4)
    done = project.run("--rerun-stale")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "its commits are kept in" in done.stdout
    assert numbers(project) == ["a2"]
    assert worktrees(project) == []
    assert "one.txt" in (attempt / "final.patch").read_text()
    assert "half.txt" in (attempt / "wip.patch").read_text()
    subprocess.run(["git", "init", "-q", str(tmp_path / "mine")], check=True)
    taken = project.ralphbench("take", "001", "good", "--attempt", "1", "--repo", str(tmp_path / "mine"))
    assert taken.returncode == 0, taken.stderr
    shown = subprocess.run(
        ["git", "-C", str(tmp_path / "mine"), "ls-tree", "--name-only", "exp/001-words/words/good/r1/a1"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.split() == ["README", "one.txt"]
    entries = [json.loads(line) for line in (project.record / "journal.jsonl").read_bytes().splitlines()]
    assert [e["data"]["path"] for e in entries if e["kind"] == "attempt_abandoned"] == ["words/good/r1/a1"]


def test_a_trial_that_cannot_be_brought_to_its_end_leaves_its_commits_too(tmp_path: Path) -> None:
    project = make_project(tmp_path, void_retries=0)
    cut_off(project)
    path = os.pathsep.join([str(KILLER), os.environ.get("PYTHONPATH", "")])
    done = project.run(env={"RALPHBENCH_KILL_AT": "trial:0:", "PYTHONPATH": path})
    assert done.returncode == 4, done.stdout + done.stderr
    attempt = project.record / "cells/words/good/r1/a1"
    assert json.loads((attempt / "result.json").read_bytes())["ending"] == "harness"
    assert "one.txt" in (attempt / "final.patch").read_text()
    assert (attempt / "commits.bundle").exists()
    assert worktrees(project) == []
    assert "commits.bundle" in json.loads((attempt / "checksums.json").read_bytes())


def test_a_part_of_the_matrix_is_not_run_as_another_race_without_a_question(tmp_path: Path) -> None:
    project = make_project(tmp_path, profiles=["good", "idle"])
    assert project.run("-p", "good").returncode == 0
    limit(project, 5, 1)
    asked = project.run("-p", "idle")
    assert asked.returncode == 4
    assert "1 recorded cells that this run leaves out were another race, words × good r1 among them" in asked.stderr
    assert "limits.iterations: 5 -> 1" in asked.stderr
    done = project.run("-p", "idle", "--rerun-stale")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "another race" in done.stdout
    (warning,) = [w for w in compared(project)["warnings"] if "UNEQUAL LIMITS" in w]
    assert "iterations 1 (idle)" in warning
    assert "iterations 5 (good)" in warning
    assert "wall_time" not in warning
    assert project.run("-p", "good", "--rerun-stale").returncode == 0
    assert not [w for w in compared(project)["warnings"] if "UNEQUAL LIMITS" in w], "now it is the same for both"


def test_a_smoke_run_is_no_race(tmp_path: Path) -> None:
    project = make_project(tmp_path, profiles=["good", "idle"])
    assert "another race" not in project.run("-p", "good", "--smoke").stderr
    limit(project, 5, 1)
    done = project.run("-p", "good", "--smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "another race" not in project.run("-p", "idle", "--smoke").stderr


def test_what_others_ran_as_does_not_matter_where_it_is_the_same_race(tmp_path: Path) -> None:
    project = make_project(tmp_path, profiles=["good", "idle"])
    assert project.run("-p", "good").returncode == 0
    file = project.experiment / "profiles.yaml"
    file.write_text(file.read_text().replace("output: 2k", "output: 3k", 1))
    done = project.run("-p", "idle")
    assert done.returncode == 0, "another contender is no other race" + done.stderr
