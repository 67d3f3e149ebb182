"""What of a workspace is the agent's, and how it is taken away without what the harness has committed."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ralphbench.workspace.git import Git
from ralphbench.workspace.survey import remove_tree
from ralphbench.workspace.worktree import Workspace

_BLOCK = 4096
"""Bytes that a file takes at least, on most file systems."""


def of_the_agent(workspace: Workspace) -> tuple[Path, ...]:
    """The folders that it may write."""
    return workspace.worktree, workspace.repo, workspace.home


def tree_bytes(git: Git, commit: str) -> int:
    """What the files of a commit take on a disk, roughly."""
    listed = git.lines("ls-tree", "-r", "-l", "-z", commit)
    sizes = (line.partition(b"\t")[0].split()[3] for line in listed)
    return sum(-(-int(size) // _BLOCK) * _BLOCK for size in sizes if size != b"-")


def clear_out(workspace: Workspace) -> None:
    """Take away all that it has written, as far as that can be done. `restore` makes a worktree again."""
    for folder in of_the_agent(workspace):
        with contextlib.suppress(OSError):  # what stays is for whoever removes the workspace to complain of
            remove_tree(folder)
