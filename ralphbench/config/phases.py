"""One phase of a task as a task of its own: it starts from the reference of the phases before."""

from __future__ import annotations

from dataclasses import replace

from ralphbench.config.yamlfile import Document
from ralphbench.model import Gate, GateKind, Task


def one_phase(task: Task, phase: str, document: Document) -> Task:
    """`<task>/<phase>`: judged by the phase's goals, all guards, and the goals of earlier phases as guards.

    The goals of earlier phases pass at its base, since the references of those phases are in it; those of later phases are
    nobody's business. `document` is its task.yaml, for the error where the task has no patch for each phase.
    """
    if len(task.references) != len(task.phases):
        message = f"one phase alone needs a patch for each phase in reference/, found {len(task.references)}"
        raise document.error(("phases",), message, remedy=f"ls {task.folder / 'reference'}")
    n = task.phases.index(phase)
    gates = tuple(gate for found in task.gates if (gate := _of_phase(found, phase, task.phases[:n])) is not None)
    return replace(
        task,
        name=f"{task.name}/{phase}",
        title=f"{task.title}: {phase}",
        spec=f"{_preface(task, n)}\n{task.spec}",
        gates=gates,
        phases=(phase,),
        phase=phase,
        references=(task.references[n],),
        start=task.references[:n],
        # The plan of the whole is no plan for a part.
        plan=None,
    )


def _of_phase(gate: Gate, phase: str, earlier: tuple[str, ...]) -> Gate | None:
    if gate.kind is GateKind.GUARD:
        return gate if gate.phase in (None, phase) else replace(gate, phase=None)
    if gate.phase == phase:
        return gate
    return replace(gate, kind=GateKind.GUARD, phase=None) if gate.phase in earlier else None


def _preface(task: Task, n: int) -> str:
    phase, earlier, later = task.phases[n], task.phases[:n], task.phases[n + 1 :]
    lines = [
        f"# What is wanted: the phase `{phase}` alone",
        "",
        f"The text below describes the whole of the work, in {len(task.phases)} phases: {_listed(task.phases)}.",
        f"Do the phase `{phase}`, and only that one.",
    ]
    if earlier:
        lines.append(f"Done already, in the tree that you are given, and to be left working: {_listed(earlier)}.")
    if later:
        lines.append(f"Not wanted now, and not to be begun: {_listed(later)}.")
    return "\n".join(lines) + "\n"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
