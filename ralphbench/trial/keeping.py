"""The work of an attempt that does not come to its own end, brought into the record before its worktree goes."""

from __future__ import annotations

from pathlib import Path

from ralphbench.errors import WorkspaceError
from ralphbench.record import AttemptFolder
from ralphbench.workspace import Workspace


def keep_work(workspace: Path, folder: AttemptFolder) -> bool:
    """Bundle what was committed there, and what lay in the worktree as `wip`, with their patches; True: there was some.

    False, and nothing is done, where there is no complete workspace. Nothing of the attempt may be running any more.
    Raises DiskError, and WorkspaceError where the work cannot be read: then the worktree must stay.
    """
    try:
        opened = Workspace.open(workspace)
    except WorkspaceError:
        return False  # half made, or gone: nobody has worked in it
    wip = opened.commit("cut off", wip=True)
    if opened.bundle(folder.bundle) is None:
        return False
    opened.patch(opened.base, opened.head, folder.patch)
    if wip is not None:
        opened.patch(opened.head, wip, folder.wip_patch)
    return True
