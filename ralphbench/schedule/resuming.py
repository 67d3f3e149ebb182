"""What becomes of an attempt that was cut off, and of its worktree."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ralphbench.errors import DiskError, WorkspaceError
from ralphbench.model import AttemptSpec, Cell
from ralphbench.record import AttemptFolder, ExperimentFolder, read_spec
from ralphbench.sandbox.processes import end_marked
from ralphbench.schedule.survey import CutOff
from ralphbench.trial import keep_work
from ralphbench.workspace import remove_tree

if TYPE_CHECKING:
    from ralphbench.schedule.telling import Teller


def cut_off(teller: Teller, record: ExperimentFolder, cell: Cell, number: int) -> CutOff:
    """Whether an attempt can go on: it was told the same, and its worktree is still there. `record` may be the plans'."""
    folder = record.folder(cell, number)
    spec = read_spec(folder)
    why = _lost(teller, record, cell, folder, spec)
    if why is not None:
        teller.say_once(f"{cell} a{number} was cut off and cannot go on, a new attempt is made: {why}")
        return CutOff.LOST
    assert spec is not None
    return CutOff.GOES_ON if spec.identity == teller.identity_in(record, cell) else CutOff.CHANGED


def _lost(
    teller: Teller, record: ExperimentFolder, cell: Cell, folder: AttemptFolder, spec: AttemptSpec | None
) -> str | None:
    if spec is None:
        return "nothing says what its trial was told"
    if spec.mode != teller.mode_in(record):
        return f"it was begun as a {spec.mode} run"
    if not begun(folder):
        return None if spec.identity == teller.identity_in(record, cell) else "it had not begun"
    if not is_of(spec, folder):
        return f"this record is a copy, and the worktree belongs to {spec.folder}"
    return None if spec.workspace.exists() else f"its worktree {spec.workspace} is gone"


def clear(teller: Teller, record: ExperimentFolder, cell: Cell, number: int, *, keep: bool) -> bool:
    """Remove the worktree of an attempt that is over; `keep`: its work goes into the record first, and where that fails
    the worktree stays (False).
    """
    folder, workspace = record.folder(cell, number), teller.workspace(record, cell, number)
    if keep and workspace.exists():
        end_former(folder)
        try:
            kept = keep_work(workspace, folder)
        except (DiskError, WorkspaceError) as error:
            teller.note(f"the work of {cell} a{number} could not be kept, and stays in {workspace}: {error}")
            return False
        if kept:
            teller.note(f"{cell} a{number} does not go on; its commits are kept in {folder.bundle}")
    with contextlib.suppress(OSError):  # what an agent made unremovable is `ralphbench clean`'s to complain of
        remove_tree(workspace)
    return True


def begun(folder: AttemptFolder) -> bool:
    try:
        return folder.events.stat().st_size > 0
    except FileNotFoundError:
        return False


def is_of(spec: AttemptSpec, folder: AttemptFolder) -> bool:
    """Whether the trial was told of this very folder, or of a place that it has left since; else this is a copy."""
    return spec.folder == folder.path.resolve() or not spec.folder.exists()


def end_former(folder: AttemptFolder) -> None:
    """No two trials on one attempt: one that outlived its run, where that run's own folder cannot be seen from here."""
    spec = read_spec(folder)
    if spec is not None and spec.started_by:
        end_marked(spec.mark)
