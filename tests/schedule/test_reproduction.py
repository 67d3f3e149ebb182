"""The same attempt again: what differs is told, what does not is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.project import make_project

pytestmark = pytest.mark.slow


def test_an_attempt_that_worked_on_a_shared_plan_differs_only_where_it_does(tmp_path: Path) -> None:
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
    assert "plan: shared " in changed.stdout
