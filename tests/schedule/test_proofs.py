"""Proofs as runs rely on them: of this base and no other, of this machine's tools, made once by whoever comes first."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.project import TASK, Project, make_project

pytestmark = pytest.mark.slow


def results(project: Project) -> list[dict[str, Any]]:
    return [json.loads(p.read_bytes()) for p in sorted(project.record.glob("cells/*/*/*/*/result.json"))]


def calls(project: Project) -> int:
    return sum(len(p.read_bytes().splitlines()) for p in project.record.glob("cells/*/*/*/*/calls.jsonl"))


def git(repo: Path, *args: str) -> None:
    who = ["-c", "user.name=n", "-c", "user.email=e@localhost"]
    subprocess.run(["git", *who, "-C", str(repo), *args], check=True, capture_output=True)


def commit(repo: Path, name: str, text: str) -> None:
    (repo / name).write_text(text)
    git(repo, "add", name)
    git(repo, "commit", "-qm", name)


@pytest.fixture
def on_a_branch(tmp_path: Path) -> tuple[Project, Path]:
    """A project whose target is the branch `main` of a repository."""
    project, repo = make_project(tmp_path / "p"), tmp_path / "target"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    commit(repo, "README", "Words.\n")
    task = copy.deepcopy(TASK) | {"target": {"repo": str(repo), "base": "main"}}
    project.write("specs/words/task.yaml", task)
    return project, repo


def test_a_base_branch_that_moved_is_proven_anew(on_a_branch: tuple[Project, Path]) -> None:
    project, repo = on_a_branch
    first = project.run()
    assert first.returncode == 0, first.stdout + first.stderr
    assert "proving the gates of words" in first.stdout
    commit(repo, "more", "x\n")
    again = project.run("--rerun-stale")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "proving the gates of words" in again.stdout
    assert "proving the gates of words" not in project.run().stdout


def test_a_base_branch_that_moved_to_where_a_guard_fails_is_refused(on_a_branch: tuple[Project, Path]) -> None:
    project, repo = on_a_branch
    assert project.run().returncode == 0
    spent = calls(project)
    git(repo, "mv", "README", "README.md")
    git(repo, "commit", "-qm", "renamed")
    done = project.run("--rerun-stale")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "'readme' (guard) is fail at base" in done.stderr
    assert (len(results(project)), calls(project)) == (1, spent)
