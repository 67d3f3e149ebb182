from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.docs import section, tables
from support.results import Write

from ralphbench.cli.app import app
from ralphbench.model import Cell, Limits
from ralphbench.record import ExperimentFolder
from ralphbench.ui import Progress, Standing, stand

LOCK = {
    "tasks": ["a", "b"],
    "profiles": [{"name": "p"}],
    "repeats": 1,
    "void_retries": 1,
    "limits": {"wall_time": 3600.0},
    "unequal_limits": {"p": {"wall_time": 7200.0}},
}


@pytest.fixture
def record(tmp_path: Path) -> ExperimentFolder:
    record = ExperimentFolder(tmp_path, "x").create()
    record.write_lock({"experiment": LOCK})
    return record


def status(record: ExperimentFolder, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["status", "x", "--results", str(record.path.parent), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_time_left_is_bounded_until_a_cell_has_ended_and_estimated_then(
    record: ExperimentFolder, write: Write
) -> None:
    assert "time left   at most 4h00m on the contenders' clocks" in status(record)
    write("a")
    assert "time left   about 20s" in status(record)
    write("b")
    assert "time left   none" in status(record)


def test_unequal_limits_are_told(record: ExperimentFolder) -> None:
    assert "UNEQUAL LIMITS" in status(record)
    record.write_lock({"experiment": {**LOCK, "unequal_limits": {}}})
    assert "UNEQUAL" not in status(record)


def test_what_status_prints_is_described_key_by_key(
    record: ExperimentFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = stand.Running(Cell("a", "p", 1), 1, Progress(tmp_path), Limits())

    def one_runs(_: ExperimentFolder) -> Standing:
        return Standing("x", None, running=[running])

    monkeypatch.setattr("ralphbench.ui.stand.standing", one_runs)
    document = json.loads(status(record, "--json"))
    head, each, spent = tables(section("docs/schemas.md", "`ralphbench status --json`: `ralphbench.status/1`"))
    assert list(document) == head
    (shown,) = document["running"]
    assert list(shown) == each
    assert list(document["spent"]) == spent
