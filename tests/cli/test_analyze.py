"""`ralphbench analyze` as a user types it, on records that were written here."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.results import Write, stage, verdict, write

from ralphbench.cli.app import app
from ralphbench.errors import UsageError
from ralphbench.model import Spent
from ralphbench.record import ExperimentFolder

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


def test_all_tables_of_two_experiments_say_whose_they_are(tmp_path: Path, write: Write) -> None:
    write("a", "devstral", experiment="001-one")
    write("a", "opus", experiment="001-one")
    write("b", "devstral", experiment="002-two", stages={"build": stage({"done": 1, "context": 4})})
    write("b", "qwen", experiment="002-two")
    text = analyze(tmp_path, "001-one", "002-two", "--all")
    heads = (
        "by stage",
        "gates, passed",
        "time, mean",
        "calls and quota",
        "tokens",
        "tickets and code",
        "who leads",
        "which one",
    )
    parts = {name: text.split(f"{name}: by stage")[1].split(": by stage")[0] for name in ("001-one", "002-two")}
    for name, (mine, others) in {"001-one": ("opus", "qwen"), "002-two": ("qwen", "opus")}.items():
        for head in heads[1:]:
            assert f"{name}: {head}" in parts[name]
        assert mine in parts[name]
        assert others not in parts[name]
    assert "context ×4" in parts["002-two"]
    assert "context ×4" not in parts["001-one"]


def test_the_table_of_two_experiments_keeps_rows_of_one_name_apart(tmp_path: Path, write: Write) -> None:
    write("a", "devstral", experiment="001-one")
    write("b", "devstral", experiment="002-two", verdict=verdict(False))
    lines = [line for line in analyze(tmp_path, "001-one", "002-two").splitlines() if line.startswith("│")]
    firsts = [line.strip("│ ").split()[0] for line in lines]
    assert firsts == ["001-one", "devstral", "002-two", "devstral"]
    assert ["1/1" in line for line in lines] == [False, True, False, False]


def test_a_pipe_gets_every_column(tmp_path: Path, write: Write) -> None:
    write("a", "a-profile-with-a-name-that-is-rather-long")
    text = analyze(tmp_path, "x", "--all")
    assert "no room for" not in text
    assert "cost/resolved" in text
    assert "cache write" in text


def test_csv_and_json_say_who_had_limits_of_its_own(tmp_path: Path, write: Write) -> None:
    write("a", "fair")
    write("a", "favoured", extra={"unequal_limits": True})
    said = {line["profile"]: line["unequal_limits"] for line in table(analyze(tmp_path, "x", "--csv"))}
    assert said == {"fair": "False", "favoured": "True"}
    rows = json.loads(analyze(tmp_path, "x", "--json"))["rows"]
    assert {row["profile"]: row["unequal_limits"] for row in rows} == {"fair": False, "favoured": True}


def test_an_experiment_that_is_named_twice_is_shown_once(tmp_path: Path, write: Write) -> None:
    write("a", experiment="001-one")
    rows = json.loads(analyze(tmp_path, "001-one", "001", str(tmp_path / "001-one"), "--json"))["rows"]
    assert [(row["experiment"], row["attempts"], row["cost"]) for row in rows] == [("001-one", 1, 0.5)]


def test_the_question_stands_above_the_table(tmp_path: Path, write: Write) -> None:
    write("a")
    ExperimentFolder(tmp_path, "x").write_lock({"experiment": {"question": "Can it [count]?"}})
    assert analyze(tmp_path, "x").lstrip().startswith("x: Can it [count]?")
