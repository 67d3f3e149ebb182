"""What was derived of an experiment goes before a result comes that it does not know."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ralphbench.model import AttemptResult
from ralphbench.record import AttemptFolder, ExperimentFolder, sweep_derived, write_result
from ralphbench.record import results as results_module


@pytest.fixture
def record(tmp_path: Path) -> ExperimentFolder:
    made = ExperimentFolder(tmp_path, "001-x").create()
    made.derived.mkdir()
    (made.derived / "stamp.json").write_text("{}")
    return made


@pytest.mark.parametrize("within", ["cells", "plans"])
def test_whoever_commits_a_result_removes_what_was_derived(
    record: ExperimentFolder, result: AttemptResult, within: str
) -> None:
    folder = (record if within == "cells" else record.plans()).folder(result.cell, 1).create()
    write_result(folder, result)
    assert sorted(path.name for path in record.path.iterdir()) == sorted({"cells", within})


def test_it_is_gone_when_the_result_appears(
    record: ExperimentFolder, result: AttemptResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, data: bytes) -> None:
        assert path.name == "result.json"
        raise KeyboardInterrupt

    monkeypatch.setattr(results_module, "atomic_write", killed)
    with pytest.raises(KeyboardInterrupt):
        write_result(record.folder(result.cell, 1).create(), result)
    assert not record.derived.exists()


def test_an_attempt_that_is_in_no_experiment_takes_nothing_away(tmp_path: Path, result: AttemptResult) -> None:
    other = tmp_path / "derived" / "mine"
    other.mkdir(parents=True)
    write_result(AttemptFolder(tmp_path / "b" / "c" / "d" / "a1").create(), result)
    assert other.exists()


def test_what_cannot_be_removed_keeps_no_result_from_being_committed(
    record: ExperimentFolder, result: AttemptResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    folder = record.folder(result.cell, 1).create()
    monkeypatch.setattr(os, "rename", refuse)
    write_result(folder, result)
    assert folder.result.exists()


def test_what_a_killed_remover_left_is_removed_later(record: ExperimentFolder) -> None:
    record.derived.rename(record.path / ".derived.00aa.gone")
    sweep_derived(record.path)
    assert [path.name for path in record.path.iterdir()] == ["cells"]
