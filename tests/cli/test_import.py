from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ralphbench.cli.app import app
from ralphbench.errors import UnknownName, UsageError
from ralphbench.record import ExperimentFolder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A ledger of two specs by two profiles each."""
    row = {"exit_reason": "complete", "duration_s": 1.0, "iterations": 1, "started_at": "2026-01-01T00:00:00+00:00"}
    rows = [
        {**row, "run_id": f"{spec}-{profile}", "spec": f"specs/{spec}.md", "profile": profile}
        for spec in ("parser", "server")
        for profile in ("opus", "devstral")
    ]
    file = tmp_path / "runs.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def imported(runs: Path, *arguments: str) -> Result:
    words = ["import", str(runs), "--experiment", "old", "--results", str(runs.parent / "results"), *arguments]
    return CliRunner().invoke(app, words)


@pytest.mark.parametrize(
    ("arguments", "cells"),
    [
        ((), {"parser/opus", "parser/devstral", "server/opus", "server/devstral"}),
        (("--spec", "parser"), {"parser/opus", "parser/devstral"}),
        (("--spec", "specs/parser.md", "-p", "opus"), {"parser/opus"}),
        (("-p", "opus", "-p", "devstral", "--spec", "server"), {"server/opus", "server/devstral"}),
    ],
)
def test_runs_are_chosen_by_spec_and_profile(runs: Path, arguments: tuple[str, ...], cells: set[str]) -> None:
    done = imported(runs, *arguments)
    assert done.exit_code == 0, done.output
    found = {f"{cell.task}/{cell.profile}" for cell in ExperimentFolder(runs.parent / "results", "old").cells()}
    assert found == cells


@pytest.mark.parametrize(("option", "name"), [("--spec", "parsr"), ("--profile", "opsu")])
def test_a_name_that_no_run_has_is_refused_with_the_nearest(runs: Path, option: str, name: str) -> None:
    done = imported(runs, option, name)
    assert isinstance(done.exception, UnknownName)
    assert "did you mean" in str(done.exception)


def test_an_experiment_file_has_no_runs_to_choose_among(tmp_path: Path) -> None:
    conf = tmp_path / "experiment.conf"
    conf.write_text("")
    done = CliRunner().invoke(app, ["import", str(conf), "-o", str(tmp_path / "x"), "--spec", "parser"])
    assert isinstance(done.exception, UsageError)
