from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.model import Cell, Experiment, Limits, ModelRef, Profile, Stage, StageModel, Target, Task
from ralphbench.schedule import cells_in_order


def experiment(tasks: int, profiles: int, repeats: int, seed: int = 0, order: str = "shuffled") -> Experiment:
    model = StageModel(ModelRef("e", "m"), "builtin")
    return Experiment(
        name="x",
        folder=Path(),
        question="",
        tasks=tuple(Task(f"t{i}", Path(), "", "", Target(), ()) for i in range(tasks)),
        profiles=tuple(Profile(f"p{i}", dict.fromkeys(Stage, model)) for i in range(profiles)),
        endpoints={},
        limits=Limits(),
        repeats=repeats,
        seed=seed,
        order=order,
    )


sizes = st.integers(1, 6)


@given(sizes, sizes, sizes, st.integers())
def test_every_cell_comes_once_and_every_round_is_complete(t: int, p: int, r: int, seed: int) -> None:
    cells = cells_in_order(experiment(t, p, r, seed))
    assert len(set(cells)) == len(cells) == t * p * r
    for repeat in range(1, r + 1):
        chunk = cells[(repeat - 1) * t * p : repeat * t * p]
        assert {c.repeat for c in chunk} == {repeat}
        assert {(c.task, c.profile) for c in chunk} == {(f"t{i}", f"p{j}") for i in range(t) for j in range(p)}


@given(st.integers(2, 6))
def test_over_as_many_rounds_as_profiles_each_goes_first_equally_often(p: int) -> None:
    cells = cells_in_order(experiment(1, p, p))
    first = Counter(cells[i * p].profile for i in range(p))
    assert set(first.values()) == {1}


def test_the_order_depends_on_the_seed_alone() -> None:
    assert cells_in_order(experiment(4, 4, 2, seed=1)) == cells_in_order(experiment(4, 4, 2, seed=1))
    assert cells_in_order(experiment(4, 4, 2, seed=1)) != cells_in_order(experiment(4, 4, 2, seed=2))


def test_a_growing_number_of_repeats_keeps_the_rounds_before() -> None:
    assert cells_in_order(experiment(3, 3, 4))[:9] == cells_in_order(experiment(3, 3, 1))


@pytest.mark.parametrize("seed", [0, 7])
def test_the_written_order_is_kept_where_asked(seed: int) -> None:
    cells = cells_in_order(experiment(2, 2, 1, seed, order="written"))
    assert cells[:2] == (Cell("t0", "p0", 1), Cell("t0", "p1", 1))
