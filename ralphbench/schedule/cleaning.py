"""What runs leave in the cache: found, and removed on request. Records are not touched."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ralphbench.grading import remove_abandoned
from ralphbench.record import ExperimentFolder, read_spec
from ralphbench.schedule.holding import removing_mirrors
from ralphbench.schedule.places import Places
from ralphbench.schedule.resuming import end_former, is_of
from ralphbench.trial import keep_work
from ralphbench.workspace import remove_tree


@contextlib.contextmanager
def alone(places: Places, record: ExperimentFolder, *, mirrors: bool = False) -> Iterator[None]:
    """Nobody runs the experiment, nor its smoke run; `mirrors`: nobody runs any. Raises AlreadyRunning, DiskError."""
    with contextlib.ExitStack() as held:
        for each in _records(record):
            held.enter_context(each.owner())
        if mirrors:
            held.enter_context(removing_mirrors(places))
        yield


def leftovers(places: Places, record: ExperimentFolder, *, mirrors: bool = False) -> list[tuple[Path, int]]:
    """Folders of the cache that belong to an experiment, with their size in bytes."""
    names = (record.name, f"{record.name}+plans", f"{record.name}.smoke", f"{record.name}.smoke+plans")
    folders = [places.workspaces(record.path.parent, name) for name in names]
    if mirrors:
        folders.append(places.mirrors)
    return [(folder, _size(folder)) for folder in folders if folder.exists()]


def keep_unfinished(record: ExperimentFolder, say: Callable[[str], None]) -> None:
    """Bring the commits of attempts that were cut off into the record, before their worktrees are removed.

    Raises DiskError, WorkspaceError where that cannot be done: nothing may be removed then.
    """
    for each in _records(record):
        for source in (each, each.plans()):
            for cell, number, result, _ in source.summaries():
                folder = source.folder(cell, number)
                spec = read_spec(folder) if result is None else None
                if spec is not None and is_of(spec, folder) and spec.workspace.exists():
                    end_former(folder)
                    if keep_work(spec.workspace, folder):
                        say(f"kept the commits of {cell} a{number} in {folder.bundle}")


def _records(record: ExperimentFolder) -> list[ExperimentFolder]:
    """The experiment's, and that of its smoke run where there is one."""
    smoke = ExperimentFolder(record.path.parent, f"{record.name}.smoke")
    return [record, *([smoke] if smoke.path.is_dir() else [])]


def remove_leftovers(places: Places, found: Sequence[tuple[Path, int]]) -> None:
    """And what judges that were killed have left; where one is at work, it stays."""
    remove_abandoned(places.grading)
    for folder, _ in found:
        remove_tree(os.fsencode(folder))


def _size(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:
                continue  # gone meanwhile
    return total
