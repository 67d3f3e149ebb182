"""What judges a task, kept beside the attempts that it judges: its hidden files and its reference patches, by their digest.

A task's folder is its author's to edit, also while a run goes on, and on the host an agent can reach it. All attempts of a
run are judged by what was there when its gates were proven.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from pathlib import Path

from ralphbench.config import gates_digest
from ralphbench.errors import TaskError
from ralphbench.grading.lay import hidden_files
from ralphbench.model import Task
from ralphbench.record import Quarantine, disk_errors, make_folder, report, set_aside
from ralphbench.workspace import remove_tree

_HALF = ".tmp-"


def require_gates(task: Task) -> None:
    """Raises TaskError where what judges the task is not what it was when the task was read."""
    try:
        found = gates_digest(task.gates, task.references, task.hidden)
    except OSError as error:
        raise TaskError(f"what judges {task.name} cannot be read: {error}", remedy=f"ls -l {task.folder}") from error
    if found != task.gates_digest:
        raise TaskError(
            f"what judges {task.name} was changed: the files in {task.folder} are not those that were proven",
            remedy=f"ls -lt {task.hidden}   # put them back, or type the same command again",
        )


def keep_gates(task: Task, store: Path, quarantine: Quarantine | None = None) -> Path:
    """Keep it as `<store>/<gates digest>`, once; what lies there and is not it any more is set aside and reported.

    One process at a time, as the experiment's lock has it; what a killed one left half made is removed. Raises TaskError
    where the task's own folder has changed since it was read, DiskError.
    """
    dest = store / task.gates_digest
    for leftover in store.glob(f"{_HALF}*"):
        remove_tree(leftover)
    if check_gates(task, dest, quarantine):
        return dest
    make_folder(store)
    with disk_errors(dest), tempfile.TemporaryDirectory(prefix=_HALF, dir=store) as temporary:
        made = Path(temporary) / "gates"
        _copy(task, made)
        require_gates(with_kept_gates(task, made))
        made.rename(dest)
    return dest


def check_gates(task: Task, kept: Path, quarantine: Quarantine | None = None) -> bool:
    """Whether what judges a task is kept there, and whole. What was changed is set aside and reported, and is then not there."""
    if not kept.is_dir():
        return False
    try:
        require_gates(with_kept_gates(task, kept))
    except TaskError:
        report(quarantine, set_aside(kept, f"is not what judges {task.name}"))
        return False
    return True


def with_kept_gates(task: Task, kept: Path) -> Task:
    """The task, judged by what was kept."""
    references = tuple(kept / _name(n) for n in range(len(task.references)))
    return dataclasses.replace(task, folder=kept, references=references)


def _name(n: int) -> str:
    return f"reference/{n + 1:02}.patch"


def _copy(task: Task, made: Path) -> None:
    """Read-only, so that nobody edits the copy for the original."""
    (made / "hidden" if task.hidden.is_dir() else made).mkdir(parents=True)
    for one in hidden_files(task.hidden):
        name = os.path.relpath(one.source, os.fsencode(task.hidden))
        _put(one.source, os.path.join(os.fsencode(made), b"hidden", name))
    for n, patch in enumerate(task.references):
        _put(os.fsencode(patch), os.fsencode(made / _name(n)))


def _put(source: bytes, dest: bytes) -> None:
    os.makedirs(os.path.dirname(dest), exist_ok=True)
    shutil.copyfile(source, dest)
    os.chmod(dest, 0o555 if os.access(source, os.X_OK) else 0o444)
