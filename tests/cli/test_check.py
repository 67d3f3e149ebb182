"""`ralphbench check`, and the commands that look before they rely on a record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.project import Project, make_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("recorded") / "p", plan={"shared": {"by": "good"}})
    assert project.run().returncode == 0
    return project


@pytest.fixture
def project(recorded: Project, tmp_path: Path) -> Project:
    """A copy, to be damaged."""
    shutil.copytree(recorded.root, tmp_path / "p", symlinks=True)
    return Project(tmp_path / "p")


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def test_a_record_that_is_whole_is_called_so(project: Project) -> None:
    done = project.ralphbench("check", "001")
    assert (done.returncode, done.stderr) == (0, "")
    assert "is as it was written" in done.stdout


def test_everything_that_is_damaged_is_named_wherever_it_lies(project: Project) -> None:
    attempt = project.record / "cells/words/good/r1/a1"
    (pack,) = project.record.glob("bases/*.pack")
    planned = project.record / "plans/words/good/r1/a1"
    for path in (attempt / "final.patch", attempt / "calls.jsonl", planned / "plan.yaml", pack):
        shorten(path)
    (attempt / "events.jsonl.torn-1").write_bytes(b"{")
    for _ in range(2):  # what was set aside is named again
        done = project.ralphbench("check", "001")
        assert done.returncode == 5
        assert "Traceback" not in done.stderr
        for name in ("final.patch", "calls.jsonl", "plan.yaml", pack.name, "events.jsonl"):
            assert name in done.stdout, name
    shown = project.ralphbench("show", "001", "good", "--json")
    assert shown.returncode == 0
    damages = " ".join(json.loads(shown.stdout)["attempts"][0]["damages"])
    assert all(name in damages for name in ("final.patch", "calls.jsonl", "events.jsonl"))


def test_judges_that_were_changed_are_named_and_so_are_lost_ones(project: Project) -> None:
    (kept,) = project.record.glob("gates/*")
    (kept / "hidden").mkdir(exist_ok=True)
    (kept / "hidden" / "more.sh").write_text("true\n")
    for what in ("is not what judges words", "set aside earlier"):
        done = project.ralphbench("check", "001")
        assert (done.returncode, done.stdout.count(kept.name + ":")) == (5, 1)
        assert what in done.stdout
    shutil.rmtree(project.record / "gates")
    done = project.ralphbench("check", "001")
    assert (done.returncode, done.stdout.count(str(kept))) == (5, 1)


def test_a_base_that_is_gone_is_missed_once(project: Project) -> None:
    (pack,) = project.record.glob("bases/*.pack")
    shutil.rmtree(pack.parent)
    done = project.ralphbench("check", "001")
    assert (done.returncode, done.stdout.count(str(pack))) == (5, 1)
    assert "Traceback" not in done.stderr


def test_what_is_relied_upon_is_looked_at_first(project: Project, tmp_path: Path) -> None:
    attempt = project.record / "cells/words/good/r1/a1"
    shorten(attempt / "commits.bundle")
    taken = project.ralphbench("take", "001", "good", "--repo", str(tmp_path))
    assert taken.returncode == 5
    assert "commits.bundle is not what was written" in taken.stderr
    assert "ralphbench check" in taken.stderr
    plan = attempt / "shared-plan.yaml"
    plan.write_text(plan.read_text().replace("one", "two"))
    for more in ((), ("--bundle", str(tmp_path / "b.tar.gz"))):
        again = project.ralphbench("reproduce", str(attempt), *more)
        assert again.returncode == 5
        assert "shared-plan.yaml is not what was written" in again.stderr
