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
    record.write_lock({"experiment": LOCK})
    return record


LOCK = {
    "tasks": ["a", "b"],
    "profiles": [{"name": "p"}],
    "repeats": 1,
    "void_retries": 1,
    "limits": {"wall_time": 100.0},
    "unequal_limits": {},
}


def journal(record: ExperimentFolder, kind: str, **data: Any) -> None:
    log = Journal(record.journal)
    log.append(kind, **data)
    log.close()


def starts(record: ExperimentFolder, cell: Cell, number: int, *, plan: bool = False) -> None:
    started = {"cell": str(cell), "attempt": number, "resumed": False, "plan": plan}
    journal(record, "cell_started", **started, **dataclasses.asdict(cell))
    log = EventLog((record.plans() if plan else record).folder(cell, number).create())
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


def test_a_void_attempt_is_done_again_until_the_run_gives_it_up_and_the_next_run_tries_again(
    record: ExperimentFolder, write: Write
) -> None:
    journal(record, "run_started", jobs=1)
    write("a", number=1, ending=Ending.ENDPOINT_DOWN, verdict=None)
    assert states(standing(record)) == {"to do": 2}
    write("a", number=2, ending=Ending.ENDPOINT_DOWN, verdict=None)
    journal(record, "cell_exhausted", cell="a × p r1", path="a/p/r1", plan=False, voids=2)
    assert states(standing(record)) == {"void too often": 1, "to do": 1}
    journal(record, "run_started", jobs=1)
    assert states(standing(record)) == {"to do": 2}
    write("a", number=3)
    assert states(standing(record)) == {"done": 1, "to do": 1}


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


def test_a_plan_for_all_that_is_being_made_runs_and_is_no_cell(record: ExperimentFolder) -> None:
    journal(record, "run_started", jobs=1)
    starts(record, Cell("a", "p", 1), 1, plan=True)
    with record.owner():
        found = standing(record)
    assert states(found) == {"to do": 2}
    (running,) = found.running
    assert (running.cell.task, running.plan, running.progress.stage) == ("a", True, "build")
    journal(record, "cell_ended", cell=str(Cell("a", "p", 1)), attempt=1)
    with record.owner():
        assert standing(record).running == []


def test_what_a_plan_for_all_cost_is_spent(record: ExperimentFolder, write: Write) -> None:
    write("a", plans=True)
    found = standing(record)
    assert (found.spent_seconds, found.spent_tokens, found.spent_cost) == (20.0, 120, 0.5)
    assert (found.mean_seconds, found.last) == (None, [])


def test_before_a_cell_has_ended_the_limits_bound_what_is_left(record: ExperimentFolder, write: Write) -> None:
    assert standing(record).most_seconds == 200.0
    record.write_lock({"experiment": {**LOCK, "unequal_limits": {"p": {"wall_time": 30.0}}}})
    assert standing(record).most_seconds == 60.0
    write("a")
    assert standing(record).most_seconds == 30.0
    record.write_lock({"experiment": {key: value for key, value in LOCK.items() if key != "limits"}})
    assert standing(record).most_seconds is None


def test_limits_of_their_own_are_named(record: ExperimentFolder, write: Write) -> None:
    assert standing(record).unequal_limits == ()
    record.write_lock({"experiment": {**LOCK, "unequal_limits": {"p": {"wall_time": 30.0}}}})
    write("a", profile="q", extra={"unequal_limits": True})
    assert standing(record).unequal_limits == ("p", "q")
