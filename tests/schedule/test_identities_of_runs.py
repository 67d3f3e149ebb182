"""What an experiment is taken for from run to run: what counts, what is stale, what is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.project import Project, make_project

pytestmark = pytest.mark.slow


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
