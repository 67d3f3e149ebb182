from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ralphbench.errors import TaskError
from ralphbench.grading import keep_gates, with_kept_gates
from ralphbench.grading.keep import require_gates
from ralphbench.model import Gate, GateKind, GateOutcome, Task, codec
from ralphbench.record import Quarantine


@pytest.fixture
def task(make_task: Callable[..., Task], tmp_path: Path, judged: Callable[[Task], Task]) -> Task:
    patches = [tmp_path / name for name in ("b.patch", "a.patch")]
    for patch in patches:
        patch.write_text(f"of {patch.name}\n")
    task = make_task(
        Gate("judge", GateKind.GOAL, "sh hidden/judge.sh", timeout=20),
        target={"code": "old\n"},
        hidden={"judge.sh": "exit 1\n", "run": "x\n", "overlay/Makefile": "all:\n", "deep/er/case": "1\n"},
        references=tuple(patches),
    )
    (task.hidden / "run").chmod(0o755)
    return judged(task)


def test_what_judges_is_kept_whole_read_only_and_in_order(task: Task, tmp_path: Path) -> None:
    kept = keep_gates(task, tmp_path / "gates")
    assert kept == tmp_path / "gates" / task.gates_digest
    same = with_kept_gates(task, kept)
    require_gates(same)
    assert [path.read_text() for path in same.references] == ["of b.patch\n", "of a.patch\n"]
    assert (same.hidden / "deep/er/case").read_text() == "1\n"
    assert stat.S_IMODE((same.hidden / "run").stat().st_mode) == 0o555
    assert stat.S_IMODE((same.hidden / "judge.sh").stat().st_mode) == 0o444
    assert [path.name for path in (tmp_path / "gates").iterdir()] == [task.gates_digest]


def test_what_is_kept_stays_when_the_tasks_folder_changes(task: Task, tmp_path: Path) -> None:
    kept = keep_gates(task, tmp_path / "gates")
    shutil.rmtree(task.hidden)
    require_gates(with_kept_gates(task, kept))
    assert keep_gates(task, tmp_path / "gates") == kept
    with pytest.raises(TaskError, match="what judges sum was changed"):
        require_gates(task)


def test_what_has_changed_since_it_was_read_is_not_kept(task: Task, tmp_path: Path) -> None:
    (task.hidden / "judge.sh").write_text("exit 0\n")
    with pytest.raises(TaskError, match="what judges sum was changed"):
        keep_gates(task, tmp_path / "gates")
    assert list((tmp_path / "gates").iterdir()) == []


@pytest.mark.parametrize("name", ["hidden/judge.sh", "hidden/new", "reference/01.patch"])
def test_what_was_kept_and_is_not_it_any_more_is_set_aside_and_kept_again(
    task: Task, tmp_path: Path, name: str
) -> None:
    kept = keep_gates(task, tmp_path / "gates")
    if (kept / name).exists():
        os.chmod(kept / name, 0o644)
    (kept / name).write_text("exit 0\n")
    torn = Quarantine()
    assert keep_gates(task, tmp_path / "gates", torn) == kept
    require_gates(with_kept_gates(task, kept))
    (damage,) = torn
    assert damage.moved_to is not None
    assert (damage.moved_to / name).read_text() == "exit 0\n"


def test_what_a_killed_process_left_half_kept_is_removed(task: Task, tmp_path: Path) -> None:
    half = tmp_path / "gates/.tmp-x/gates/hidden"
    half.mkdir(parents=True)
    (half / "judge.sh").touch(mode=0o444)
    kept = keep_gates(task, tmp_path / "gates")
    assert list((tmp_path / "gates").iterdir()) == [kept]


def test_a_task_comes_back_from_a_record_with_the_same_digest(task: Task) -> None:
    require_gates(codec.loads(codec.dumps(task), Task))


def test_a_changed_judge_is_a_fault_and_no_verdict(make_bench, task: Task) -> None:
    bench = make_bench(Gate("a", GateKind.GOAL, "sh hidden/a", timeout=20), hidden={"a": "exit 1\n"})
    assert bench.grade().gates[0].outcome is GateOutcome.FAIL
    (bench.task.hidden / "a").write_text("exit 0\n")
    verdict = bench.grade()
    assert "what judges sum was changed" in str(verdict.error)
    assert (verdict.resolved, verdict.gates) == (False, ())


def test_a_judge_that_changes_while_it_judges_is_not_laid_again(make_bench, tmp_path: Path) -> None:
    """Code under test goes for the grader's own file, and for what was laid of it."""
    source = tmp_path / "spec/hidden/judge.sh"
    cheat = f"for f in {source} hidden/judge.sh; do rm -f $f; echo exit 0 > $f; done"
    bench = make_bench(
        Gate("build", GateKind.GUARD, "sh build.sh", timeout=20),
        Gate("judge", GateKind.GOAL, "sh hidden/judge.sh", timeout=20),
        target={"build.sh": "exit 0\n"},
        hidden={"judge.sh": "exit 1\n"},
    )
    verdict = bench.grade(bench.attempt({"build.sh": cheat}))
    assert "judge.sh was changed while it judged" in str(verdict.error)
    assert not verdict.resolved
