"""Plans that are taken from a record: only whole ones, and only those of the very same task."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.project import Project, make_project

pytestmark = pytest.mark.slow


def without_its_end(plan: Path) -> None:
    """Cut at the end of a ticket: what is left is a plan like any other."""
    tickets = yaml.safe_load(plan.read_text())["tickets"]
    tickets[-1]["depends_on"] = []
    plan.write_text(yaml.safe_dump({"tickets": tickets[:1]}))


def hashes(project: Project, experiment: str = "001-words") -> set[str]:
    files = (project.root / "results" / experiment).glob("cells/*/*/*/*/result.json")
    return {json.loads(path.read_bytes())["plan_hash"] for path in files}


@pytest.mark.parametrize(
    "damage", [without_its_end, lambda plan: plan.write_bytes(plan.read_bytes()[:-9]), Path.unlink]
)
def test_a_made_plan_that_is_torn_is_put_back_from_its_makers_events(
    tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    project = make_project(tmp_path, plan={"shared": {"by": "good"}})
    assert project.run().returncode == 0
    (plan,) = project.record.glob("plans/words/good/r1/a1/plan.yaml")
    made = plan.read_bytes()
    damage(plan)
    done = project.run("--repeats", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert plan.read_bytes() == made
    assert len(hashes(project)) == 1
    assert len(list(project.record.glob("cells/*/*/*/*/result.json"))) == 2
    aside = list(plan.parent.glob("plan.yaml.damaged-*"))
    assert bool(aside) == ("is not the plan that was made" in done.stdout) == (damage is not Path.unlink)


@pytest.fixture
def second(tmp_path: Path) -> Project:
    """The experiment 002-more takes its plan from 001-words, which has run."""
    project = make_project(tmp_path)
    assert project.run().returncode == 0
    shutil.copytree(project.experiment, project.root / "experiments/002-more")
    file = project.root / "experiments/002-more/experiment.yaml"
    file.write_text(file.read_text() + "plan: {shared: {from: 001-words}}\n")
    return project


def test_a_plan_for_other_words_is_not_taken(second: Project) -> None:
    second.write("specs/words/spec.md", "Write `one` into one.txt and `two` into two.txt, in capitals.\n")
    done = second.ralphbench("run", "002-more", "--yes")
    assert done.returncode == 4
    assert "no plan for words as it is now" in done.stderr


def test_a_plan_of_another_experiment_is_taken_whole(second: Project) -> None:
    (plan,) = second.record.glob("cells/words/good/r1/a1/plan.yaml")
    made = plan.read_bytes()
    without_its_end(plan)
    done = second.ralphbench("run", "002-more", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is not the plan that was made" in done.stdout
    assert plan.read_bytes() == made
    assert hashes(second, "002-more") == hashes(second)


def test_an_earlier_plan_of_todays_planner_is_used_again(tmp_path: Path) -> None:
    project = make_project(tmp_path, plan={"shared": {"by": "good"}})
    assert project.run().returncode == 0
    file = project.experiment / "profiles.yaml"
    before = file.read_text()
    file.write_text(before.replace("output: 2k", "output: 3k"))
    assert project.run("--rerun-stale").returncode == 0
    file.write_text(before)
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(project.record.glob("plans/words/good/r1/*/plan.yaml"))) == 2
    assert len(list(project.record.glob("cells/words/good/r1/*/result.json"))) == 2
