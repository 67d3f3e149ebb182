"""Takes out of an agent's worktree what git neither sees nor removes. Raises WorkspaceError for what cannot be removed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ralphbench.errors import WorkspaceError
from ralphbench.workspace.git import Git, printable
from ralphbench.workspace.publish import dot_git
from ralphbench.workspace.scan import ignored_of
from ralphbench.workspace.survey import remove_tree, survey


def ground(tree: Path, repo: Path) -> None:
    """The worktree must be a folder of its own: an agent may have removed it, or put a link in its place."""
    if tree.is_dir() and not tree.is_symlink():
        return
    remove(os.fsencode(tree))
    tree.mkdir()
    (tree / ".git").write_bytes(dot_git(repo))


def clear(git: Git, tree: Path) -> None:
    """Remove special files, repositories inside, empty folders; not the ignored ones."""
    found = survey(tree)
    root = os.fsencode(tree)
    for path in found.rules:
        remove(root + b"/" + path)  # first: the next question reads such files
    others = [path for path in (*found.special, *found.nested, *found.empty, *found.closed) if path]
    ignored = ignored_of(git, others)
    sweep(tree, [path for path in others if path not in ignored])


def sweep(tree: Path, paths: Iterable[bytes]) -> int:
    """Remove the paths, and the folders above them that are empty then; how many paths they were."""
    root, count = os.fsencode(tree), 0
    for path in paths:
        remove(root + b"/" + path)
        _remove_empty(root, path)
        count += 1
    return count


def remove(path: bytes) -> None:
    """Remove a file or a whole folder, whatever its permissions."""
    try:
        remove_tree(path)
    except OSError as error:
        raise WorkspaceError(f"{printable(path)} could not be removed: {error.strerror}") from error


def _remove_empty(root: bytes, path: bytes) -> None:
    """Remove the folders above a removed path that are empty now, up to the root."""
    while path := os.path.dirname(path):
        try:
            os.rmdir(root + b"/" + path)
        except OSError:
            return
