"""Whatever is torn, wherever in an attempt's record: the check names it, and does not fall over it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ralphbench.errors import RecordError
from ralphbench.model import EventKind
from ralphbench.record import (
    AttemptFolder,
    CallLog,
    EventLog,
    ExperimentFolder,
    Journal,
    check_attempt,
    check_top,
    read_result,
    require_whole,
)

EVERYTHING = [
    "trial.json",
    "manifest.json",
    "events.jsonl",
    "calls.jsonl",
    "bodies/index.jsonl",
    "bodies/segment-000.bin",
    "prompts/1-build-1.md",
    "agent/1-build-1.jsonl",
    "grading/unit.log",
    "plan.yaml",
    "shared-plan.yaml",
    "trial.log",
    "commits.bundle",
    "final.patch",
    "wip.patch",
    "checksums.json",
    "result.json",
]


def test_nothing_is_damaged_in_a_whole_record(attempt: AttemptFolder) -> None:
    files = sorted(path.relative_to(attempt.path).as_posix() for path in attempt.path.rglob("*") if path.is_file())
    assert files == sorted(EVERYTHING)
    assert check_attempt(attempt) == ()


def test_nothing_is_damaged_in_an_attempt_that_has_only_begun(tmp_path: Path) -> None:
    assert check_attempt(AttemptFolder(tmp_path / "a1").create()) == ()
    assert check_attempt(AttemptFolder(tmp_path / "a2")) == ()


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def _overwrite(path: Path) -> None:
    """As after a power cut: the right length, and zeros."""
    path.write_bytes(b"\0" * path.stat().st_size)


def _into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: list[Callable[[Path], None]] = [_halve, _shorten, _overwrite, _into_folder]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", EVERYTHING)
def test_damage_in_every_place_is_named_now_and_later(
    attempt: AttemptFolder, name: str, damage: Callable[[Path], None]
) -> None:
    path = attempt.path / name
    damage(path)
    committed = name != "result.json"
    assert path in {found.path for found in check_attempt(attempt)}
    assert check_attempt(attempt), "what was set aside is named again"
    assert (read_result(attempt) is not None) is committed


def test_a_settled_file_that_is_gone_is_named(attempt: AttemptFolder) -> None:
    attempt.bundle.unlink()
    assert [damage.path for damage in check_attempt(attempt)] == [attempt.bundle]


def test_sums_that_are_gone_are_named(attempt: AttemptFolder) -> None:
    attempt.checksums.unlink()
    assert [damage.path for damage in check_attempt(attempt)] == [attempt.checksums]


def test_who_relies_on_a_file_is_told_that_it_is_another_one_now(attempt: AttemptFolder) -> None:
    require_whole(attempt, attempt.bundle, attempt.shared_plan, attempt.path / "never-there")
    attempt.shared_plan.write_text("tickets: [another plan]\n")
    require_whole(attempt, attempt.bundle)
    with pytest.raises(RecordError, match=r"shared-plan\.yaml is not what was written"):
        require_whole(attempt, attempt.bundle, attempt.shared_plan)
    attempt.bundle.unlink()
    with pytest.raises(RecordError, match=r"commits\.bundle"):
        require_whole(attempt, attempt.bundle)
    assert attempt.shared_plan.exists(), "who only asks sets nothing aside"


def test_what_lies_beside_the_attempts_is_looked_at_too(attempt: AttemptFolder) -> None:
    experiment = ExperimentFolder(attempt.path.parents[5], attempt.path.parents[4].name)
    experiment.write_lock({})
    journal = Journal(experiment.journal)
    journal.append("run_started")
    journal.close()
    assert check_top(experiment) == ()
    with experiment.journal.open("ab") as file:
        file.write(b'{"n":1')
    experiment.lock_path.write_bytes(b"{")
    (experiment.path / "bases").mkdir()
    (experiment.path / "bases/abc.pack.damaged-1").touch()
    named = {damage.path.name for damage in check_top(experiment)}
    assert named == {"journal.jsonl", "lock.json", "abc.pack"}
    assert "journal.jsonl" not in {damage.path.name for damage in check_top(experiment, live=True)}
    (attempt.path / "events.jsonl.torn-1").touch()
    assert "events.jsonl" not in {damage.path.name for damage in check_top(experiment)}, "that is the attempt's"


def test_a_log_that_grew_after_the_commit_is_whole(attempt: AttemptFolder) -> None:
    log = EventLog(attempt)
    log.append(EventKind.ATTEMPT_ENDED, ending="completed")
    log.close()
    assert check_attempt(attempt) == ()


def test_a_body_that_a_call_names_and_nobody_stored_is_named(attempt: AttemptFolder, started) -> None:
    calls = CallLog(attempt)
    calls.started(started("c9", request="c9.request"))
    calls.close()
    (damage,) = check_attempt(attempt)
    assert "body c9.request, which call c9 names, is not there" in str(damage)


def test_an_emptied_record_is_no_crash(attempt: AttemptFolder) -> None:
    for name in EVERYTHING:
        (attempt.path / name).write_bytes(b"")
    named = {damage.path.name for damage in check_attempt(attempt)}
    assert {"trial.json", "manifest.json", "result.json"} <= named
    shutil.rmtree(attempt.bodies)
    check_attempt(attempt)
