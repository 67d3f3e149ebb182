"""Whose doing it was that the harness could not write, or could not put the worktree right.

A contender that fills its disk has crashed, and has not earned another try; one whose disk somebody else has filled goes
on when there is room. What convicts is that all would be well without what the contender has left behind.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ralphbench.errors import DiskError, DiskFull, WorkspaceError
from ralphbench.record import Room, free_room, size_text, taken_by
from ralphbench.workspace import STATE, Git, Workspace, clear_out, of_the_agent, open_mirror, remove_tree, tree_bytes


def own_doing(error: DiskError | WorkspaceError, workspace: Workspace, commit: str, mirror: Path) -> str | None:
    """Why it was the contender's own, in words; None: it may be the machine's.

    To be asked when nothing of its stages lives any more. Where it has filled the disk, its files are gone afterwards, but
    for what was committed. `commit`: what its worktree must be put back to.
    """
    free = free_room(workspace.folder if workspace.folder.is_dir() else mirror)
    if not free.enough():
        return _has_filled(error, workspace, free)
    if isinstance(error, DiskFull):
        return None  # there is room again: it was somebody else who took it, or the disk is another one
    if _can_go_on(workspace, commit) or not _another_could(workspace.folder, mirror, workspace.branch):
        return None
    return f"it left its worktree so that nobody can put it right: {error.message}"


def own_wreck(error: DiskError | WorkspaceError, folder: Path, mirror: Path, branch: str) -> str | None:
    """Why it was the contender's own that the workspace it worked in cannot be opened; None: it may be the machine's.

    What is torn may be a power cut's doing, and what is gone with its whole folder that of somebody who cleared the cache.
    """
    if isinstance(error, DiskError) or not folder.is_dir() or (folder / "harness" / STATE).exists():
        return None
    if not free_room(folder).enough():
        return None
    if not _another_could(folder, mirror, branch):
        return None
    return f"it left its workspace so that nobody can open it: {error.message}"


def _has_filled(error: DiskError | WorkspaceError, workspace: Workspace, free: Room) -> str | None:
    taken, given = taken_by(of_the_agent(workspace)), tree_bytes(Git(workspace.gitdir), workspace.base)
    own = Room(max(0, taken.bytes - given), taken.files)
    if not free.plus(own).enough():
        return None
    clear_out(workspace)
    return f"it filled the disk: {size_text(own.bytes)} in {own.files} files of its own ({error.message})"


def _can_go_on(workspace: Workspace, commit: str) -> bool:
    try:
        workspace.restore(commit)
        tempfile.TemporaryFile(dir=workspace.home).close()
    except (WorkspaceError, DiskError, OSError):
        return False
    return True


def _another_could(workspace: Path, mirror: Path, branch: str) -> bool:
    """Whether a new worktree can be made, so that git, the mirror and the disk are well. It lies in the workspace's own
    folder, and goes with it where this process is killed.
    """
    folder = workspace / "another"
    try:
        remove_tree(folder)
        another = Workspace.create(folder, open_mirror(mirror), branch)
        another.restore(another.base)
        another.remove()
    except (WorkspaceError, DiskError, OSError):
        return False
    return True
