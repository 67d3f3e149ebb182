"""Torn files of an attempt that was cut off, and of what a run relies on: named, kept beside, and the run goes on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.project import Project, make_project

pytestmark = pytest.mark.slow
KILLER = Path(__file__).parent.parent / "support" / "killer"
ATTEMPT = "cells/words/good/r1/a1"


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Path]:
    """A project whose run was killed when one of two tickets was accepted and the other one begun; and a copy of it."""
    folder = tmp_path_factory.mktemp("cut")
    project = make_project(folder / "p")
    path = os.pathsep.join([str(KILLER), os.environ.get("PYTHONPATH", "")])
    kill = {"RALPHBENCH_KILL_AT": f"run:ticket+5:{folder / 'killed'}", "PYTHONPATH": path}
    assert project.run(env=kill).returncode == -9
    shutil.rmtree(project.root / "run/ralphbench")  # sockets cannot be copied
    shutil.copytree(project.root, folder / "copy", symlinks=True)
    return project, folder / "copy"


@pytest.fixture
def project(cut: tuple[Project, Path]) -> Project:
    """Cut off, always at the same place: the record and the worktree know where they are."""
    project, copy = cut
    shutil.rmtree(project.root)
    shutil.copytree(copy, project.root, symlinks=True)
    return project


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zeros(path: Path) -> None:
    """As after a power cut: the right length."""
    path.write_bytes(b"\0" * path.stat().st_size)


def gone(path: Path) -> None:
    path.unlink()


def results(project: Project) -> dict[str, dict[str, Any]]:
    found = sorted(project.record.glob("cells/*/*/*/*/result.json"))
    return {path.parent.name: json.loads(path.read_bytes()) for path in found}


def goes_on(project: Project) -> str:
    """The same command again; what it said."""
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert [result["verdict"]["resolved"] for result in results(project).values()] == [True]
    return done.stdout + done.stderr


def named(project: Project) -> str:
    """All that can be read of what was found: warnings of the attempt, the gateway's log, the check."""
    shown = project.ralphbench("show", "001", "good", "--json")
    checked = project.ralphbench("check", "001")
    log = (project.record / "gateway.log").read_text()
    return shown.stdout + checked.stdout + log


@pytest.mark.parametrize("damage", [shorten, zeros])
@pytest.mark.parametrize("name", ["events.jsonl", "calls.jsonl", "bodies/index.jsonl", "bodies/segment-000.bin"])
def test_a_torn_log_loses_its_end_alone(project: Project, name: str, damage: Callable[[Path], None]) -> None:
    path = project.record / ATTEMPT / name
    damage(path)
    said = goes_on(project)
    assert path.name in said + named(project), "never silently dropped"
    if damage is shorten:
        assert list(results(project)) == ["a1"], "the attempt itself went on"


@pytest.mark.parametrize("damage", [shorten, gone])
@pytest.mark.parametrize("name", ["trial.json", "manifest.json"])
def test_what_was_told_is_told_again_or_a_new_attempt_is_made(
    project: Project, name: str, damage: Callable[[Path], None]
) -> None:
    damage(project.record / ATTEMPT / name)
    said = goes_on(project)
    if name == "trial.json":
        assert "nothing says what its trial was told" in said
        assert list(results(project)) == ["a2"]
        assert "one.txt" in (project.record / ATTEMPT / "final.patch").read_text(), "its commits are kept first"
        assert not list(project.root.glob("cache/work/*/*/*/*/a*"))
    else:
        assert list(results(project)) == ["a1"]
    if damage is not gone and name == "trial.json":
        assert list((project.record / ATTEMPT).glob("trial.json.damaged-*"))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("journal.jsonl", shorten), ("journal.jsonl", gone), ("lock.json", empty), ("lock.json", gone)),
        *(("bases", shorten), ("bases", gone), ("owner.lock", empty)),
    ],
)
def test_what_lies_beside_the_attempt_is_mended(project: Project, name: str, damage: Callable[[Path], None]) -> None:
    (path,) = project.record.glob("bases/*.pack" if name == "bases" else name)
    damage(path)
    goes_on(project)
    assert list(results(project)) == ["a1"]
    (path,) = project.record.glob("bases/*.pack" if name == "bases" else "lock.json")
    assert path.stat().st_size > 100


@pytest.mark.parametrize("damage", [shorten, empty])
def test_a_torn_proof_is_set_aside_and_the_task_proven_again(project: Project, damage: Callable[[Path], None]) -> None:
    (proof,) = (project.root / "results/.proofs").glob("*.json")
    damage(proof)
    said = goes_on(project)
    assert "proving the gates of words" in said
    assert proof.name in said
    assert [path.name for path in proof.parent.glob("*.damaged-*")] == [f"{proof.name}.damaged-1"]
    assert json.loads(proof.read_bytes())["ok"]


@pytest.mark.parametrize("name", ["index", "ralphbench.json", "HEAD", "refs/heads/final"])
def test_a_torn_file_of_the_harness_in_the_worktree_costs_no_more_than_the_attempt(project: Project, name: str) -> None:
    (harness,) = project.root.glob("cache/work/*/words/good/r1/a1/harness")
    empty(harness / name)
    done = project.run()
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(results(project).values())[-1]["verdict"]["resolved"]
