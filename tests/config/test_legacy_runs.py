from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ralphbench.config import import_runs, read_runs
from ralphbench.config.legacy_rows import ENDINGS
from ralphbench.errors import ConfigError, UsageError
from ralphbench.model import Cell, Ending
from ralphbench.record import ExperimentFolder, read_result

RUN: dict[str, Any] = {
    "run_id": "20260210_101010_abcdef",
    "spec": "system-refactor.md",
    "profile": "devstral",
    "branch": "exp/001/devstral",
    "git_sha_start": "534d11f",
    "git_sha_end": "abc1234",
    "started_at": "2026-02-10T10:10:10+01:00",
    "ended_at": "2026-02-10T11:10:10+01:00",
    "duration_s": 3600.5,
    "exit_reason": "max_iterations",
    "iterations": 12,
    "tasks": {"total": 0, "completed": 20, "failed": 0},
    "cost": 0.0,
    "tokens": {"input": 1000, "cached": 500, "output": 200},
    "api_calls": {"remote": 3, "local": 0},
    "kills": {"timeout": 1, "context": 2, "loop": 0},
    "retries": {"validation": 4, "task": 1},
}
STAGES: list[dict[str, Any]] = [
    {
        "run_id": RUN["run_id"],
        "iteration": n,
        "stage": stage,
        "model": model,
        "is_local": False,
        "cost": 0.0,
        "tokens": {"input": 100, "cached": 50, "output": 20},
        "duration_s": 10.0,
        "outcome": outcome,
        "kill_reason": kill,
        "reconcile": {"added": 1, "accepted": 1, "rejected": 2, "issues": 3},
    }
    for n, (stage, model, outcome, kill) in enumerate(
        [
            ("BUILD", "lmstudio/devstral", "success", None),
            ("BUILD", "lmstudio/devstral", "failure", "timeout"),
            ("VERIFY", "anthropic/claude-opus-4-6", "success", None),
        ]
    )
]


def ledger(folder: Path, name: str, rows: list[Any]) -> Path:
    file = folder / name
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return file


def read(tmp_path: Path, runs: list[Any], stages: list[Any] | None = None, **filters: Any) -> Any:
    iterations = None if stages is None else ledger(tmp_path, "iterations.jsonl", stages)
    return read_runs(ledger(tmp_path, "runs.jsonl", runs), iterations, experiment="001-old", **filters)


def test_a_run_becomes_a_result_in_which_unknown_is_none(tmp_path: Path) -> None:
    (result,) = read(tmp_path, [RUN], STAGES).results
    assert result.imported
    assert result.cell == Cell("system-refactor", "devstral", 1)
    assert (result.ending, result.extra["exit_reason"]) == (Ending.ITERATIONS, "max_iterations")
    assert (result.base, result.commit, result.verdict) == ("534d11f", "abc1234", None)
    assert (result.started, result.ended) == ("2026-02-10T09:10:10+00:00", "2026-02-10T10:10:10+00:00")
    assert (result.times.wall, result.times.model, result.times.clock) == (3600.5, None, None)
    work = result.work
    assert (work.iterations, work.accepted, work.rejected, work.issues, work.repairs) == (12, 20, 6, 9, 4)
    assert (work.tickets, work.commits, work.lines_added) == (None, None, None)
    assert (result.spent.input, result.spent.output) == (1500, 200)
    assert (result.extra["tasks_completed"], result.extra["tasks_total"], result.extra["kills"]) == (20, 0, 3)
    assert any("no gate judged" in text for text in result.warnings)


def test_a_cost_of_zero_with_remote_calls_is_unknown(tmp_path: Path) -> None:
    local = RUN | {"run_id": "b", "api_calls": {"remote": 0, "local": 3}}
    paid = RUN | {"run_id": "c", "cost": 1.5}
    silent = {key: value for key, value in RUN.items() if key != "cost"} | {"run_id": "d"}
    costs = [result.spent.cost for result in read(tmp_path, [RUN, local, paid, silent]).results]
    assert costs == [None, 0.0, 1.5, None]


def test_stages_are_summed_and_local_is_told_by_the_models_name(tmp_path: Path) -> None:
    (result,) = read(tmp_path, [RUN], STAGES).results
    build, verify = result.stages["build"], result.stages["verify"]
    assert list(result.stages) == ["build", "verify"]
    assert (build.runs, build.done, build.seconds, build.local_calls, build.model_seconds) == (2, 1, 20.0, 2, None)
    assert (build.input, build.output, build.cache_read, build.local_tokens) == (300, 40, 100, 340)
    assert build.endings == {"done": 1, "stage_timeout": 1}
    assert (build.cost, verify.cost, verify.local_tokens) == (0.0, None, 0)
    assert result.models == {"build": None, "verify": None}
    assert result.extra["configured_models"]["build"] == "lmstudio/devstral"


def test_what_passed_before_any_work_and_what_was_asked_again_are_kept(tmp_path: Path) -> None:
    rows = [row | {"precheck_accepted": n == 0, "validation_retries": n} for n, row in enumerate(STAGES)]
    (result,) = read(tmp_path, [RUN], rows).results
    assert result.work.already_satisfied == 1
    assert [sums.repairs for sums in result.stages.values()] == [1, 2]
    (silent,) = read(tmp_path, [RUN], STAGES).results
    assert (silent.work.already_satisfied, silent.stages["build"].repairs) == (None, None)


def test_without_stage_rows_what_they_held_is_unknown(tmp_path: Path) -> None:
    (result,) = read(tmp_path, [RUN]).results
    assert (result.work.rejected, result.work.issues, dict(result.stages)) == (None, None, {})


@pytest.mark.parametrize("reason", [*ENDINGS, "something new", None])
def test_every_exit_reason_has_an_ending_and_is_kept(tmp_path: Path, reason: str | None) -> None:
    (result,) = read(tmp_path, [RUN | {"exit_reason": reason}]).results
    assert result.ending is ENDINGS.get(str(reason), Ending.HARNESS)
    assert result.extra["exit_reason"] == reason


def test_repeats_count_up_and_a_void_run_is_followed_by_another_attempt(tmp_path: Path) -> None:
    def run(n: int, reason: str, profile: str = "devstral") -> dict[str, Any]:
        return RUN | {"run_id": f"r{n}", "started_at": f"2026-02-1{n}", "exit_reason": reason, "profile": profile}

    rows = [
        run(4, "complete"),
        run(1, "complete"),
        run(2, "interrupted"),
        run(3, "complete"),
        run(5, "complete", "opus"),
    ]
    places = [(r.extra["run_id"], r.cell.profile, r.cell.repeat, r.number) for r in read(tmp_path, rows).results]
    assert places == [
        ("r1", "devstral", 1, 1),
        ("r2", "devstral", 2, 1),
        ("r3", "devstral", 2, 2),
        ("r4", "devstral", 3, 1),
        ("r5", "opus", 1, 1),
    ]


def test_torn_and_poor_lines_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    poor = {key: value for key, value in RUN.items() if key != "duration_s"} | {"run_id": "poor"}
    rows = [
        '{"run_id": "torn',
        "[1]",
        poor,
        RUN | {"run_id": ""},
        RUN | {"duration_s": 10**400, "run_id": "x"},
        "",
        RUN,
    ]
    found = read(tmp_path, rows)
    assert [result.extra["run_id"] for result in found.results] == [RUN["run_id"]]
    assert len(found.lost) == 5
    for line in (1, 2, 3, 4, 5):
        assert any(f"runs.jsonl:{line}: left out" in text for text in found.lost)


def test_a_ledger_of_all_experiments_is_narrowed_and_that_is_said(tmp_path: Path) -> None:
    rows = [RUN, RUN | {"run_id": "b", "spec": "other.md"}, RUN | {"run_id": "c", "profile": "opus"}]
    found = read(tmp_path, rows, spec="system-refactor.md", profiles=["devstral"])
    assert [result.extra["run_id"] for result in found.results] == [RUN["run_id"]]
    assert any("2 runs left out" in text for text in found.lost)


def test_stage_rows_of_a_run_that_died_are_not_dropped_in_silence(tmp_path: Path) -> None:
    found = read(tmp_path, [RUN], [*STAGES, STAGES[0] | {"run_id": "died"}])
    assert any("died before" in text for text in found.lost)


def test_a_name_that_would_leave_the_record_cannot(tmp_path: Path) -> None:
    rows = [RUN | {"profile": "../../escape", "spec": "../../../etc/passwd"}]
    (result,) = read(tmp_path, rows).results
    assert result.cell.path.as_posix() == "passwd/escape/r1"


def test_results_stand_in_the_record_and_twice_is_once(tmp_path: Path) -> None:
    runs = ledger(tmp_path, "runs.jsonl", [RUN, RUN | {"run_id": "b", "started_at": "2026-03-01"}])
    root = tmp_path / "results"
    first = import_runs(runs, None, results=root, experiment="001-old")
    assert len(first.written) == 2
    assert import_runs(runs, None, results=root, experiment="001-old").written == ()
    folder = ExperimentFolder(root, "001-old")
    stored = read_result(folder.folder(Cell("system-refactor", "devstral", 2), 1))
    assert stored is not None
    assert stored.imported
    assert stored.extra["run_id"] == "b"


def test_an_import_does_not_touch_attempts_that_are_there(tmp_path: Path) -> None:
    root = tmp_path / "results"
    folder = ExperimentFolder(root, "001-old")
    mine = [Cell("system-refactor", "devstral", repeat) for repeat in (1, 2, 3, 4)]
    folder.folder(mine[0], 1).create()
    folder.folder(mine[1], 1).create()
    rows = [RUN | {"run_id": "a", "exit_reason": "interrupted"}, RUN | {"run_id": "b", "started_at": "2026-03"}]
    import_runs(ledger(tmp_path, "runs.jsonl", rows), None, results=root, experiment="001-old")
    assert [folder.attempts(cell) for cell in mine] == [(1,), (1,), (1, 2), ()]
    assert read_result(folder.folder(mine[0], 1)) is None
    stored = [read_result(folder.folder(mine[2], n)) for n in (1, 2)]
    assert [(r.cell.repeat, r.number, r.extra["run_id"]) for r in stored if r is not None] == [(3, 1, "a"), (3, 2, "b")]


def test_a_longer_ledger_goes_on_where_the_shorter_one_ended(tmp_path: Path) -> None:
    root = tmp_path / "results"
    first = RUN | {"run_id": "a", "exit_reason": "interrupted"}
    import_runs(ledger(tmp_path, "runs.jsonl", [first]), None, results=root, experiment="001-old")
    again = [first, RUN | {"run_id": "b", "started_at": "2026-03"}]
    report = import_runs(ledger(tmp_path, "runs.jsonl", again), None, results=root, experiment="001-old")
    assert [path.relative_to(root).as_posix() for path in report.written] == [
        "001-old/cells/system-refactor/devstral/r1/a2/result.json"
    ]
    assert any("1 runs were there already" in text for text in report.carried)


def test_an_experiment_name_that_would_leave_the_results_is_refused(tmp_path: Path) -> None:
    runs = ledger(tmp_path, "runs.jsonl", [RUN])
    with pytest.raises(UsageError, match="expected a name"):
        import_runs(runs, None, results=tmp_path / "results", experiment="../elsewhere")


def test_a_missing_ledger_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_runs(tmp_path / "none.jsonl", experiment="x")
