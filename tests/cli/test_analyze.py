"""`ralphbench analyze` as a user types it, on records that were written here."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.results import Write, write

from ralphbench.cli.app import app
from ralphbench.errors import UsageError
from ralphbench.model import Spent

__all__ = ["write"]


def analyze(results: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["analyze", *words, "--results", str(results)])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_column_for_each_nested_figure(tmp_path: Path, write: Write) -> None:
    write("a", plan_by="planner", plan_hash="h")
    (line,) = table(analyze(tmp_path, "x", "--csv"))
    assert (line["stages.build.runs"], line["stages.build.endings.done"]) == ("2", "2")
    assert (line["gates.a: g0"], line["endings.completed"], line["plans"]) == ("1/1", "1", "planner")
    assert line["time.wall"] == "20.0"


def test_no_cell_of_the_csv_is_the_text_of_a_python_object(tmp_path: Path, write: Write) -> None:
    write("a", "p")
    write("a", "q", stages={}, verdict=None)
    for line in table(analyze(tmp_path, "x", "--csv")):
        for name, value in line.items():
            assert not set("()[]{}'") & set(value), f"{name}: {value}"
            assert value != "None"


def test_csv_has_the_legacy_score_on_request_and_unknown_is_empty(tmp_path: Path, write: Write) -> None:
    write("a", "p")
    write("a", "q", spent=Spent(1.0, 1, 1, 1, None))
    assert "legacy_score" not in table(analyze(tmp_path, "x", "--csv"))[0]
    scores = {
        line["profile"]: line["legacy_score"] for line in table(analyze(tmp_path, "x", "--csv", "--score", "legacy"))
    }
    assert float(scores["p"]) == pytest.approx((2 / 3) / (0.3 + 0.3 + 0.01))
    assert scores["q"] == ""


def test_json_has_the_legacy_score_on_request(tmp_path: Path, write: Write) -> None:
    write("a")
    assert "legacy_score" not in json.loads(analyze(tmp_path, "x", "--json"))
    (entry,) = json.loads(analyze(tmp_path, "x", "--json", "--score", "legacy"))["legacy_score"]
    assert (entry["experiment"], entry["profile"]) == ("x", "p")
    assert entry["score"] > 0


def test_json_and_csv_at_once_are_refused(tmp_path: Path, write: Write) -> None:
    write("a")
    with pytest.raises(UsageError, match="--json and --csv"):
        analyze(tmp_path, "x", "--json", "--csv")
