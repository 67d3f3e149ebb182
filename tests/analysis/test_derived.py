"""What was derived from results is read in their place, and never where it says something else than they do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from support.drawn import Placed, placed_results, write_all
from support.results import Write, result, verdict

from ralphbench.analysis import Frames, load
from ralphbench.analysis import derived as derived_module
from ralphbench.analysis import frames as frames_module
from ralphbench.analysis import stamp as stamp_module
from ralphbench.errors import RecordError
from ralphbench.model import Cell, codec
from ralphbench.record import ExperimentFolder, Journal, Listing

NAMES = ("attempts", "stages", "endings", "gates")
Ways = Callable[..., tuple[Frames, bool]]


@pytest.fixture
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something is derived of the smallest experiment."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(frames_module, "FROM", 1)


@pytest.fixture
def record(tmp_path: Path, write: Write, any_size: None) -> ExperimentFolder:
    """Three results, and a run that came to its end."""
    for repeat in (1, 2, 3):
        write("a", repeat=repeat)
    write("a", plans=True, verdict=None)
    found = ExperimentFolder(tmp_path, "x")
    entry(found, "run_started")
    entry(found, "run_ended")
    return found


def entry(record: ExperimentFolder, kind: str) -> None:
    journal = Journal(record.journal)
    journal.append(kind)
    journal.close()


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    """Load an experiment; whether its results were looked at."""
    real, looked = frames_module.read_listed, list[bool]()

    def watched(listings: Any) -> Any:
        looked.append(True)
        return real(listings)

    def way(record: ExperimentFolder, **options: Any) -> tuple[Frames, bool]:
        looked.clear()
        found = load([record.path], **options)
        return found, bool(looked)

    monkeypatch.setattr(frames_module, "read_listed", watched)
    return way


def same(one: Frames, two: Frames) -> None:
    for name in NAMES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    assert one.damages == two.damages


def settled(record: ExperimentFolder, ways: Ways) -> None:
    """Derived, and read in place of the results."""
    assert ways(record)[1]
    assert not ways(record)[1]


def read_anew(record: ExperimentFolder, ways: Ways) -> None:
    """Not what was derived is used, but the results; and then what is derived from them now."""
    found, looked = ways(record)
    assert looked
    same(found, load([record.path], derive=False))
    again, looked = ways(record)
    assert not looked
    same(found, again)


def never_derived(record: ExperimentFolder, ways: Ways) -> None:
    for _ in range(2):
        found, looked = ways(record)
        assert looked
        same(found, load([record.path], derive=False))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(placed_results())
def test_what_is_derived_is_equal_to_the_frames_of_the_results(
    tmp_path_factory: pytest.TempPathFactory, any_size: None, ways: Ways, placed: Placed
) -> None:
    record = write_all(tmp_path_factory.mktemp("drawn"), placed)
    plain = load([record.path], derive=False)
    assert not record.derived.exists()
    first, looked = ways(record)
    assert looked
    second, looked = ways(record)
    assert not looked
    same(plain, first)
    same(plain, second)


def test_it_is_read_in_place_of_the_results(record: ExperimentFolder, ways: Ways) -> None:
    settled(record, ways)
    assert sorted(path.name for path in record.derived.iterdir()) == [
        "attempts.parquet", "endings.parquet", "gates.parquet", "stages.parquet", "stamp.json",
    ]  # fmt: skip
    found, _ = ways(record)
    found.attempts.loc[0, "cost"] = 7.0  # like any other frame


def test_nothing_is_derived_of_a_small_experiment(
    record: ExperimentFolder, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames_module, "FROM", 5)
    never_derived(record, ways)
    assert not record.derived.exists()


# Results that come and go


def test_a_new_result_is_seen(record: ExperimentFolder, ways: Ways, write: Write) -> None:
    settled(record, ways)
    write("a", repeat=4)
    read_anew(record, ways)


def test_a_further_attempt_at_an_old_cell_is_seen(record: ExperimentFolder, ways: Ways, write: Write) -> None:
    settled(record, ways)
    write("a", repeat=2, number=2, verdict=verdict(False))
    found, looked = ways(record)
    assert looked
    assert found.attempts.query("kind == 'cell' and repeat == 2")["counts"].tolist() == [False, True]


def test_a_further_plan_is_seen(record: ExperimentFolder, ways: Ways, write: Write) -> None:
    settled(record, ways)
    write("a", number=2, plans=True)
    read_anew(record, ways)


def test_an_imported_run_beside_an_old_one_is_seen(record: ExperimentFolder, ways: Ways, write: Write) -> None:
    settled(record, ways)
    write("a", repeat=3, number=2, imported=True, verdict=None, extra={"run_id": "1"})
    read_anew(record, ways)


@pytest.mark.parametrize(
    "change",
    [
        lambda cells, plans: (cells / "a/p/r3").rename(cells / "a/p/r4"),
        lambda cells, plans: shutil.rmtree(cells / "a/p/r1"),
        lambda cells, plans: shutil.copytree(cells / "a", cells / "b"),
        lambda cells, plans: shutil.rmtree(cells),
        lambda cells, plans: shutil.rmtree(plans),
    ],
    ids=["renamed", "removed", "copied", "all removed", "plans removed"],
)
def test_what_a_hand_does_to_cells_is_seen(
    record: ExperimentFolder, ways: Ways, change: Callable[[Path, Path], object]
) -> None:
    settled(record, ways)
    change(record.cells_path, record.plans().cells_path)
    found, looked = ways(record)
    assert looked
    same(found, load([record.path], derive=False))


def test_a_result_that_comes_into_the_folder_of_an_attempt_is_seen_whoever_wrote_it(
    record: ExperimentFolder, ways: Ways
) -> None:
    _, begun = record.new_attempt(Cell("a", "p", 3))
    settled(record, ways)
    begun.result.write_bytes(codec.dumps(result("a", repeat=3, number=2)))
    read_anew(record, ways)


@pytest.mark.parametrize("another", [False, True], ids=["alone", "beside another that derives"])
def test_a_result_that_is_committed_while_the_others_are_read_is_not_lost(
    record: ExperimentFolder, ways: Ways, write: Write, monkeypatch: pytest.MonkeyPatch, another: bool
) -> None:
    real = frames_module.read_listed

    def meanwhile(listings: Any) -> Any:
        found = real(listings)
        write("a", repeat=1, number=2)
        if another:
            record.derived.mkdir()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(frames_module, "read_listed", meanwhile)
        assert len(load([record.path]).attempts) == 4
    assert not (record.derived / "stamp.json").exists()
    found, looked = ways(record)
    assert looked
    assert len(found.attempts) == 5


def test_what_a_hand_took_out_of_a_repeat_is_seen_on_request(
    record: ExperimentFolder, ways: Ways, write: Write
) -> None:
    write("a", repeat=2, number=2)
    settled(record, ways)
    shutil.rmtree(record.folder(Cell("a", "p", 2), 2).path)
    found, looked = ways(record, rebuild=True)
    assert looked
    assert len(found.attempts) == 4
    again, looked = ways(record)
    assert not looked
    same(found, again)


# Runs that go on, or were killed


def test_while_a_run_goes_on_the_results_are_read(record: ExperimentFolder, ways: Ways) -> None:
    settled(record, ways)
    with record.owner():
        never_derived(record, ways)
    assert not ways(record)[1]


def test_nothing_is_derived_while_a_run_goes_on(record: ExperimentFolder, ways: Ways) -> None:
    with record.owner():
        never_derived(record, ways)
        assert not record.derived.exists()


@pytest.mark.parametrize("kind", ["run_started", "cell_started", "cell_ended"])
def test_after_a_run_that_was_killed_the_results_are_read_until_one_has_ended(
    record: ExperimentFolder, ways: Ways, kind: str
) -> None:
    settled(record, ways)
    entry(record, kind)
    never_derived(record, ways)
    entry(record, "run_ended")
    read_anew(record, ways)


def test_a_run_that_ended_since_makes_the_results_be_read(record: ExperimentFolder, ways: Ways) -> None:
    settled(record, ways)
    entry(record, "run_ended")
    read_anew(record, ways)


@pytest.mark.parametrize("end", [b"", b'{"n": 2, "kind": "run_en', b"\n", b"null\n", b"[]\n", b"{\n"])
def test_a_journal_that_is_empty_or_torn_is_no_end(record: ExperimentFolder, ways: Ways, end: bytes) -> None:
    settled(record, ways)
    record.journal.write_bytes(record.journal.read_bytes() + end if end else b"")
    never_derived(record, ways)


def test_a_journal_of_the_same_size_is_not_the_same_journal(record: ExperimentFolder, ways: Ways) -> None:
    settled(record, ways)
    first, second = record.journal.read_bytes().split(b"\n")[:2]
    other = first.replace(b"run_started", b"run_stopped") + b"\n" + second + b"\n"
    assert len(other) == record.journal.stat().st_size
    record.journal.write_bytes(other)
    read_anew(record, ways)


def test_imported_runs_have_no_journal(record: ExperimentFolder, ways: Ways) -> None:
    record.journal.unlink()
    settled(record, ways)


def test_a_run_that_begins_while_the_results_are_read_keeps_them_from_being_derived(
    record: ExperimentFolder, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = frames_module.read_listed

    def meanwhile(listings: Any) -> Any:
        entry(record, "run_started")
        entry(record, "run_ended")
        return real(listings)

    with monkeypatch.context() as patched:
        patched.setattr(frames_module, "read_listed", meanwhile)
        load([record.path])
    assert list(record.derived.iterdir()) == []
    read_anew(record, ways)


# What is derived is torn, of another making, or cannot be


@pytest.mark.parametrize("name", [*(f"{name}.parquet" for name in NAMES), "stamp.json"])
@pytest.mark.parametrize("how", ["cut", "turned", "zeros", "gone"])
def test_a_torn_file_is_not_used_and_made_anew(record: ExperimentFolder, ways: Ways, name: str, how: str) -> None:
    settled(record, ways)
    path = record.derived / name
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        half = len(data) // 2
        turned = data[:half] + bytes([data[half] ^ 1]) + data[half + 1 :]
        path.write_bytes({"cut": data[:half], "turned": turned, "zeros": bytes(len(data))}[how])
    read_anew(record, ways)


def test_files_of_two_makings_are_not_used(record: ExperimentFolder, ways: Ways, write: Write) -> None:
    settled(record, ways)
    old = (record.derived / "attempts.parquet").read_bytes()
    write("a", repeat=1, number=2)
    settled(record, ways)
    (record.derived / "attempts.parquet").write_bytes(old)
    read_anew(record, ways)


@pytest.mark.parametrize(("module", "name"), [("stamp", "FORM"), ("stamp", "RECORD_VERSION"), ("stamp", "__version__")])
def test_what_another_version_derived_is_not_used(
    record: ExperimentFolder, ways: Ways, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    settled(record, ways)
    monkeypatch.setattr(stamp_module, name, 99)
    read_anew(record, ways)


def test_what_was_derived_with_other_columns_is_not_used(
    record: ExperimentFolder, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(record, ways)
    monkeypatch.setattr(stamp_module, "GATES", {**stamp_module.GATES, "colour": "str"})
    assert ways(record)[1]


def test_a_folder_that_cannot_be_written_is_no_matter(record: ExperimentFolder, ways: Ways) -> None:
    record.derived.write_text("not a folder")
    never_derived(record, ways)
    assert record.derived.read_text() == "not a folder"


def test_a_disk_that_fills_up_is_no_matter(
    record: ExperimentFolder, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ralphbench.record.disk.write_all", full)
    never_derived(record, ways)
    assert list(record.derived.iterdir()) == []


def test_without_pyarrow_the_results_are_read(
    record: ExperimentFolder, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(record, ways)
    before = sorted(record.derived.iterdir())
    monkeypatch.setattr(derived_module, "_pyarrow", lambda: None)
    never_derived(record, ways)
    assert sorted(record.derived.iterdir()) == before


def test_a_record_of_another_version_leaves_no_mark(record: ExperimentFolder) -> None:
    record.folder(Cell("a", "p", 1), 1).result.write_bytes(codec.dumps(replace(result("a"), version=7)))
    with pytest.raises(RecordError, match="version 7"):
        load([record.path])
    assert list(record.derived.iterdir()) == []


def test_marks_of_processes_that_were_killed_are_removed_and_those_of_living_ones_stay(
    record: ExperimentFolder, ways: Ways
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    record.derived.mkdir()
    dead, living = (record.derived / f".deriving-{pid}-00" for pid in (process.pid, os.getppid()))
    dead.touch()
    living.touch()
    settled(record, ways)
    assert (dead.exists(), living.exists()) == (False, True)


def test_two_that_derive_at_once_do_not_disturb_each_other(
    record: ExperimentFolder, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = frames_module.read_listed

    def meanwhile(listings: Any) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(frames_module, "read_listed", real)
            load([record.path], rebuild=True)
        return real(listings)

    with monkeypatch.context() as patched:
        patched.setattr(frames_module, "read_listed", meanwhile)
        first = load([record.path])
    found, looked = ways(record)
    assert not looked
    same(first, found)


# What is wrong with the record


def test_damages_are_named_each_time_wherever_the_record_lies_now(record: ExperimentFolder, ways: Ways) -> None:
    torn = record.folder(Cell("a", "p", 2), 1).result
    torn.write_bytes(b"{")
    settled(record, ways)
    elsewhere = record.path.rename(record.path.with_name("moved"))
    found, looked = ways(ExperimentFolder(elsewhere.parent, "moved"))
    assert not looked
    (damage,) = found.damages
    assert damage.path == elsewhere / "cells/a/p/r2/a1/result.json"
    assert damage.moved_to == elsewhere / "cells/a/p/r2/a1/result.json.damaged-1"
    damage.moved_to.unlink()
    assert ways(ExperimentFolder(elsewhere.parent, "moved"))[1]


def test_nothing_is_derived_where_a_result_lies_that_does_not_belong_there(
    record: ExperimentFolder, ways: Ways
) -> None:
    copied = record.folder(Cell("a", "q", 1), 1).create()
    copied.result.write_bytes(record.folder(Cell("a", "p", 1), 1).result.read_bytes())
    never_derived(record, ways)


def test_the_stamp_can_be_read_by_people(record: ExperimentFolder) -> None:
    load([record.path])
    stamp = json.loads((record.derived / "stamp.json").read_text())
    assert sorted(stamp) == ["damages", "files", "state", "uncommitted"]
    assert stamp["state"]["cells"] == record.listing().digest() != Listing(()).digest()
