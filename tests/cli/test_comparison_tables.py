"""The tables of the comparison, as they are read on terminals of every width."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.results import Write, stage, verdict, work, write

from ralphbench.analysis import ProfileRow, compare, guide, leaders, load
from ralphbench.cli import further_tables as tables
from ralphbench.cli.comparison import FIGURES, comparison_table, legend
from ralphbench.model import Ending, Spent, StageEnding, Times

__all__ = ["write"]
WIDTHS = (80, 100, 120, 180)


def drawn(table: Any, width: int) -> list[str]:
    """The lines, as on a terminal of that width."""
    out = io.StringIO()
    Console(width=width, file=out).print(table)
    return out.getvalue().splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]


def row_of(lines: list[str], name: str) -> list[str]:
    return next(found for line in lines if (found := cells(line))[0] == name)


def compared(tmp_path: Path, *experiments: str) -> tuple[ProfileRow, ...]:
    return compare(load([tmp_path / name for name in experiments or ("x",)])).rows


@pytest.fixture
def two_experiments(write: Write) -> None:
    """Names, endings and figures of the length that they have in earnest; `devstral` takes part in both."""
    long = Times(9874.0, 9000.0, 8123.0, 500.0, 10.0, 61.0, 0.5, 0.0, 0.25, 3.0)
    for experiment in ("001-profile-showdown", "002-local-models"):
        for repeat in (1, 2, 3):
            place = {"experiment": experiment, "repeat": repeat, "times": long}
            dear = Spent(1.0, 412, 18_400_000, 210_000, 123.45)
            write("system-architecture-refactor/lifecycle", "devstral", spent=dear, **place)
            cut = stage({"done": 30, "stage_timeout": 4, "idle_timeout": 2, "context": 11}, input=45_600_000, repairs=3)
            write(
                "system-architecture-refactor/lifecycle",
                "local-hybrid-inv",
                stages={"investigate": cut, "build": cut},
                ending=(Ending.FAILURES, Ending.WALL_TIME, Ending.ENDPOINT_DOWN)[repeat - 1],
                cause=StageEnding.STAGE_TIMEOUT if repeat == 1 else None,
                verdict=None if repeat == 3 else verdict(False, True),
                work=work(accepted=11, tickets=24, already_satisfied=2, repairs=6),
                **place,
            )


@pytest.mark.usefixtures("two_experiments")
@pytest.mark.parametrize("width", WIDTHS)
def test_every_table_fits_and_breaks_no_figure(tmp_path: Path, width: int) -> None:
    rows = compared(tmp_path, "002-local-models")
    found = [comparison_table(rows), *(table for _, table in tables.further_tables(rows, width))]
    assert len(found) >= 6
    for table in (*found, tables.leader_table(leaders(rows), "question")):
        lines = drawn(table, width)
        assert max(map(len, lines)) <= width
        whole = {cell for line in drawn(table, 1000) for cell in cells(line)}
        figures = [cell for line in lines for cell in cells(line)[1:] if cell[:1].isdigit() or cell[:1] == "$"]
        assert figures
        assert set(figures) <= whole


@pytest.mark.usefixtures("two_experiments")
def test_at_80_columns_who_what_and_how_it_ended_stand_on_one_table(tmp_path: Path) -> None:
    lines = drawn(comparison_table(compared(tmp_path, "002-local-models")), 80)
    names = cells(next(line for line in lines if line.startswith("┃")))
    assert names[:3] == ["profile", "resolved", "claimed"]
    assert names[-1] == "ended as"
    assert row_of(lines, "devstral")[1:3] == ["3/3", "3/3"]
    assert row_of(lines, "local-hybrid-inv")[1] == "0/2"
    told = " ".join(cells(line)[-1] for line in lines if line.startswith("│"))
    for word in ("failures", "(stage_timeout)", "wall_time", "endpoint_down"):
        assert word in told
    assert "no room for:" in " ".join(lines)


@pytest.mark.usefixtures("two_experiments")
def test_where_there_is_room_nothing_is_left_out(tmp_path: Path) -> None:
    lines = drawn(comparison_table(compared(tmp_path, "002-local-models")), 400)
    assert cells(next(line for line in lines if line.startswith("┃"))) == [figure.name for figure in FIGURES]
    assert "no room" not in " ".join(lines)


@pytest.mark.usefixtures("two_experiments")
@pytest.mark.parametrize("width", WIDTHS)
def test_profiles_of_several_experiments_stand_below_the_name_of_theirs(tmp_path: Path, width: int) -> None:
    table = comparison_table(compared(tmp_path, "001-profile-showdown", "002-local-models"))
    firsts = [first for line in drawn(table, width) if line.startswith("│") and (first := cells(line)[0])]
    theirs = ["devstral", "local-hybrid-inv"]
    assert firsts == ["001-profile-showdown", *theirs, "002-local-models", *theirs]


@pytest.mark.usefixtures("two_experiments")
def test_a_gate_matrix_that_is_too_wide_goes_on_in_another(tmp_path: Path) -> None:
    rows = compared(tmp_path, "001-profile-showdown") * 3
    assert len(list(tables.gate_tables(rows, 400))) == 1
    parts = list(tables.gate_tables(rows, 80))
    assert len(parts) > 1
    heads = [cells(next(line for line in drawn(part, 80) if line.startswith("┃")))[1:] for part in parts]
    assert [name for head in heads for name in head] == [row.name for row in rows]


def test_what_is_unknown_and_what_there_is_none_of_look_different(tmp_path: Path, write: Write) -> None:
    write("a", "silent", spent=Spent(1.0, 1, None, None, None, 1), verdict=verdict(False))
    write("a", "void", ending=Ending.ENDPOINT_DOWN, verdict=None)
    lines = drawn(comparison_table(compared(tmp_path)), 400)
    named = {
        name: dict(zip([f.name for f in FIGURES], row_of(lines, name), strict=True)) for name in ("silent", "void")
    }
    assert (named["silent"]["tokens in"], named["silent"]["cost"], named["silent"]["cost/resolved"]) == ("?", "?", "-")
    assert (named["silent"]["resolved"], named["silent"]["score"], named["silent"]["claimed"]) == ("0/1", "0.00", "-")
    assert [named["void"][name] for name in ("resolved", "score", "tickets", "iterations", "wall", "model")] == [
        "-"
    ] * 6
    assert (named["void"]["cost"], named["void"]["tokens in"]) == ("$0.50", "100")


def test_an_imported_row_is_marked_and_not_judged(tmp_path: Path, write: Write) -> None:
    write("a", imported=True, verdict=None)
    found = row_of(drawn(comparison_table(compared(tmp_path)), 400), "p (imported)")
    assert found[1:4] == ["?", "-", "?"]


def test_the_legend_explains_the_columns_that_are_shown(tmp_path: Path, write: Write) -> None:
    write("a")
    shown = [str(column.header) for column in comparison_table(compared(tmp_path)).table(60).columns]
    text = legend(shown)
    assert "resolved: " in text
    assert "tok/s: " not in text
    for figure in FIGURES[1:]:
        assert f"{figure.name}: " in legend(figure.name for figure in FIGURES)


def test_local_share_and_cache_are_told_of_tokens_too(tmp_path: Path, write: Write) -> None:
    write("a", stages={"build": stage({"done": 1}, local_calls=1, local_tokens=60, cache_write=7)})
    lines = drawn(tables.table_of(tables.QUOTA, compared(tmp_path)), 400)
    found = dict(zip(row_of(lines, "profile"), row_of(lines, "p"), strict=True))
    assert (found["calls"], found["cloud calls"], found["local calls"]) == ("3", "2", "33 %")
    assert (found["cloud tokens"], found["local tokens"]) == ("60", "60 (50 %)")
    lines = drawn(tables.table_of(tables.TOKENS, compared(tmp_path)), 400)
    found = dict(zip(row_of(lines, "profile"), row_of(lines, "p"), strict=True))
    assert (found["cached"], found["cache write"]) == ("50 %", "7")


def test_kills_what_was_there_before_and_what_was_asked_again_are_told(tmp_path: Path, write: Write) -> None:
    cut = {"build": stage({"done": 1, "context": 2, "blocked": 1}, repairs=4)}
    write("a", stages=cut, work=work(already_satisfied=5, repairs=6))
    lines = drawn(tables.table_of(tables.WORK, compared(tmp_path)), 400)
    found = dict(zip(row_of(lines, "profile"), row_of(lines, "p"), strict=True))
    assert (found["cut off"], found["already there"], found["asked again"]) == ("2", "5", "6")
    lines = drawn(tables.stage_table(compared(tmp_path)), 400)
    found = dict(zip(row_of(lines, "profile"), row_of(lines, "p"), strict=True))
    assert (found["runs"], found["done"], found["cut off"], found["asked again"]) == ("4", "1", "2", "4")
    assert found["other endings"] == "context ×2, blocked"


def test_leaders_say_nobody_unknown_and_each_figure_in_its_unit(tmp_path: Path, write: Write) -> None:
    write("a", "p", spent=Spent(1.0, 1, 1, 1, None))
    write("a", "q", spent=Spent(1.0, 1, 1, 1, None), verdict=verdict(False, True))
    rows = compared(tmp_path)
    lines = drawn(tables.leader_table(leaders(rows), "question"), 200)
    assert row_of(lines, "most resolved")[1:] == ["p", "100 %"]
    assert row_of(lines, "best score")[1:] == ["p", "1.00"]
    assert row_of(lines, "least cost for each attempt")[1:] == ["?", "?"]
    assert row_of(lines, "fastest, of those that resolved any")[1:] == ["p", "20s"]
    unsolved = [row for row in rows if not row.resolved]
    lines = drawn(tables.leader_table(guide(unsolved), "if"), 200)
    assert row_of(lines, "money counts")[1:] == ["nobody", "-"]
