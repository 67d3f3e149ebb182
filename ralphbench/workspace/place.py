"""Where a workspace may be made, and whether what lies there is one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ralphbench.errors import WorkspaceError
from ralphbench.workspace.git import Git
from ralphbench.workspace.survey import remove_tree

STATE = "ralphbench.json"
"""In the harness's repository; written last."""
PARTS = ("repo.git", "tree", "harness", "home")


def refuse_place(folder: Path, branch: str) -> None:
    """Raises WorkspaceError where no workspace can be made; what a killed `create` left there is removed."""
    if _half_made(folder):
        remove_tree(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError(f"the workspace's folder {folder} is not empty", remedy=f"rm -r {folder}")
    refuse_inside(folder)
    if Git().full("check-ref-format", f"refs/heads/{branch}", ok=range(256))[0] != 0:
        raise WorkspaceError(f"git cannot have a branch named {branch!r}", remedy="git help check-ref-format")


def refuse_inside(folder: Path) -> None:
    """Raises WorkspaceError where a folder lies in a repository."""
    for above in folder.resolve().parents:
        bare = (above / "HEAD").is_file() and (above / "objects").is_dir() and (above / "refs").is_dir()
        if bare or (above / ".git").exists():
            raise WorkspaceError(
                f"the workspace {folder} would lie inside the repository {above}, where an agent could reach it",
                remedy="export RALPHBENCH_CACHE=<a folder outside of any repository>",
            )


def whole_index(index: Path, *, sha256: bool) -> bool:
    """Whether an index ends in its own checksum: git does not look, and reads a torn one as names of nothing."""
    try:
        return whole_to_its_sum(index, sha256=sha256)
    except FileNotFoundError:
        return True


def whole_to_its_sum(path: Path, *, sha256: bool) -> bool:
    """Whether a file of git's (an index, a pack) ends in the checksum of what is before it. Raises FileNotFoundError."""
    digest = (hashlib.sha256 if sha256 else hashlib.sha1)(usedforsecurity=False)
    left = path.stat().st_size - digest.digest_size
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(left, 1 << 20))):
            digest.update(chunk)
            left -= len(chunk)
        return left == 0 and file.read() == digest.digest()


def _half_made(folder: Path) -> bool:
    """Whether a killed `create` left the folder behind: parts of a workspace, nothing else, and no state."""
    if not folder.is_dir() or (folder / "harness" / STATE).exists():
        return False
    names = {entry.name for entry in folder.iterdir()}
    return "repo.git" in names and names <= set(PARTS)
