from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.results import result

from ralphbench.model import Cell, codec
from ralphbench.record import AttemptFolder, EventLog, ExperimentFolder, write_result
from ralphbench.ui import view_attempt


@pytest.fixture
def folder(tmp_path: Path) -> AttemptFolder:
    made = result()
    folder = ExperimentFolder(tmp_path / "cells", "x").create().folder(made.cell, 1).create()
    log = EventLog(folder)

    def say(kind: str, **data: Any) -> None:
        log.append(kind, **data)  # type: ignore[arg-type]

    ticket = {"id": "t1", "title": "Write [one]", "state": "open"}
    say("plan_ready", tickets=[ticket], by=None)
    say("stage_ended", stage="build", iteration=1, ending="context", detail="too long", seconds=3.0)
    say("ticket", id="t1", was="open", now="open", reason="tests fail")
    say("ticket", id="t1", was="open", now="accepted", reason="fine")
    say("commit", commit="0123456789abcdef", message="accept t1: Write\n\nIteration: 1\n", what="accepted")
    say("commit", commit="fedcba9876543210", message="wip", what="wip")
    say("gate_ended", id="unit", outcome="pass", reason="exit 0", what="final")
    say("gate_ended", id="unit", outcome="fail", reason="exit 1", what="wip")
    say("warning", text="look out")
    say("fault", ending="endpoint_down")
    log.close()
    write_result(folder, made)
    return folder


def test_the_timeline_tells_what_happened_in_order(folder: AttemptFolder) -> None:
    view = view_attempt(folder)
    assert [(s.what, s.detail, s.fault) for s in view.steps] == [
        ("plan", "1 tickets, by itself", False),
        ("build (iteration 1)", "context: too long", True),
        ("ticket t1", "rejected: tests fail", True),
        ("ticket t1", "accepted: fine", False),
        ("commit", "0123456789 accept t1: Write", False),
        ("commit (of the work that was cut off)", "fedcba9876 wip", False),
        ("gate unit", "pass: exit 0", False),
        ("gate unit (of the work that was cut off)", "fail: exit 1", False),
        ("fault", "endpoint_down: ?", True),
    ]
    assert view.warnings == ["look out"]


@pytest.mark.parametrize(
    ("paths", "told", "shown"),
    [
        (["a", "b"], {"count": 2}, "verify had changed a, b"),
        (["a"] * 50, {"count": 20000}, "verify had changed " + ", ".join(["a"] * 50) + " and 19950 more"),
        (["a"] * 60, {}, "verify had changed " + ", ".join(["a"] * 50) + " and 10 more"),
    ],
    ids=["few", "many", "all in the record"],
)
def test_of_many_restored_paths_the_first_are_shown_and_the_others_counted(
    folder: AttemptFolder, paths: list[str], told: dict[str, int], shown: str
) -> None:
    log = EventLog(folder)
    log.append("tree_restored", stage="verify", iteration=1, paths=paths, ignored=0, **told)  # type: ignore[arg-type]
    log.close()
    (step,) = (s for s in view_attempt(folder).steps if s.what == "tree restored")
    assert step.detail == shown


def test_tickets_count_their_tries(folder: AttemptFolder) -> None:
    (ticket,) = view_attempt(folder).tickets.values()
    assert (ticket.title, ticket.state, ticket.tries, ticket.reason) == ("Write [one]", "accepted", 2, "fine")


def test_the_title_is_the_cells_wherever_the_results_lie(folder: AttemptFolder) -> None:
    assert view_attempt(folder).title == "t / p / r1 / a1"


def test_a_torn_record_is_shown_with_what_is_damaged(folder: AttemptFolder) -> None:
    folder.events.write_bytes(folder.events.read_bytes()[:-5])
    view = view_attempt(folder)
    assert len(view.steps) == 8
    assert any("events.jsonl" in str(d.path) for d in view.damages)


def test_as_json_it_can_be_written(folder: AttemptFolder) -> None:
    document = json.loads(codec.dumps(view_attempt(folder).as_dict()))
    assert document["result"]["ending"] == "completed"
    assert document["warnings"] == ["look out"]


def test_limits_of_its_own_are_told_and_so_are_those_of_others(folder: AttemptFolder) -> None:
    assert view_attempt(folder).unequal_limits == ()
    record = ExperimentFolder(folder.path.parents[5], "x")
    record.write_lock({"experiment": {"unequal_limits": {"other": {"iterations": 9}}}})
    assert view_attempt(folder).unequal_limits == ("other",)
    own = record.folder(Cell("t", "p", 2), 1).create()
    write_result(own, result(repeat=2, extra={"mode": "full", "unequal_limits": True}))
    assert view_attempt(own).unequal_limits == ("other", "p")
