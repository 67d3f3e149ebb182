"""What can be said against a task's gates without running one."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath

from ralphbench.errors import TaskError
from ralphbench.grading.lay import hidden_files
from ralphbench.grading.reports import READERS
from ralphbench.model import Gate, GateKind, Task
from ralphbench.workspace import Globs, printable


def lint(task: Task) -> list[str]:
    """Problems, each with what to change; empty: the gates can be run."""
    problems: list[str] = []
    if not any(gate.kind is GateKind.GOAL for gate in task.gates):
        problems.append("the task has no goal gate, so there is nothing to reach: add one with `kind: goal`")
    for name, times in Counter(gate.id for gate in task.gates).items():
        if times > 1:
            problems.append(f"gate {name!r} is there {times} times: every gate needs an id of its own")
    for gate in task.gates:
        problems += _gate(gate, task)
    n, phases = len(task.references), len(task.phases)
    if task.phase is None and phases > 1 and n not in (0, 1, phases):
        problems.append(f"there are {n} reference patches for {phases} phases: give one for each phase, or one for all")
    problems += [f"the reference patch {patch} does not exist" for patch in task.references if not patch.is_file()]
    for words in (task.protected, task.replaced):
        try:
            Globs(words)
        except TaskError as error:
            problems.append(str(error))
            return problems
    return problems + _hidden(task)


def _gate(gate: Gate, task: Task) -> list[str]:
    problems = []
    if not gate.run.strip():
        problems.append(f"gate {gate.id!r} has no command: give it a `run`")
    if gate.weight <= 0 and gate.kind is GateKind.GOAL:
        problems.append(f"gate {gate.id!r} has the weight {gate.weight:g}: a goal needs one above 0")
    if gate.phase is not None and task.phases and gate.phase not in task.phases:
        problems.append(f"gate {gate.id!r} is of phase {gate.phase!r}, which is none of {', '.join(task.phases)}")
    if gate.report is not None:
        path = PurePosixPath(gate.report.path)
        if gate.report.format not in READERS:
            problems.append(
                f"gate {gate.id!r} has a report in {gate.report.format!r}: known are {', '.join(sorted(READERS))}"
            )
        if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] == "hidden":
            problems.append(
                f"gate {gate.id!r} writes its report to {gate.report.path!r}: name a path in the checkout, not in hidden/"
            )
        if gate.report.min_tests < 1:
            problems.append(f"gate {gate.id!r} would pass with no test run: its `min_tests` must be at least 1")
    return problems


def _hidden(task: Task) -> list[str]:
    """The files that judge, and those that are laid over the agent's."""
    try:
        laid = hidden_files(task.hidden)
    except TaskError as error:
        return [str(error)]
    problems = []
    replaced = Globs(task.replaced)
    over = [one.path for one in laid if not one.path.startswith(b"hidden/")]
    untold = [printable(path) for path in over if not replaced.match(path)]
    if untold:
        problems.append(
            f"hidden/overlay/ lays over {', '.join(untold)}, which the agent is not told: name it under `replaced`"
        )
    for pattern in task.replaced:
        if not any(Globs([pattern]).match(path) for path in over):
            problems.append(f"`replaced` names {pattern!r}, but hidden/overlay/ has no such file")
    judging = {one.path.decode("utf-8", "replace") for one in laid}
    for gate in task.gates:
        for word in gate.run.replace("'", " ").replace('"', " ").replace(";", " ").split():
            if word.startswith("hidden/") and _is_name(word) and word not in judging and not _is_folder(word, judging):
                problems.append(f"gate {gate.id!r} runs {word}, which is not there")
    return problems


def _is_name(word: str) -> bool:
    return not set(word) & set("*?[]$`(){}<>|&")


def _is_folder(word: str, files: set[str]) -> bool:
    return any(name.startswith(word.rstrip("/") + "/") for name in files)
