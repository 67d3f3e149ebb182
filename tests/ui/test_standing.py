from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from support.results import Write

from ralphbench.model import Cell, Ending, Spent
from ralphbench.record import EventLog, ExperimentFolder, Journal
from ralphbench.ui import Standing, standing


@pytest.fixture
def record(tmp_path: Path) -> ExperimentFolder:
    record = ExperimentFolder(tmp_path, "x").create()
    lock = {"experiment": {"tasks": ["a", "b"], "profiles": [{"name": "p"}], "repeats": 1, "void_retries": 1}}
    record.write_lock(lock)
    return record


def journal(record: ExperimentFolder, kind: str, **data: Any) -> None:
    log = Journal(record.journal)
    log.append(kind, **data)
    log.close()


def starts(record: ExperimentFolder, cell: Cell, number: int) -> None:
    started = {"cell": str(cell), "attempt": number, "resumed": False, "plan": False}
    journal(record, "cell_started", **started, **dataclasses.asdict(cell))
    log = EventLog(record.folder(cell, number).create())
    log.append("stage_started", stage="build", iteration=2)  # type: ignore[arg-type]
    log.close()


def states(found: Standing) -> dict[str, int]:
    return {name: count for name, count in found.states.items() if count}


def test_cells_that_were_never_tried_are_to_do(record: ExperimentFolder) -> None:
    found = standing(record)
    assert (states(found), found.total, found.seconds_left()) == ({"to do": 2}, 2, None)


def test_done_is_done_and_the_rest_is_estimated(record: ExperimentFolder, write: Write) -> None:
    write("a")
    found = standing(record)
    assert states(found) == {"done": 1, "to do": 1}
    assert found.seconds_left() == pytest.approx(20.0)


def test_an_attempt_without_an_end_runs_only_where_somebody_runs_it(record: ExperimentFolder) -> None:
    journal(record, "run_started", jobs=1)
    starts(record, Cell("a", "p", 1), 1)
    assert states(standing(record)) == {"cut off": 1, "to do": 1}
    with record.owner():
        found = standing(record)
    assert states(found) == {"running": 1, "to do": 1}
    assert found.running[0].progress.iteration == 2


def test_what_an_earlier_run_left_cut_off_waits_while_another_cell_runs(record: ExperimentFolder) -> None:
    journal(record, "run_started", jobs=1)
    starts(record, Cell("a", "p", 1), 1)
    journal(record, "run_started", jobs=1)
    starts(record, Cell("b", "p", 1), 1)
    with record.owner():
        found = standing(record)
    assert states(found) == {"running": 1, "cut off": 1}
    assert [r.cell.task for r in found.running] == ["b"]


def test_a_void_attempt_is_done_again_until_it_is_void_too_often(record: ExperimentFolder, write: Write) -> None:
    write("a", number=1, ending=Ending.ENDPOINT_DOWN, verdict=None)
    assert states(standing(record)) == {"to do": 2}
    write("a", number=2, ending=Ending.INTERRUPTED, verdict=None)
    assert states(standing(record)) == {"to do": 2}, "an interruption uses up no retry"
    write("a", number=3, ending=Ending.ENDPOINT_DOWN, verdict=None)
    assert states(standing(record)) == {"void too often": 1, "to do": 1}


def test_after_a_fresh_start_the_old_attempts_do_not_count(record: ExperimentFolder, write: Write) -> None:
    write("a")
    journal(record, "fresh", first={"a/p/r1": 2, "b/p/r1": 1})
    found = standing(record)
    assert states(found) == {"to do": 2}
    assert found.spent_tokens == 120, "what they cost stays spent"


def test_an_imported_run_is_none_of_the_experiments_cells(record: ExperimentFolder, write: Write) -> None:
    write("old", imported=True)
    assert standing(record).total == 2


def test_an_unknown_cost_makes_the_sum_unknown(record: ExperimentFolder, write: Write) -> None:
    write("a")
    write("b", spent=Spent(1.0, 1, 5, 5, None))
    found = standing(record)
    assert found.spent_cost is None
    assert found.spent_tokens == 130
