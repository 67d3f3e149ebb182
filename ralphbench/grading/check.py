"""Prove that a task's gates can tell work from no work, before a model is asked anything.

Two rows, as if two contenders had run: `base`, who did nothing, and `reference`, who did what the task's own patches do.
At base every guard must pass and every goal must fail; with the reference all must pass. A task with one patch for each
phase is also looked at after each of them: then exactly the gates of the phases so far pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ralphbench.errors import TaskError
from ralphbench.grading.grade import grade
from ralphbench.grading.lint import lint
from ralphbench.grading.place import place_to_judge
from ralphbench.grading.proof import Proof, save_proof
from ralphbench.model import Gate, GateKind, GateOutcome, GateResult, Task, Verdict
from ralphbench.record import make_folder
from ralphbench.sandbox import choose
from ralphbench.workspace import Mirror, apply_patches, borrow, open_stage

CheckEmit = Callable[[str, GateResult], None]

BASE = "base"
REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class _Row:
    """One state of the tree, and what each gate must say of it (None: anything but an error)."""

    name: str
    commit: str
    expected: dict[str, GateOutcome | None]


def check_task(
    task: Task,
    mirror: Mirror,
    *,
    out: Path,
    scratch: Path,
    runs: int = 1,
    emit: CheckEmit = lambda row, result: None,
    store: Path | None = None,
    sandbox_kind: str = "auto",
) -> Proof:
    """Run the task's gates at the mirror's base and at the reference, each `runs` times; logs go to `out/<row>/<gate>.log`.

    `scratch`: as for `grade`. `emit` is told the row and each gate's result. What is wrong with the task is the proof's
    `problems`, it does not raise; the proof is kept in `store` where that is given. Raises SandboxError, DiskError,
    Interrupted.
    """
    started = time.monotonic()
    check = _Check(task, out, scratch, max(1, runs), emit, choose(sandbox_kind)[0])
    check.problems += lint(task)
    check.warnings += mirror.warnings
    if not check.problems:
        make_folder(out)
        check.run(mirror)
    proof = Proof(
        task=task.name,
        digest=task.digest,
        gates_digest=task.gates_digest,
        base_commit=mirror.base,
        ok=not check.problems,
        problems=tuple(check.problems),
        base=check.found.pop(BASE, ()),
        reference=check.found.pop(REFERENCE, ()),
        phases=check.found,
        seconds=time.monotonic() - started,
        created=time.time(),
        runs=check.runs,
        sandbox=check.sandbox,
        warnings=tuple(check.warnings),
    )
    if store is not None:
        save_proof(proof, task, store)
    return proof


class _Check:
    """The rows of one check, and what they brought to light."""

    def __init__(self, task: Task, out: Path, scratch: Path, runs: int, emit: CheckEmit, sandbox: str) -> None:
        self.task = task
        self.out = out
        self.scratch = scratch
        self.runs = runs
        self.emit = emit
        self.sandbox = sandbox
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.found: dict[str, tuple[GateResult, ...]] = {}

    def run(self, mirror: Mirror) -> None:
        """Fill `found`, `problems` and `warnings`."""
        with place_to_judge(self.scratch) as place:
            try:
                for row in self._rows(mirror, place / "stage"):
                    if not self._judge(row, mirror.base, place / "stage"):
                        return
            except TaskError as error:
                self.problems.append(str(error))

    def _rows(self, mirror: Mirror, gitdir: Path) -> list[_Row]:
        task = self.task
        stage = open_stage(gitdir, sha256=len(mirror.base) == 64, error=TaskError)
        borrow(gitdir, mirror.path / "objects")
        rows = [_Row(BASE, mirror.base, {gate.id: _at_base(gate) for gate in task.gates})]
        if not task.references:
            self.warnings.append(f"{task.name} has no reference: it is not proven that anybody can make its gates pass")
            return rows
        commit = mirror.base
        for n, patch in enumerate(task.references, 1):
            commit = apply_patches(stage, commit, (patch,), task.name)
            if n == len(task.references):
                rows.append(_Row(REFERENCE, commit, {gate.id: GateOutcome.PASS for gate in task.gates}))
            elif _by_phase(task):
                expected = {gate.id: _after(gate, task.phases[:n]) for gate in task.gates}
                rows.append(_Row(task.phases[n - 1], commit, expected))
        return rows

    def _judge(self, row: _Row, base: str, gitdir: Path) -> bool:
        """Run one row; False where going on would tell nothing more."""
        verdicts = []
        for run in range(1, self.runs + 1):
            out = self.out / row.name if run == 1 else self.out / f"{row.name}-run{run}"
            verdict = grade(
                gitdir=gitdir,
                commit=row.commit,
                base=base,
                task=self.task,
                sandbox_kind=self.sandbox,
                out=out,
                scratch=self.scratch,
                emit=lambda result: self.emit(row.name, result),
            )
            verdicts.append(verdict)
            if verdict.error is not None:
                self.problems.append(f"at {row.name} the gates could not be run: {verdict.error}")
                return False
        self.found[row.name] = verdicts[0].gates
        for gate in self.task.gates:
            self._judge_gate(gate, row, [result for v in verdicts for result in v.gates if result.id == gate.id])
        self._judge_traces(row, verdicts)
        return True

    def _judge_gate(self, gate: Gate, row: _Row, results: list[GateResult]) -> None:
        outcomes = [result.outcome for result in results]
        expected = row.expected[gate.id]
        if len(set(outcomes)) > 1:
            said = ", ".join(f"{outcome} ({result.reason})" for outcome, result in zip(outcomes, results, strict=True))
            self.problems.append(
                f"gate {gate.id!r} is not the same twice at {row.name}: {said}. Make it depend on nothing but the code: "
                "no time, network, order or leftovers"
            )
        elif outcomes[0] is not expected and (expected is not None or outcomes[0] is GateOutcome.ERROR):
            self.problems.append(_explain(gate, row, results[0], self.out))

    def _judge_traces(self, row: _Row, verdicts: list[Verdict]) -> None:
        traces = {f"{t.path} ({t.what})" for verdict in verdicts for t in verdict.tampered}
        if traces:
            self.problems.append(
                f"at {row.name} something touches what only grading may: {'; '.join(sorted(traces))}. A reference patch "
                "must leave protected paths and hidden/ alone, and no gate may change the files that judge"
            )


def _at_base(gate: Gate) -> GateOutcome:
    return GateOutcome.FAIL if gate.kind is GateKind.GOAL else GateOutcome.PASS


def _after(gate: Gate, done: tuple[str, ...]) -> GateOutcome | None:
    """What a gate must say once the phases in `done` are done; None: a goal of no phase says what it likes."""
    if gate.kind is GateKind.GUARD:
        return GateOutcome.PASS
    if gate.phase is None:
        return None
    return GateOutcome.PASS if gate.phase in done else GateOutcome.FAIL


def _by_phase(task: Task) -> bool:
    return task.phase is None and len(task.references) == len(task.phases)


def _explain(gate: Gate, row: _Row, result: GateResult, out: Path) -> str:
    """What is wrong, why it matters, what to do, where to look."""
    look = f" (see {out / result.log})" if result.log else ""
    what = f"gate {gate.id!r} ({gate.kind}) is {result.outcome} at {row.name}: {result.reason}{look}. "
    if result.outcome is GateOutcome.ERROR:
        return what + (
            "An error says nothing about the code: make the command run to its end in time, write its report on every "
            "path, and exit 1 where the code is not good enough"
        )
    if row.name == BASE and gate.kind is GateKind.GOAL:
        return what + (
            "Whoever does nothing would be given it: make it fail until the work is done, or make it a guard if it "
            "watches over what already works"
        )
    if gate.kind is GateKind.GUARD:
        return what + (
            "A guard must hold all the way: mend the command or the target, or make it a goal if it asks for new work"
            if row.name == BASE
            else "The reference breaks what the guard watches over: mend the patch or the guard"
        )
    if result.outcome is GateOutcome.FAIL:
        return what + "The reference does not do what the gate asks: mend the patch, or ask for what the spec says"
    return what + f"It belongs to phase {gate.phase!r}, which is not done yet: let it look at that phase's work alone"
