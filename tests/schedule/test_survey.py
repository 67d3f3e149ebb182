from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.results import result

from ralphbench.model import AttemptResult, Cell, Ending
from ralphbench.record import ExperimentFolder, Journal, write_result
from ralphbench.schedule import CellState, CellStatus
from ralphbench.schedule.scheduler import Scheduler
from ralphbench.schedule.survey import CutOff, attempts_of, survey

CELL = Cell("t", "p", 1)
DONE, VOID, CUT = result(), result(ending=Ending.ENDPOINT_DOWN, verdict=None), None
INTERRUPTED = result(ending=Ending.INTERRUPTED, verdict=None)


def status(
    *attempts: AttemptResult | None, what: CutOff = CutOff.GOES_ON, first: int = 1, identity: str = "i"
) -> CellStatus:
    numbered = list(enumerate(attempts, 1))
    return survey(
        {"t/p/r1": numbered},
        [CELL],
        identity=lambda cell: identity,
        cut_off=lambda cell, number: what,
        first={"t/p/r1": first},
    )[CELL]


@pytest.mark.parametrize(
    ("attempts", "state", "number"),
    [
        ((), CellState.TODO, 1),
        ((DONE,), CellState.DONE, 1),
        ((VOID,), CellState.TODO, 2),
        ((VOID, VOID, VOID, VOID), CellState.TODO, 5),
        ((VOID, DONE), CellState.DONE, 2),
        ((INTERRUPTED, VOID, INTERRUPTED), CellState.TODO, 4),
        ((CUT,), CellState.OPEN, 1),
        ((VOID, CUT), CellState.OPEN, 2),
        ((CUT, VOID), CellState.TODO, 3),
    ],
)
def test_where_a_cell_stands(attempts: tuple[AttemptResult | None, ...], state: CellState, number: int) -> None:
    found = status(*attempts)
    assert (found.state, found.number) == (state, number)


def test_what_cannot_go_on_is_followed_by_another() -> None:
    assert status(CUT, what=CutOff.LOST).number == 2


def test_another_identity_is_stale() -> None:
    assert status(DONE, identity="other").state is CellState.STALE


def test_what_was_begun_under_another_identity_is_stale_too() -> None:
    found = status(VOID, CUT, what=CutOff.CHANGED)
    assert (found.state, found.number, found.result) == (CellState.STALE, 2, None)
    assert status(DONE, CUT, what=CutOff.CHANGED).state is CellState.DONE, "what it would be is done already"


def test_after_a_fresh_start_no_result_of_before_counts() -> None:
    found = status(VOID, VOID, DONE, first=4)
    assert (found.state, found.number) == (CellState.TODO, 4)


@pytest.mark.parametrize(
    ("attempts", "state", "number"),
    [
        (("i", "other"), CellState.DONE, 1),
        (("i", "other", "i", "other"), CellState.DONE, 3),
        (("older", "other"), CellState.STALE, 2),
        (("i", None), CellState.DONE, 1),
        (("other", None), CellState.OPEN, 2),
    ],
)
def test_an_earlier_attempt_of_todays_identity_stands_for_the_cell(
    attempts: tuple[str | None, ...], state: CellState, number: int
) -> None:
    found = status(*(None if identity is None else result(identity=identity) for identity in attempts))
    assert (found.state, found.number) == (state, number)


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
        cut_off=lambda cell, number: CutOff.GOES_ON,
        first={},
    )
    assert found[cell].state is CellState.OPEN


def test_the_record_is_read_by_path_and_number(tmp_path: Path) -> None:
    record = ExperimentFolder(tmp_path, "x").create()
    for number in (10, 9):
        write_result(record.folder(CELL, number).create(), result(number=number))
    assert [number for number, _ in attempts_of(record)["t/p/r1"]] == [9, 10]


class Requeuing:
    """A scheduler of one cell, told of one attempt's end after another."""

    def __init__(self, retries: int, folder: Path) -> None:
        unused: Any = None
        self.scheduler = Scheduler(
            queue=deque(), jobs=1, void_retries=retries, journal=Journal(folder / "journal.jsonl"),
            gateway=unused, make_spec=unused, finish_dead=unused, listener=unused, stop=unused, control=folder,
            check_disk=unused,
        )  # fmt: skip

    def ended(self, result: AttemptResult) -> bool:
        """Whether another attempt follows."""
        trial: Any = SimpleNamespace(cell=CELL, spec=SimpleNamespace(mode="full"))
        self.scheduler._requeue_void(trial, result)
        return bool(self.scheduler.queue and self.scheduler.queue.pop())


@given(st.lists(st.sampled_from([VOID, INTERRUPTED]), min_size=1, max_size=8), st.integers(0, 4))
def test_a_run_follows_no_more_voids_than_allowed_by_another(attempts: list[AttemptResult], retries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Requeuing(retries, Path(folder))
        voids = 0
        for attempt in attempts:
            voids += attempt is VOID
            assert run.ended(attempt) == (voids <= retries), "an interruption uses up no retry"
            if voids > retries:
                break
        assert run.scheduler.exhausted == ([CELL] if voids > retries else [])
        run.scheduler.journal.close()
