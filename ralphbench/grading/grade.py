"""Judge one commit: seal it, run the gates, say what they said."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Mapping
from pathlib import Path

from ralphbench.errors import Interrupted, RalphbenchError
from ralphbench.grading.gates import Emit, Run
from ralphbench.grading.keep import require_gates
from ralphbench.grading.place import place_to_judge
from ralphbench.grading.seal import Checkout
from ralphbench.model import GateKind, GateOutcome, GateResult, Tampering, Task, Verdict, judge
from ralphbench.sandbox import SandboxSpec, open_sandbox


def grade(
    *,
    gitdir: Path,
    commit: str,
    base: str,
    task: Task,
    sandbox_kind: str,
    out: Path,
    scratch: Path,
    emit: Emit,
    claimed: Mapping[str, bool] | None = None,
) -> Verdict:
    """The verdict on `commit`. `emit` is told each gate's result as it ends; logs go to `out/<gate>.log`.

    `gitdir`: a repository of the harness (`Workspace.gitdir`, or what `restore_record` made). `scratch`: a folder in
    which the checkout is made and removed again; no agent may have been told of it. A fault of the machine does not
    raise: it is the verdict's `error`, and then the commit has not been judged and can be graded again.
    """
    results: list[GateResult] = []
    tampered: list[Tampering] = []
    error: str | None = None
    with contextlib.closing(_run(gitdir, commit, base, task, sandbox_kind, out, scratch, tampered)) as running:
        while True:
            try:
                result = next(running, None)
            except Interrupted:
                raise
            except (RalphbenchError, OSError) as problem:
                error = str(problem)
                break
            if result is None:
                break
            results.append(result)
            emit(result)
    gates = tuple(results)
    resolved, score = judge(gates) if error is None else (False, 0.0)
    return Verdict(
        resolved=resolved,
        score=score,
        gates=gates,
        tampered=tuple(tampered),
        claimed=claimed,
        commit=commit,
        gates_digest=task.gates_digest,
        error=error,
        phases=phases_of(task, gates) if error is None else {},
    )


def _run(
    gitdir: Path,
    commit: str,
    base: str,
    task: Task,
    sandbox_kind: str,
    out: Path,
    scratch: Path,
    tampered: list[Tampering],
) -> Generator[GateResult, None, None]:
    require_gates(task)
    with place_to_judge(scratch) as place:
        (place / "seal").mkdir()
        checkout = Checkout.make(gitdir, commit, base, task, place / "checkout", place / "seal")
        tampered += checkout.tampered
        marker = os.environ.get("RALPHBENCH_OWNER", f"grading-{os.getpid()}:{task.name}")
        spec = SandboxSpec(worktree=checkout.path, home=place / "home", marker=marker)
        with open_sandbox(sandbox_kind, spec) as sandbox:
            for result, traces in Run(task, checkout, sandbox, place / "home", out).results():
                tampered += traces
                yield result


def phases_of(task: Task, gates: tuple[GateResult, ...]) -> dict[str, bool]:
    """For each phase that has goal gates: whether all of them pass and no guard fails."""
    guards_hold = all(g.outcome is GateOutcome.PASS for g in gates if g.kind is GateKind.GUARD)
    found: dict[str, bool] = {}
    for phase in task.phases:
        goals = [g for g in gates if g.kind is GateKind.GOAL and g.phase == phase]
        if goals:
            found[phase] = guards_hold and all(g.outcome is GateOutcome.PASS for g in goals)
    return found
