from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ralphbench.errors import TargetError, TaskError
from ralphbench.grading import Proof, check_task, lint, load_proof, proof_path, save_proof
from ralphbench.model import Gate, GateKind, GateOutcome, GateResult, Report, Target, Task
from ralphbench.record import Quarantine
from ralphbench.workspace import prepare_mirror

MakeTask = Callable[..., Task]


def gate(id_: str, kind: str, run: str, **more: object) -> Gate:
    return Gate(**{"id": id_, "kind": GateKind(kind), "run": run, "timeout": 20.0, **more})  # type: ignore[arg-type]


JUDGE = """
if grep -q new code; then echo ok; else echo not ok; fi > out.tap
echo 1..1 >> out.tap
grep -q new code
"""


def patch(folder: Path, name: str, old: str, new: str, file: str = "code") -> Path:
    path = folder / name
    path.write_text(f"--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-{old}\n+{new}\n")
    return path


@pytest.fixture
def check(tmp_path: Path, judged: Callable[[Task], Task]) -> Callable[..., Proof]:
    """Of a task as it is now, however a test has changed it."""

    def run(task: Task, **more: object) -> Proof:
        task = judged(task)
        mirror = prepare_mirror(task, tmp_path / "cache")
        places = {"out": tmp_path / "out", "scratch": tmp_path / "scratch"}
        return check_task(task, mirror, **{**places, **more})  # type: ignore[arg-type]

    return run


@pytest.fixture
def good(make_task: MakeTask, tmp_path: Path) -> Task:
    """Turn `old` into `new`; one guard, two goals, one of them with a report."""
    return make_task(
        gate("holds", "guard", "test -f code"),
        gate("new", "goal", "grep -q new code"),
        gate("judge", "goal", "sh hidden/judge.sh", report=Report("tap", "out.tap")),
        target={"code": "old\n", "tests/a": "x\n"},
        hidden={"judge.sh": JUDGE},
        references=(patch(tmp_path, "reference.patch", "old", "new"),),
        protected=("tests/**",),
        needs=("sh", "grep"),
    )


def test_a_good_task_is_proven_and_the_proof_is_found_again(good: Task, check, tmp_path: Path) -> None:
    told: list[tuple[str, str, GateOutcome]] = []

    def emit(row: str, result: GateResult) -> None:
        told.append((row, result.id, result.outcome))

    proof = check(good, emit=emit, store=tmp_path / "proofs")
    assert (proof.ok, proof.problems, proof.warnings) == (True, (), ())
    assert [result.outcome for result in proof.base] == [GateOutcome.PASS, GateOutcome.FAIL, GateOutcome.FAIL]
    assert {result.outcome for result in proof.reference} == {GateOutcome.PASS}
    assert told == [
        ("base", "holds", GateOutcome.PASS),
        ("base", "new", GateOutcome.FAIL),
        ("base", "judge", GateOutcome.FAIL),
        *(("reference", name, GateOutcome.PASS) for name in ("holds", "new", "judge")),
    ]
    base, store = proof.base_commit, tmp_path / "proofs"
    assert load_proof(good, base, store) == proof
    assert (tmp_path / "out/base/new.log").exists()
    assert (tmp_path / "out/reference/judge.log").exists()
    assert list((tmp_path / "scratch").iterdir()) == []


def problems_of(check, task: Task, **more: object) -> str:
    proof = check(task, **more)
    assert not proof.ok
    return "\n".join(proof.problems)


def with_gate(task: Task, changed: Gate) -> Task:
    return replace(task, gates=tuple(changed if one.id == changed.id else one for one in task.gates))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (gate("new", "goal", "true"), r"'new' \(goal\) is pass at base: exit 0 .*make it fail until"),
        (gate("new", "goal", "no-such-thing code"), r"'new' \(goal\) is error at base: a command was not found"),
        (gate("new", "goal", "sleep 9", timeout=0.3), r"'new' .* error at base: timed out after 0.3 s"),
        (gate("new", "goal", "grep -q never code"), r"'new' .* fail at reference: exit 1 .*mend the patch"),
        (gate("holds", "guard", "false"), r"'holds' \(guard\) is fail at base: exit 1 .*make it a goal"),
        (gate("holds", "guard", "grep -q old code"), r"'holds' .* fail at reference.*breaks what the guard watches"),
        (
            gate("judge", "goal", "grep -q new code", report=Report("tap", "out.tap")),
            r"'judge' .* error at reference: exit 0, but it wrote no report",
        ),
        (
            gate("judge", "goal", "echo 1..0 > out.tap; grep -q new code", report=Report("tap", "out.tap")),
            r"'judge' .* error at reference: no test ran",
        ),
    ],
)
def test_a_gate_that_cannot_tell_is_explained(good: Task, check, changed: Gate, said: str) -> None:
    assert re.search(said, problems_of(check, with_gate(good, changed)), re.DOTALL)


def test_a_gate_that_is_not_the_same_twice_is_found(good: Task, check, tmp_path: Path) -> None:
    flaky = f"test -e {tmp_path}/flip && rm {tmp_path}/flip || {{ touch {tmp_path}/flip; exit 1; }}"
    task = with_gate(good, gate("new", "goal", flaky))
    said = problems_of(check, task, runs=3)
    assert "'new' is not the same twice at base: fail (exit 1), pass (exit 0), fail (exit 1)" in said
    assert (tmp_path / "out/base-run3/new.log").exists()


def test_a_missing_tool_is_named_with_what_brings_it(good: Task, check) -> None:
    said = problems_of(check, replace(good, needs=("sh", "no-such-tool", "rg-not-here")))
    assert "no-such-tool" in said
    assert "apt-get install no-such-tool rg-not-here" in said


def test_a_patch_that_does_not_apply_or_is_not_there_is_named(good: Task, check, tmp_path: Path) -> None:
    bad = replace(good, references=(patch(tmp_path, "bad.patch", "never", "new"),))
    assert "bad.patch does not apply" in problems_of(check, bad)
    assert "none.patch does not exist" in problems_of(check, replace(good, references=(tmp_path / "none.patch",)))


def test_a_reference_that_touches_what_is_protected_is_refused(good: Task, check, tmp_path: Path) -> None:
    both = tmp_path / "both.patch"
    both.write_text((tmp_path / "reference.patch").read_text() + patch(tmp_path, "t", "x", "y", "tests/a").read_text())
    said = problems_of(check, replace(good, references=(both,)))
    assert "tests/a (protected: changed; restored)" in said


def test_a_task_without_a_reference_is_proven_by_half_and_says_so(good: Task, check) -> None:
    proof = check(replace(good, references=()))
    assert proof.ok
    assert proof.reference == ()
    assert "no reference" in proof.warnings[0]


def phased(make_task: MakeTask, tmp_path: Path, **more: object) -> Task:
    """Three phases; each patch adds one word."""
    words = ("one", "two", "three")
    lines = ["zero", "zero one", "zero one two", "zero one two three"]
    return make_task(
        gate("holds", "guard", "grep -q zero code"),
        *(gate(word, "goal", f"grep -q {word} code", phase=word) for word in words),
        gate("all", "goal", "grep -q 'one two three' code"),
        target={"code": "zero\n"},
        phases=words,
        references=tuple(patch(tmp_path, f"{n}-{w}.patch", lines[n], lines[n + 1]) for n, w in enumerate(words)),
        **more,
    )


def test_after_each_patch_exactly_its_phases_pass(make_task: MakeTask, check, tmp_path: Path) -> None:
    proof = check(phased(make_task, tmp_path))
    assert proof.problems == ()
    assert {phase: [r.id for r in rows if r.outcome is GateOutcome.PASS] for phase, rows in proof.phases.items()} == {
        "one": ["holds", "one"],
        "two": ["holds", "one", "two"],
    }
    assert {r.outcome for r in proof.reference} == {GateOutcome.PASS}


def test_a_phase_that_gives_a_later_one_away_is_found(make_task: MakeTask, check, tmp_path: Path) -> None:
    task = phased(make_task, tmp_path)
    early = with_gate(task, gate("three", "goal", "grep -q one code", phase="three"))
    said = problems_of(check, early)
    assert "'three' (goal) is pass at one: exit 0" in said
    assert "belongs to phase 'three', which is not done yet" in said
    late = with_gate(task, gate("one", "goal", "grep -q three code", phase="one"))
    assert "'one' (goal) is fail at one" in problems_of(check, late)


def test_one_phase_of_a_task_is_proven_from_the_phases_before(make_task: MakeTask, check, tmp_path: Path) -> None:
    whole = phased(make_task, tmp_path)
    second = replace(
        whole,
        name="sum/two",
        gates=(gate("one", "guard", "grep -q one code"), whole.gates[2]),
        phases=("two",),
        phase="two",
        start=whole.references[:1],
        references=(whole.references[1],),
    )
    proof = check(second)
    assert proof.problems == ()
    assert proof.phases == {}


def test_a_target_that_cannot_be_used_is_no_problem_of_the_gates(good: Task, check, tmp_path: Path) -> None:
    with pytest.raises(TargetError):
        check(replace(good, target=Target(path=tmp_path / "none")))


def test_what_is_left_of_a_killed_check_is_removed(good: Task, check, tmp_path: Path) -> None:
    (tmp_path / "scratch/g-left/stage").mkdir(parents=True)
    (tmp_path / "scratch/g-left/stage/HEAD").write_text("half made")
    assert check(good).ok
    assert list((tmp_path / "scratch").iterdir()) == []


LINT = [
    ({"gates": ()}, "no goal gate"),
    ({"gates": (gate("a", "guard", "true"),)}, "no goal gate"),
    ({"gates": (gate("a", "goal", "x"), gate("a", "goal", "y"))}, "'a' is there 2 times"),
    ({"gates": (gate("a", "goal", "  "),)}, "'a' has no command"),
    ({"gates": (gate("a", "goal", "x", weight=0.0),)}, "needs one above 0"),
    ({"gates": (gate("a", "goal", "x", report=Report("xunit", "o")),)}, "known are ctrf, junit, tap"),
    ({"gates": (gate("a", "goal", "x", report=Report("tap", "../o")),)}, "a path in the checkout"),
    ({"gates": (gate("a", "goal", "x", report=Report("tap", "hidden/o")),)}, "a path in the checkout"),
    ({"gates": (gate("a", "goal", "x", report=Report("tap", "o", 0)),)}, "at least 1"),
    ({"gates": (gate("a", "goal", "sh hidden/none.sh"),)}, "runs hidden/none.sh, which is not there"),
    ({"phases": ("p", "q"), "references": (Path("a"), Path("b"), Path("c"))}, "3 reference patches for 2 phases"),
    ({"phases": ("p",), "gates": (gate("a", "goal", "x", phase="z"),)}, "none of p"),
    ({"protected": ("/etc",)}, "'/etc' cannot be used"),
    ({"replaced": ("Makefile",)}, "hidden/overlay/ has no such file"),
]


@pytest.mark.parametrize(("changed", "said"), LINT)
def test_what_is_wrong_with_a_task_is_said_before_a_gate_runs(
    good: Task, changed: dict[str, object], said: str
) -> None:
    assert lint(good) == []
    assert any(said in problem for problem in lint(replace(good, **changed)))  # type: ignore[arg-type]


def test_an_overlay_that_nobody_was_told_of_is_refused(good: Task) -> None:
    (good.hidden / "overlay").mkdir()
    (good.hidden / "overlay/Makefile").write_text("x")
    assert "overlay/ lays over Makefile" in lint(good)[0]
    assert lint(replace(good, replaced=("Makefile",))) == []


def test_a_proof_is_of_one_state_of_a_task_only(good: Task, check, tmp_path: Path) -> None:
    store, base = tmp_path / "proofs", prepare_mirror(good, tmp_path / "cache").base
    assert load_proof(good, base, store) is None
    assert check(good, store=store).base_commit == base
    changed = replace(good, gates_digest="f" * 64)
    assert load_proof(changed, base, store) is None
    assert load_proof(good, "0" * 40, store) is None
    for other, commit in ((changed, base), (good, "0" * 40)):
        wrong = proof_path(other, commit, store)
        shutil.copyfile(proof_path(good, base, store), wrong)
        assert refused(other, commit, store) == f"{wrong}: was made for another state of sum"
        assert not wrong.exists()
    assert load_proof(good, base, store) is not None


def refused(task: Task, base: str, store: Path) -> str:
    """Why the proof that is there is none, and that its bytes are kept."""
    quarantine = Quarantine()
    assert load_proof(task, base, store, quarantine) is None
    (damage,) = quarantine
    assert damage.moved_to is not None
    assert damage.moved_to.is_file()
    return f"{damage.path}: {damage.what}"


def test_a_proof_that_failed_is_kept_and_says_why(good: Task, check, judged, tmp_path: Path) -> None:
    bad = judged(with_gate(good, gate("new", "goal", "true")))
    failed = check(bad, store=tmp_path / "proofs")
    kept = load_proof(bad, failed.base_commit, tmp_path / "proofs")
    assert kept == failed
    assert not failed.ok
    assert "gate 'new'" in failed.problems[0]
    save_proof(replace(failed, ok=True), bad, tmp_path / "proofs")
    mended = load_proof(bad, failed.base_commit, tmp_path / "proofs")
    assert mended is not None
    assert mended.ok


@pytest.mark.parametrize("size", [0, 1, 40, -5])
def test_a_torn_proof_is_named_and_set_aside(good: Task, check, tmp_path: Path, size: int) -> None:
    store = tmp_path / "proofs"
    base = check(good, store=store).base_commit
    path = proof_path(good, base, store)
    path.write_bytes(path.read_bytes()[:size])
    assert f"{path}: cannot be read" in refused(good, base, store)


def test_a_proof_of_another_version_is_none(good: Task, check, tmp_path: Path) -> None:
    store = tmp_path / "proofs"
    base = check(good, store=store).base_commit
    path = proof_path(good, base, store)
    path.write_bytes(path.read_bytes().replace(b'"version": 2', b'"version": 9'))
    assert refused(good, base, store) == f"{path}: is of version 9, not 2"


def test_nothing_is_proven_of_a_task_without_a_digest(good: Task, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="has no digest"):
        load_proof(replace(good, digest=""), "0" * 40, tmp_path)
