from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.results import result

from ralphbench.model import AttemptResult, Cell, Ending
from ralphbench.record import ExperimentFolder, write_result
from ralphbench.schedule import CellState, CellStatus
from ralphbench.schedule.survey import attempts_of, survey

CELL = Cell("t", "p", 1)
DONE, VOID, CUT = result(), result(ending=Ending.ENDPOINT_DOWN, verdict=None), None
INTERRUPTED = result(ending=Ending.INTERRUPTED, verdict=None)


def status(
    *attempts: AttemptResult | None, retries: int = 1, resumable: bool = True, first: int = 1, identity: str = "i"
) -> CellStatus:
    numbered = list(enumerate(attempts, 1))
    return survey(
        {"t/p/r1": numbered},
        [CELL],
        identity=lambda cell: identity,
        resumable=lambda cell, number: resumable,
        void_retries=retries,
        first={"t/p/r1": first},
    )[CELL]


@pytest.mark.parametrize(
    ("attempts", "state", "number"),
    [
        ((), CellState.TODO, 1),
        ((DONE,), CellState.DONE, 1),
        ((VOID,), CellState.TODO, 2),
        ((VOID, VOID), CellState.EXHAUSTED, 2),
        ((VOID, DONE), CellState.DONE, 2),
        ((INTERRUPTED, INTERRUPTED, VOID), CellState.TODO, 4),
        ((CUT,), CellState.OPEN, 1),
        ((VOID, CUT), CellState.OPEN, 2),
        ((CUT, VOID), CellState.TODO, 3),
    ],
)
def test_where_a_cell_stands(attempts: tuple[AttemptResult | None, ...], state: CellState, number: int) -> None:
    found = status(*attempts)
    assert (found.state, found.number) == (state, number)


def test_what_cannot_go_on_is_followed_by_another() -> None:
    assert status(CUT, resumable=False).number == 2


def test_another_identity_is_stale() -> None:
    assert status(DONE, identity="other").state is CellState.STALE


def test_after_a_fresh_start_neither_results_nor_voids_of_before_count() -> None:
    found = status(VOID, VOID, DONE, first=4)
    assert (found.state, found.number, found.voids) == (CellState.TODO, 4, 0)


def test_an_imported_run_is_not_the_cells_and_its_number_is_taken() -> None:
    found = status(result(imported=True))
    assert (found.state, found.number) == (CellState.TODO, 2)


def test_a_cut_off_attempt_is_found_at_a_task_whose_name_has_a_plus(tmp_path: Path) -> None:
    record = ExperimentFolder(tmp_path, "x").create()
    cell = Cell("c+lib", "p", 1)
    record.folder(cell, 1).create()
    found = survey(
        attempts_of(record),
        [cell],
        identity=lambda cell: "i",
        resumable=lambda cell, number: True,
        void_retries=1,
        first={},
    )
    assert found[cell].state is CellState.OPEN


def test_the_record_is_read_by_path_and_number(tmp_path: Path) -> None:
    record = ExperimentFolder(tmp_path, "x").create()
    for number in (10, 9):
        write_result(record.folder(CELL, number).create(), result(number=number))
    assert [number for number, _ in attempts_of(record)["t/p/r1"]] == [9, 10]


@given(st.lists(st.sampled_from([VOID, INTERRUPTED, CUT]), max_size=8), st.integers(0, 4))
def test_never_more_voids_than_allowed_are_followed_by_another(
    attempts: list[AttemptResult | None], retries: int
) -> None:
    found = status(*attempts, retries=retries, resumable=False)
    voids = sum(a is VOID for a in attempts)
    assert found.voids == voids
    assert (found.state is CellState.TODO) == (voids <= retries)
