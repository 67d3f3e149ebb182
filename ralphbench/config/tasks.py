"""Tasks: folders that hold a task.yaml, read, checked and given their digests."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ralphbench.config.digests import digest, file_parts, gates_digest, target_files
from ralphbench.config.names import TASK_FILE, name_problem, task_folder, task_names
from ralphbench.config.phases import one_phase
from ralphbench.config.problems import Problems, did_you_mean
from ralphbench.config.variables import expand
from ralphbench.config.yamlfile import Document, read_yaml
from ralphbench.errors import ConfigError, UnknownName
from ralphbench.model import Gate, GateKind, Report, Target, Task
from ralphbench.model.codec import canonical

if TYPE_CHECKING:
    from ralphbench.config.task_words import GateWords, TargetWords, TaskWords


def load_task(name: str, *specs: Path) -> Task:
    """A task `<task>` or one phase of it, `<task>/<phase>`, from the first of the folders `specs` that holds it.

    Raises UnknownName, or ConfigError (ConfigErrors) with every mistake of its task.yaml.
    """
    whole, slash, phase = name.partition("/")
    folder = task_folder(whole, specs)
    if folder is None:
        where = f"in {' or '.join(str(s) for s in specs)}"
        raise UnknownName("task", whole, task_names(specs, phases=False), where=where)
    return load_folder(folder, phase=phase if slash else None)


def load_folder(folder: Path, *, phase: str | None = None) -> Task:
    """The task in a folder, or one phase of it. Raises as `load_task`."""
    from ralphbench.config.checked import check
    from ralphbench.config.task_words import TaskWords

    folder = folder.absolute()
    document = read_yaml(folder / TASK_FILE, label=f"{folder.name}/{TASK_FILE}")
    words = check(TaskWords, document.data, document)
    problems = Problems()
    for step in (_check_name, _check_phases, _check_gates):
        with problems.collected():
            step(words, document)
    task: Task | None = None
    with problems.collected():
        target = _target(words.target, document)
        task = _task(words, document, target)
    problems.raise_if_any()
    assert task is not None
    if phase is not None:
        if phase not in task.phases:
            raise UnknownName(f"phase of task {task.name!r}", phase, task.phases, where=str(document.file))
        task = one_phase(task, phase, document)
    try:
        return _digested(task, words.target.repo)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"the task's files cannot be read: {error}", file=folder) from error


def _check_name(words: TaskWords, document: Document) -> None:
    problem = name_problem(document.file.parent.name)
    if problem:
        raise ConfigError(f"the task's folder gives its name: {problem}", file=document.file)


def _check_phases(words: TaskWords, document: Document) -> None:
    if len(set(words.phases)) < len(words.phases):
        raise document.error(("phases",), f"names a phase twice: {', '.join(words.phases)}")
    for phase in words.phases:
        if not any(gate.phase == phase and gate.kind == GateKind.GOAL for gate in words.gates):
            raise document.error(("phases",), f"no goal gate judges the phase {phase!r}")


def _check_gates(words: TaskWords, document: Document) -> None:
    problems = Problems()
    seen: dict[str, int] = {}
    for n, gate in enumerate(words.gates):
        if gate.id in seen:
            problems.add(document.error(("gates", n, "id"), f"{gate.id!r} is the id of gates[{seen[gate.id]}] too"))
        seen.setdefault(gate.id, n)
        if gate.phase is not None and gate.phase not in words.phases:
            known = f" (phases: {', '.join(words.phases) or 'none'})"
            message = f"there is no phase {gate.phase!r}{did_you_mean(gate.phase, words.phases)}{known}"
            problems.add(document.error(("gates", n, "phase"), message))
        if words.phases and gate.phase is None and gate.kind == GateKind.GOAL:
            message = f"a goal gate of a task in phases names its phase ({', '.join(words.phases)})"
            problems.add(document.error(("gates", n), message))
    if not any(gate.kind == GateKind.GOAL for gate in words.gates):
        message = "no gate is of kind goal: nothing would tell a solved task from an untouched one"
        remedy = "add a gate that fails at base and passes when the work is done"
        problems.add(document.error(("gates",), message, remedy=remedy))
    problems.raise_if_any()


def _target(words: TargetWords, document: Document) -> Target:
    """Paths stay relative to the task's folder, as they were written."""
    key = "path" if words.path is not None else "repo"
    text = str(words.path or words.repo)
    try:
        text = expand(text)
    except ValueError as error:
        raise document.error(("target", key), str(error)) from error
    if words.repo is not None:
        return Target(repo=text, base=words.base)
    if not (document.file.parent / text).is_dir():
        raise document.error(("target", "path"), f"there is no folder {document.file.parent / text}")
    return Target(path=Path(text))


def _task(words: TaskWords, document: Document, target: Target) -> Task:
    folder = document.file.parent
    plan = folder / "plan.yaml"
    return Task(
        name=folder.name,
        folder=folder.resolve(),
        title=words.title,
        spec=_spec(words, document),
        target=target,
        gates=tuple(_gate(gate) for gate in words.gates),
        protected=tuple(words.protected),
        replaced=tuple(words.replaced),
        phases=tuple(words.phases),
        tags=tuple(words.tags),
        languages=tuple(words.languages),
        needs=tuple(words.needs),
        references=_references(words.phases, document),
        plan=plan.resolve() if plan.is_file() else None,
        meta={"suite": words.suite} if words.suite else {},
    )


def _spec(words: TaskWords, document: Document) -> str:
    try:
        file = document.file.parent / expand(words.spec)
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise document.error(("spec",), f"{error.filename} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise document.error(("spec",), f"{file} is not UTF-8 at byte {error.start}") from error
    except ValueError as error:
        raise document.error(("spec",), str(error)) from error
    if not text.strip():
        raise document.error(("spec",), f"{file} is empty")
    return text


def _gate(words: GateWords) -> Gate:
    from ralphbench.config.task_words import REPORTS

    report = None
    if words.report is not None:
        format_ = next(name for name in REPORTS if getattr(words.report, name) is not None)
        report = Report(format_, getattr(words.report, format_), words.report.min_tests)
    return Gate(words.id, GateKind(words.kind), words.run, words.timeout, words.phase, words.weight, report)


def _references(phases: Sequence[str], document: Document) -> tuple[Path, ...]:
    """`reference.patch`, or `reference/<phase>.patch` for every phase; none where the task has no solution."""
    folder = document.file.parent.resolve()
    alone, several = folder / "reference.patch", folder / "reference"
    if not several.is_dir():
        return (alone,) if alone.is_file() else ()
    if alone.exists():
        raise ConfigError("both reference.patch and reference/ are there; keep one", file=folder)
    if not phases:
        raise ConfigError("reference/ holds a patch for each phase, but task.yaml names no phases", file=several)
    found = {path.stem for path in several.glob("*.patch")}
    missing = [phase for phase in phases if phase not in found]
    extra = sorted(found - set(phases))
    if missing or extra:
        said = [f"no patch for {', '.join(missing)}"] if missing else []
        said += [f"patches for no phase: {', '.join(extra)}"] if extra else []
        raise ConfigError(f"{'; '.join(said)} (phases: {', '.join(phases)})", file=several)
    return tuple(several / f"{phase}.patch" for phase in phases)


def _digested(task: Task, repo: str | None) -> Task:
    """The task with both digests. `repo`: as written, so that the digest does not depend on where one's home is."""
    from dataclasses import replace

    words: dict[str, Any] = {
        "title": task.title,
        "spec": task.spec,
        "phases": task.phases,
        "phase": task.phase,
        "protected": task.protected,
        "replaced": task.replaced,
        "repo": repo,
        "base": task.target.base,
    }
    parts = [canonical(words), *(patch.read_bytes() for patch in task.start)]
    if task.target.path is not None:
        root = task.folder / task.target.path
        parts += file_parts(root, target_files(root))
    return replace(task, digest=digest(parts), gates_digest=gates_digest(task.gates, task.references, task.hidden))
