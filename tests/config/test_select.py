from __future__ import annotations

from typing import Any

import pytest

from ralphbench.config.select import select_among, select_tasks
from ralphbench.errors import UnknownName


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["single"], ["single"]),
        (["phased", "single"], ["phased", "single"]),
        (["phased/second"], ["phased/second"]),
        (["basics"], ["single"]),
        (["suite:basics"], ["single"]),
        (["quick"], ["phased", "single"]),
        (["tag:c"], ["phased"]),
        (["s*"], ["single"]),
        (["*"], ["phased", "single"]),
        (["phased/*"], ["phased/first", "phased/second", "phased/third"]),
        (["*/[ft]*"], ["phased/first", "phased/third"]),
        (["quick", "single", "s*"], ["phased", "single"]),
    ],
)
def test_tasks_are_chosen(world: Any, words: list[str], wanted: list[str]) -> None:
    assert list(select_tasks(words, [world.specs], where="here")) == wanted


def test_a_name_wins_over_a_tag(world: Any) -> None:
    file = world.specs / "phased" / "task.yaml"
    file.write_text(file.read_text().replace("tags: [c, quick]", "tags: [single]"))
    assert select_tasks(["single"], [world.specs], where="here") == ("single",)
    assert select_tasks(["tag:single"], [world.specs], where="here") == ("phased",)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("singel", "did you mean 'single'"),
        ("quik", "did you mean 'tag:quick'"),
        ("tag:quik", "did you mean 'tag:quick'"),
        ("suite:basic", "did you mean 'suite:basics'"),
        ("zzz*", "no task, suite or tag 'zzz"),
        ("label:x", "no task, suite or tag"),
    ],
)
def test_what_means_nothing_is_refused(world: Any, word: str, said: str) -> None:
    with pytest.raises(UnknownName, match=said) as caught:
        select_tasks([word], [world.specs], where="experiment.yaml:2")
    assert str(caught.value).startswith("experiment.yaml:2: ")


def test_a_broken_task_does_not_hide_another_one(world: Any) -> None:
    world.write("specs/phased/task.yaml", "title: [\n")
    assert select_tasks(["single"], [world.specs], where="here") == ("single",)


def test_a_choice_among_the_tasks_of_an_experiment_keeps_their_order() -> None:
    names = ("t/b", "t/a", "u")
    assert select_among(["u", "t/*"], names, where="--task") == names
    assert select_among(["t/a"], names, where="--task") == ("t/a",)
    with pytest.raises(UnknownName, match="did you mean 't/a'"):
        select_among(["t/aa"], names, where="--task")
