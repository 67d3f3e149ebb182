"""Where the tickets come from, as the experiment says it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ralphbench.config.names import find_experiment
from ralphbench.config.variables import expand
from ralphbench.config.yamlfile import Document, KeyPath
from ralphbench.errors import UnknownName
from ralphbench.model import PlanMode, PlanModeKind, Task

if TYPE_CHECKING:
    from ralphbench.config.words import PlanWords


def plan_mode(words: PlanWords, document: Document, tasks: tuple[Task, ...], root: Path) -> PlanMode:
    """The canonical form. Raises ConfigError, UnknownName. Whether a profile named by `by` exists is told elsewhere."""
    shared = words.shared
    if shared is None:
        return PlanMode()
    at: KeyPath = ("plan", "shared") if ("plan", "shared") in document.lines else ("plan",)
    if shared.by is not None:
        return PlanMode(PlanModeKind.SHARED_BY, shared.by)
    if shared.from_ is not None:
        return PlanMode(PlanModeKind.SHARED_FROM, _other(shared.from_, document, at, root))
    assert shared.file is not None
    return PlanMode(PlanModeKind.SHARED_FILE, _file(shared.file, document, at, tasks))


def _other(name: str, document: Document, at: KeyPath, root: Path) -> str:
    try:
        folder = find_experiment(name, root)
    except UnknownName as error:
        raise UnknownName("experiment", name, error.known, where=document.where((*at, "from"))) from error
    if folder.resolve() == document.file.parent.resolve():
        raise document.error(
            (*at, "from"), "an experiment cannot take its plan from itself", remedy="plan: {mode: own}"
        )
    return folder.name


def _file(text: str, document: Document, at: KeyPath, tasks: tuple[Task, ...]) -> str:
    """A file beside experiment.yaml, for one task; or a bare name that every task's folder holds, for any number of them."""
    here: KeyPath = (*at, "file")
    try:
        path = document.file.parent / expand(text)
    except ValueError as error:
        raise document.error(here, str(error)) from error
    if path.is_file():
        if len(tasks) > 1:
            names = ", ".join(task.name for task in tasks)
            raise document.error(
                here, f"one plan cannot serve {len(tasks)} tasks ({names})", remedy="plan: {mode: own}"
            )
        return str(path.resolve())
    lacking = [task.name for task in tasks if task.phase is not None or not (task.folder / text).is_file()]
    if "/" not in text and tasks and not lacking:
        return text
    message = f"there is no {path}"
    if "/" not in text and len(lacking) < len(tasks):
        message += f", and these tasks have no {text} of their own: {', '.join(lacking)}"
    raise document.error(here, message, remedy="ralphbench plan <experiment> --by <profile> -o plan.yaml")


def plan_warnings(mode: PlanMode, tasks: tuple[Task, ...]) -> tuple[str, ...]:
    """A bare name that stands for a file of the tasks: whoever has another file of that name in mind must be told."""
    if mode.kind is not PlanModeKind.SHARED_FILE or mode.source is None or Path(mode.source).is_absolute():
        return ()
    files = ", ".join(str(task.folder / mode.source) for task in tasks)
    return (
        f"plan.shared.file: no {mode.source} lies beside experiment.yaml, so the tasks' own is used: {files} "
        "(for another file, write its absolute path)",
    )
