"""Proofs as runs rely on them: of this base and no other, of this machine's tools, made once by whoever comes first."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
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


def test_two_runs_that_begin_at_once_prove_their_task_once(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    task = copy.deepcopy(TASK)
    task["gates"][0] |= {"run": f"until test -e {tmp_path}/go; do sleep 0.05; done; test -f README", "timeout": "1m"}
    project.write("specs/words/task.yaml", task)
    shutil.copytree(project.experiment, project.root / "experiments/002-more")
    with contextlib.ExitStack() as stack:
        runs = []
        for name in ("001-words", "002-more"):
            runs.append(stack.enter_context(start(project, name)))
            stack.callback(runs[-1].kill)
        said = [until(run, "the gates of words") for run in runs]
        (tmp_path / "go").touch()
        assert sorted("waiting for it" in each for each in said) == [False, True]
        outs = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outs
    assert len(list((project.root / "results").glob("*/cells/*/*/*/*/result.json"))) == 2


def start(project: Project, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        project.command("run", name, "--yes"),
        cwd=project.root,
        env=project.env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def until(run: subprocess.Popen[str], words: str) -> str:
    """The first line that holds the words."""
    assert run.stdout is not None
    for line in run.stdout:
        if words in line:
            return line
    raise AssertionError(f"it ended without a word of {words!r}")


def test_a_proof_that_failed_for_want_of_something_is_made_again_by_the_same_command(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    task = copy.deepcopy(TASK)
    task["gates"][0]["run"] = f"test -e {tmp_path}/tool || exit 127"
    project.write("specs/words/task.yaml", task)
    refused = project.run()
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "a command was not found" in refused.stderr
    assert results(project) == []
    (tmp_path / "tool").touch()
    assert project.run().returncode == 0
    assert results(project)[0]["verdict"]["resolved"]


def test_a_torn_proof_is_set_aside_and_made_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert project.ralphbench("task", "check", "words").returncode == 0
    (proof,) = (project.root / "results/.proofs").glob("*.json")
    proof.write_bytes(proof.read_bytes()[:200])
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{proof}: cannot be read" in done.stdout
    assert proof.with_name(f"{proof.name}.damaged-1").stat().st_size == 200
    assert proof.stat().st_size > 200


def test_a_tool_that_vanished_after_the_proof_is_missed_before_anything_is_spent(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    tool = project.write("bin/words-tool", "#!/bin/sh\ntest -f README\n")
    tool.chmod(0o755)
    task = copy.deepcopy(TASK) | {"needs": ["sh", "words-tool"]}
    task["gates"][0]["run"] = "words-tool"
    project.write("specs/words/task.yaml", task)
    on_path = {"PATH": f"{tool.parent}:{os.environ['PATH']}"}
    assert project.run(env=on_path).returncode == 0
    spent = calls(project)
    elsewhere = project.run("--repeats", "2")
    assert elsewhere.returncode == 3, elsewhere.stdout + elsewhere.stderr
    assert "words needs words-tool, missing here" in elsewhere.stderr
    assert "apt-get install words-tool" in elsewhere.stderr
    tool.unlink()
    assert project.run("--repeats", "2", env=on_path).returncode == 3
    assert (len(results(project)), calls(project)) == (1, spent)
