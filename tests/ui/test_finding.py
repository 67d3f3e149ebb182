from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.results import Write

from ralphbench.errors import UnknownName, UsageError
from ralphbench.model import Ending
from ralphbench.record import ExperimentFolder
from ralphbench.ui import experiment_record, find_attempts


def test_attempts_are_found_by_what_was_asked(tmp_path: Path, write: Write) -> None:
    for number in (1, 2):
        write("a", number=number)
    write("b", repeat=2)
    found = [f.path.relative_to(tmp_path).as_posix() for f in find_attempts(tmp_path, "x", "p")]
    assert found == ["x/cells/a/p/r1/a2", "x/cells/b/p/r2/a1"]
    (one,) = find_attempts(tmp_path, "x", "p", ("a",), attempt=1)
    assert one.path.name == "a1"


def test_the_latest_that_counts_is_neither_void_nor_unfinished(tmp_path: Path, write: Write) -> None:
    write("a", number=1, ending=Ending.ENDPOINT_DOWN, verdict=None)
    with pytest.raises(UsageError, match="a1: void, endpoint_down"):
        find_attempts(tmp_path, "x", "p", counting=True)
    made = write("a", number=2)
    write("a", number=3, ending=Ending.DISK, verdict=None)
    ExperimentFolder(tmp_path, "x").folder(made.cell, 4).create()
    (latest,) = find_attempts(tmp_path, "x", "p")
    (counts,) = find_attempts(tmp_path, "x", "p", counting=True)
    (asked,) = find_attempts(tmp_path, "x", "p", attempt=3, counting=True)
    assert [f.path.name for f in (latest, counts, asked)] == ["a4", "a2", "a3"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("y", "p"), "'y'"),
        (("x", "q"), "known: p"),
        (("x", "p", ("c",)), "task"),
        (("x", "p", ("a",), 7), "repeat"),
        (("x", "p", ("a",), 1, 9), "attempt"),
    ],
)
def test_what_has_no_record_is_named(tmp_path: Path, write: Write, arguments: tuple[Any, ...], said: str) -> None:
    write("a")
    with pytest.raises(UnknownName) as raised:
        find_attempts(tmp_path, *arguments)
    assert said in str(raised.value)


def test_an_experiment_is_found_by_the_start_of_its_name_or_by_path(tmp_path: Path, write: Write) -> None:
    write("a", experiment="002-local")
    assert experiment_record(tmp_path, "002").name == "002-local"
    write("a", experiment="002-local.smoke")
    assert experiment_record(tmp_path, "002").name == "002-local", "a smoke run is meant only where it is named"
    assert experiment_record(tmp_path, "002-local.smoke").name == "002-local.smoke"
    assert experiment_record(tmp_path / "elsewhere", str(tmp_path / "002-local")).path == tmp_path / "002-local"
