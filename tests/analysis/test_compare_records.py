"""Several records in one comparison: kept apart by folder, and what was not the same for all is said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.results import Write, verdict

from ralphbench.analysis import compare_records
from ralphbench.model import Tampering, Verdict
from ralphbench.record import ExperimentFolder

LIMITS = {"iterations": 25, "wall_time": 7200.0, "failures": 3, "cost": None}


def lock(folder: Path, limits: dict[str, Any], tasks: dict[str, str] | None = None, question: str = "Which?") -> None:
    """What a run of the experiment leaves of its settings."""
    said = {"limits": limits, "question": question}
    digests = {task: {"task": digest, "gates": "g"} for task, digest in (tasks or {}).items()}
    ExperimentFolder(folder.parent, folder.name).write_lock({"experiment": said, "digests": digests})


def test_the_same_folder_twice_is_read_once(tmp_path: Path, write: Write) -> None:
    write("a")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    once = compare_records([tmp_path / "x"])
    assert compare_records([tmp_path / "x", tmp_path / "x", tmp_path / "link"]).rows == once.rows


def test_two_folders_of_one_name_are_told_apart_by_their_paths(tmp_path: Path, write: Write) -> None:
    write("a")
    shutil.move(tmp_path / "x", tmp_path / "mine/results/x")
    write("a", verdict=verdict(False))
    shutil.move(tmp_path / "x", tmp_path / "theirs/results/x")
    write("a", experiment="y")
    folders = [tmp_path / "mine/results/x", tmp_path / "theirs/results/x", tmp_path / "y"]
    rows = compare_records(folders).rows
    assert [(row.experiment, row.profile, row.resolved, row.cost) for row in rows] == [
        ("mine/results/x", "p", 1, 0.5),
        ("theirs/results/x", "p", 0, 0.5),
        ("y", "p", 1, 0.5),
    ]
    assert [(each.experiment, each.path) for each in compare_records(folders).experiments] == [
        ("mine/results/x", str(folders[0])),
        ("theirs/results/x", str(folders[1])),
        ("y", str(folders[2])),
    ]


def test_a_copy_under_another_name_is_an_experiment_of_its_own(tmp_path: Path, write: Write) -> None:
    write("a")
    shutil.copytree(tmp_path / "x", tmp_path / "before")
    rows = compare_records([tmp_path / "x", tmp_path / "before"]).rows
    assert [(row.experiment, row.attempts, row.cost) for row in rows] == [("before", 1, 0.5), ("x", 1, 0.5)]
    assert [line.runs for row in rows for line in row.stages] == [2, 2]


def test_nothing_to_compare_is_an_empty_comparison() -> None:
    assert compare_records([]).rows == ()


@pytest.fixture
def two(tmp_path: Path, write: Write) -> list[Path]:
    write("t", experiment="001-one", plan_hash="h")
    write("t", experiment="002-two", plan_hash="h")
    return [tmp_path / "001-one", tmp_path / "002-two"]


def warnings(folders: list[Path]) -> str:
    return "\n".join(compare_records(folders).warnings)


def test_different_limits_of_two_experiments_are_named_one_by_one(two: list[Path]) -> None:
    lock(two[0], LIMITS)
    lock(two[1], LIMITS | {"iterations": 40, "wall_time": 10800.0, "cost": 2.5})
    expected = (
        "DIFFERENT LIMITS between experiments (001-one / 002-two): iterations 25 / 40, wall_time 7200 / 10800, "
        "cost none / 2.5"
    )
    assert expected in compare_records(two).warnings
    assert "DIFFERENT LIMITS" not in warnings(two[:1])


def test_the_same_limits_are_not_warned_of(two: list[Path]) -> None:
    for folder in two:
        lock(folder, LIMITS, {"t": "1"})
    assert [w for w in compare_records(two).warnings if "isolated" not in w] == []


def test_a_record_that_does_not_say_its_limits_is_not_said_to_differ(two: list[Path]) -> None:
    lock(two[0], LIMITS)
    assert "LIMITS" not in warnings(two)
    assert [each.limits for each in compare_records(two).experiments] == [LIMITS, None]


def test_a_task_that_is_not_the_same_in_both_is_named(two: list[Path]) -> None:
    lock(two[0], LIMITS, {"t": "1"})
    lock(two[1], LIMITS, {"t": "2"})
    assert "t: its words, base or gates are not the same in 001-one and 002-two" in warnings(two)


def test_different_tasks_are_said_to_be_different_work(two: list[Path], write: Write) -> None:
    assert "different tasks" not in warnings(two)
    write("u", experiment="002-two", plan_hash="h")
    assert "the experiments ran different tasks (001-one 1, 002-two 2, 1 in common)" in warnings(two)


def test_different_plans_between_experiments_are_warned_of(two: list[Path], tmp_path: Path, write: Write) -> None:
    assert "plans" not in warnings(two)
    write("t", experiment="003-three", plan_hash="another")
    found = warnings([*two, tmp_path / "003-three"])
    assert "between experiments: attempts at the same task worked on different plans (t)" in found
    assert "compared attempts worked on different plans" not in found, "each one alone shared its plan"


def test_a_torn_lock_is_named_and_the_rest_compared(two: list[Path]) -> None:
    (two[0] / "lock.json").write_bytes(b'{"experiment": {')
    comparison = compare_records(two)
    assert len(comparison.rows) == 2
    assert any("damaged file" in w and "lock.json" in w for w in comparison.warnings)


def test_the_question_of_each_experiment_comes_with_it(two: list[Path]) -> None:
    lock(two[0], LIMITS, question="Does it?")
    assert [each.question for each in compare_records(two).experiments] == ["Does it?", None]


def test_who_had_limits_of_its_own_is_marked_and_named(tmp_path: Path, write: Write) -> None:
    write("a", "fair")
    write("a", "favoured", extra={"unequal_limits": True})
    comparison = compare_records([tmp_path / "x"])
    assert {row.profile: row.unequal_limits for row in comparison.rows} == {"fair": False, "favoured": True}
    assert any("UNEQUAL LIMITS" in w and "favoured" in w and "fair," not in w for w in comparison.warnings)


def test_limits_that_were_changed_between_the_attempts_are_told(tmp_path: Path, write: Write) -> None:
    write("a", "early", extra={"limits": "iterations 40, wall_time 100"})
    write("a", "late", number=1, extra={"limits": "iterations 40, wall_time 100"})
    write("a", "favoured", extra={"limits": "iterations 99", "unequal_limits": True})
    assert not any("changed" in w for w in compare_records([tmp_path / "x"]).warnings)
    write("a", "late", number=2, extra={"limits": "iterations 10, wall_time 100"})
    (told,) = [w for w in compare_records([tmp_path / "x"]).warnings if "changed" in w]
    assert "iterations 10 (late); iterations 40 (early)" in told


def test_what_was_claimed_and_is_not_so_is_said_and_what_was_tampered_with(tmp_path: Path, write: Write) -> None:
    write("a", "boaster", verdict=verdict(False, claimed={"task": True}))
    write("a", "honest", verdict=verdict(False, claimed={"task": False}))
    touched = Verdict(True, 1.0, verdict(True).gates, tampered=(Tampering("tests/t.py", "changed"),))
    write("a", "meddler", verdict=touched)
    found = warnings([tmp_path / "x"])
    assert "x: called complete by their own reviewers, and not resolved: boaster 1 of 1\n" in found
    assert "x: attempts that changed protected files; judged were the restored ones: meddler 1 of 1\n" in found
    assert "honest" not in found
