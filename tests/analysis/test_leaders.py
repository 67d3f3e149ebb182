from __future__ import annotations

from pathlib import Path

import pytest
from support.results import Write, stage, verdict, work

from ralphbench.analysis import compare, guide, leaders, load
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


def test_the_cheapest_of_all_is_named_apart_from_the_cheapest_that_resolved(tmp_path: Path, write: Write) -> None:
    write("a", "quitter", verdict=verdict(False), spent=Spent(1.0, 1, 1, 1, 0.1))
    write("a", "worker", spent=Spent(1.0, 3, 1, 1, 5.0))
    write("b", "worker", spent=Spent(1.0, 3, 1, 1, 4.0))
    found = by_question(tmp_path)
    assert found["least cost for each attempt"] == (("quitter",), pytest.approx(0.1))
    assert found["least cost for each resolved"] == (("worker",), pytest.approx(4.5))


def test_most_tickets_and_never_cut_off_are_asked_for_too(tmp_path: Path, write: Write) -> None:
    write("a", "killed", stages={"build": stage({"done": 1, "stage_timeout": 2, "calls": 1})})
    write("a", "steady", verdict=verdict(True, False), work=work(accepted=9))
    found = by_question(tmp_path)
    assert found["best score"][0] == ("killed",)
    assert found["best score, of those never cut off by the harness"] == (("steady",), pytest.approx(0.5))
    assert found["most tickets accepted (each wrote its own)"] == (("steady",), 9.0)
    assert found["fewest stages cut off by the harness"] == (("steady",), 0.0)


def test_to_have_resolved_nothing_leads_nothing(tmp_path: Path, write: Write) -> None:
    write("a", "p", verdict=verdict(False))
    write("a", "q", verdict=verdict(False))
    assert by_question(tmp_path)["most resolved"][0] == ()
    assert all(line.profiles == () for line in guide(compare(load([tmp_path / "x"])).rows))


def test_the_guide_names_one_for_each_thing_that_may_matter(tmp_path: Path, write: Write) -> None:
    cloud = {"build": stage({"done": 2}, local_calls=0)}
    write("a", "sure", stages=cloud, spent=Spent(1.0, 3, 1, 1, 9.0))
    write("b", "sure", stages=cloud, spent=Spent(1.0, 3, 1, 1, 9.0))
    write("a", "local", spent=Spent(1.0, 3, 1, 1, 0.0))
    write("b", "local", spent=Spent(1.0, 3, 1, 1, 0.0), verdict=verdict(False))
    told = {line.question: line.profiles for line in guide(compare(load([tmp_path / "x"])).rows)}
    assert told == {
        "the work must get done": ("sure",),
        "money counts": ("local",),
        "time counts": ("sure", "local"),
        "no call may go to the cloud": ("local",),
    }
