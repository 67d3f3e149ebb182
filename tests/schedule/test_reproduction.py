"""The same attempt again: what differs is told, what does not is not."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.project import TASK, make_project

pytestmark = pytest.mark.slow


def test_an_attempt_that_worked_on_a_shared_plan_is_made_again_on_that_very_plan(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", plan={"shared": {"by": "good"}})
    assert project.run().returncode == 0
    attempt = project.record / "cells/words/good/r1/a1"
    bundle = tmp_path / "b.tar.gz"
    assert project.ralphbench("reproduce", str(attempt), "--bundle", str(bundle)).returncode == 0
    for n, source in enumerate((attempt, bundle)):
        done = project.ralphbench("reproduce", str(source), "--results", str(tmp_path / f"r{n}"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "nothing differs" in done.stdout
    copy = attempt / "shared-plan.yaml"
    copy.write_text(copy.read_text().replace("Write one", "Write some"))
    changed = project.ralphbench("reproduce", str(attempt), "--results", str(tmp_path / "r2"))
    assert changed.returncode != 0
    assert "shared-plan.yaml" in changed.stderr, "a plan that is not the one it worked on"


def test_an_attempt_is_judged_again_by_what_judged_it_whatever_became_of_its_task(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    task = copy.deepcopy(TASK)
    task["gates"][2]["run"] = "sh hidden/two.sh"
    project.write("specs/words/task.yaml", task)
    project.write("specs/words/hidden/two.sh", "grep -qx two two.txt\n")
    assert project.run().returncode == 0
    attempt, bundle = project.record / "cells/words/good/r1/a1", tmp_path / "b.tar.gz"
    shutil.rmtree(project.root / "specs/words")
    assert project.ralphbench("reproduce", str(attempt), "--bundle", str(bundle)).returncode == 0
    for n, source in enumerate((attempt, bundle)):
        done = project.ralphbench("reproduce", str(source), "--results", str(tmp_path / f"r{n}"))
        assert done.returncode == 0, done.stdout + done.stderr
        (result,) = (tmp_path / f"r{n}").glob("*/cells/*/*/*/*/result.json")
        assert json.loads(result.read_bytes())["verdict"]["resolved"]


def test_a_bundle_is_whole_or_not_there(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    assert project.run().returncode == 0
    attempt, out = project.record / "cells/words/good/r1/a1", tmp_path / "out"
    lost = project.ralphbench("reproduce", str(attempt), "--bundle", str(out / "b.tar.gz"))
    assert lost.returncode == 2
    assert f"mkdir -p {out}" in lost.stderr
    out.mkdir()
    (out / "b.tar.gz").write_bytes(b"the one before")
    command = project.command("reproduce", str(attempt), "--bundle", str(out / "b.tar.gz"))
    small = ["bash", "-c", 'ulimit -f 1; exec "$@"', "bash", *command]
    cut = subprocess.run(small, cwd=project.root, env=project.env(), capture_output=True, text=True)
    assert cut.returncode == 3, cut.stderr
    assert "cannot write" in cut.stderr
    assert [path.name for path in out.iterdir()] == ["b.tar.gz"]
    assert (out / "b.tar.gz").read_bytes() == b"the one before"
