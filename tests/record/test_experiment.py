"""An experiment's folder: what is there is found by looking, whatever else lies there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ralphbench.errors import RecordError
from ralphbench.model import AttemptResult, Cell, codec
from ralphbench.record import AttemptFolder, ExperimentFolder, Quarantine, read_result, write_result


@pytest.fixture
def experiment(tmp_path: Path) -> ExperimentFolder:
    return ExperimentFolder(tmp_path / "results", "001-x")


def _commit(experiment: ExperimentFolder, result: AttemptResult, cell: Cell, number: int = 1) -> AttemptFolder:
    folder = experiment.folder(cell, number).create()
    write_result(folder, replace(result, cell=cell, number=number))
    return folder


def test_nothing_is_there_before_the_first_run(experiment: ExperimentFolder) -> None:
    cell = Cell("heap", "opus", 1)
    assert list(experiment.cells()) == []
    assert list(experiment.summaries()) == []
    assert experiment.attempts(cell) == ()
    assert not experiment.path.exists()


def test_attempts_are_numbered_one_after_another(experiment: ExperimentFolder) -> None:
    cell = Cell("heap/rename", "opus", 2)
    made = [experiment.new_attempt(cell) for _ in range(11)]
    assert [number for number, _ in made] == list(range(1, 12))
    assert experiment.attempts(cell) == tuple(range(1, 12))
    assert made[-1][1] == experiment.folder(cell, 11)
    assert made[0][1].path == experiment.path / "cells" / "heap+rename" / "opus" / "r2" / "a1"
    assert list(experiment.cells()) == [cell]


def test_summaries_say_what_is_committed(experiment: ExperimentFolder, result: AttemptResult) -> None:
    one, two = Cell("heap/rename", "opus", 1), Cell("heap/rename", "opus", 2)
    _commit(experiment, result, one, 1)
    experiment.folder(one, 2).create()
    _commit(experiment, result, two, 1)
    assert list(experiment.summaries()) == [
        (one, 1, replace(result, cell=one, number=1), ()),
        (one, 2, None, ()),
        (two, 1, replace(result, cell=two, number=1), ()),
    ]


def test_other_things_that_lie_there_are_no_cells(experiment: ExperimentFolder, result: AttemptResult) -> None:
    cell = Cell("heap", "opus", 1)
    folder = _commit(experiment, result, cell).path
    for other in ("a01", "a0", "a", "a1.bak", "b1", "a٢"):
        (folder.parent / other).mkdir()
    (folder.parent / "a3").write_text("a file")
    (folder.parent.parent / "r0").mkdir()
    (experiment.cells_path / ".DS_Store").mkdir()
    (experiment.cells_path / "README").write_text("a file")
    assert [(c, n) for c, n, _, _ in experiment.summaries()] == [(cell, 1)]
    assert experiment.new_attempt(Cell("other", "opus", 1))[0] == 1


def test_an_attempts_name_makes_no_attempt(experiment: ExperimentFolder, result: AttemptResult) -> None:
    cell = Cell("heap", "opus", 1)
    profile = _commit(experiment, result, cell).path.parent.parent
    (profile / "r2").write_text("a file in place of a repeat")
    for repeat in ("r3", "r4"):
        (profile / repeat).mkdir()
    (profile / "r3" / "a1").write_text("a file in place of an attempt")
    (profile / "r4" / "a1").symlink_to("nowhere")
    assert [(c, n) for c, n, _, _ in experiment.summaries()] == [(cell, 1)]
    assert [c.repeat for c in experiment.cells()] == [1, 3, 4]
    assert experiment.attempts(Cell("heap", "opus", 3)) == ()


def test_an_attempts_folder_that_lies_elsewhere_counts_where_it_is_linked(
    experiment: ExperimentFolder, result: AttemptResult, tmp_path: Path
) -> None:
    cell = Cell("heap", "opus", 1)
    folder = _commit(experiment, result, cell).path
    folder.rename(tmp_path / "kept")
    folder.symlink_to(tmp_path / "kept")
    assert [(c, n, found is not None) for c, n, found, _ in experiment.summaries()] == [(cell, 1, True)]


def test_the_digest_of_a_listing_changes_with_the_names_in_it(
    experiment: ExperimentFolder, result: AttemptResult
) -> None:
    seen = {experiment.listing().digest()}
    for cell in (Cell("a", "bc", 1), Cell("ab", "c", 1), Cell("ab", "c", 2), Cell("ab", "c", 12), Cell("ab", "d", 3)):
        _commit(experiment, result, cell)
        assert experiment.listing().digest() == experiment.listing().digest()
        seen.add(experiment.listing().digest())
    assert len(seen) == 6


def test_a_task_with_a_plus_in_its_name_is_found_by_its_result(
    experiment: ExperimentFolder, result: AttemptResult
) -> None:
    cell = Cell("c++", "opus", 1)
    _commit(experiment, result, cell)
    assert [c for c, _, _, _ in experiment.summaries()] == [cell]


def test_a_torn_result_counts_as_not_committed_and_is_named_each_time(
    experiment: ExperimentFolder, result: AttemptResult
) -> None:
    folder = _commit(experiment, result, Cell("heap", "opus", 1))
    folder.result.write_bytes(folder.result.read_bytes()[:100])
    for _ in range(3):
        ((_, number, found, damages),) = experiment.summaries()
        assert (number, found) == (1, None)
        assert [damage.moved_to for damage in damages] == [folder.path / "result.json.damaged-1"]


def test_a_result_that_was_copied_elsewhere_is_named_and_not_counted(
    experiment: ExperimentFolder, result: AttemptResult
) -> None:
    folder = _commit(experiment, result, Cell("heap", "opus", 1))
    copy = experiment.folder(Cell("heap", "sonnet", 1), 1).create()
    copy.result.write_bytes(folder.result.read_bytes())
    found = {cell.profile: (result is not None, len(damages)) for cell, _, result, damages in experiment.summaries()}
    assert found == {"opus": (True, 0), "sonnet": (False, 1)}
    assert copy.result.exists()


def test_a_record_of_another_version_stops_the_reading(experiment: ExperimentFolder, result: AttemptResult) -> None:
    folder = _commit(experiment, result, Cell("heap", "opus", 1))
    folder.result.write_bytes(codec.dumps(replace(result, version=7)))
    with pytest.raises(RecordError, match="version 7"):
        list(experiment.summaries())


def test_plans_are_kept_apart_from_cells(experiment: ExperimentFolder, result: AttemptResult) -> None:
    _commit(experiment.plans(), result, Cell("heap", "opus", 1))
    assert list(experiment.cells()) == []
    assert len(list(experiment.plans().summaries())) == 1
    assert experiment.plans().journal == experiment.journal


def test_ten_thousand_finished_cells_are_found(experiment: ExperimentFolder, result: AttemptResult) -> None:
    cells = [Cell(f"t{t}", f"p{p}", r) for t in range(10) for p in range(10) for r in range(1, 101)]
    for cell in cells:
        path = experiment.folder(cell, 1).path
        path.mkdir(parents=True)
        (path / "result.json").write_bytes(codec.dumps(replace(result, cell=cell)))
    seen = Quarantine()
    assert sum(found is not None for _, _, found, _ in experiment.summaries()) == 10_000
    assert set(experiment.cells()) == set(cells)
    assert read_result(experiment.folder(cells[-1], 1), seen) == replace(result, cell=cells[-1])
    assert not len(seen)
