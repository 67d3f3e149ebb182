from __future__ import annotations

from pathlib import Path

import pytest
from support.results import Write, verdict

from ralphbench.analysis import compare, leaders, load
from ralphbench.model import Spent


def by_question(tmp_path: Path) -> dict[str, tuple[tuple[str, ...], float | None]]:
    return {each.question: (each.profiles, each.figure) for each in leaders(compare(load([tmp_path / "x"])).rows)}


def test_each_question_has_its_own_leader(tmp_path: Path, write: Write) -> None:
    write("a", "dear", spent=Spent(1.0, 3, 1, 1, 9.0))
    write("b", "dear", spent=Spent(1.0, 3, 1, 1, 9.0))
    write("a", "cheap", spent=Spent(1.0, 3, 1, 1, 0.5))
    write("b", "cheap", spent=Spent(1.0, 3, 1, 1, 0.5), verdict=verdict(False, True))
    found = by_question(tmp_path)
    assert found["most resolved"] == (("dear",), 1.0)
    assert found["least cost for each resolved"] == (("cheap",), pytest.approx(1.0))


def test_a_tie_names_everybody(tmp_path: Path, write: Write) -> None:
    write("a", "p")
    write("a", "q")
    assert set(by_question(tmp_path)["most resolved"][0]) == {"p", "q"}


def test_who_resolved_nothing_is_not_the_cheapest(tmp_path: Path, write: Write) -> None:
    write("a", "quitter", verdict=verdict(False), spent=Spent(1.0, 1, 1, 1, 0.0))
    write("a", "worker", spent=Spent(1.0, 3, 1, 1, 5.0))
    assert by_question(tmp_path)["least cost for each resolved"][0] == ("worker",)


def test_an_unknown_cost_leads_nothing(tmp_path: Path, write: Write) -> None:
    write("a", "p", spent=Spent(1.0, 1, 1, 1, None))
    assert by_question(tmp_path)["least cost for each resolved"] == ((), None)
