"""Make an index say what a folder holds: all files but the ignored ones, repositories inside as their files."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from ralphbench.workspace.git import Git, printable
from ralphbench.workspace.survey import files_under, remove_tree, survey


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in the worktree that a commit cannot hold."""

    path: str
    why: str


def scan(git: Git) -> tuple[Skipped, ...]:
    """Bring `git`'s index up to its worktree. Fast where nothing changed: files are compared by their stat data.

    Returns what had to be left out. Raises the error of `git`.
    """
    assert git.worktree is not None
    skipped = _prepare(git, git.worktree)
    changed = git.run("diff-files", "-z", "--name-status", "--no-renames").split(b"\0")
    tracked = [(changed[n + 1], changed[n] == b"D") for n in range(0, len(changed) - 1, 2)]
    others = git.lines("ls-files", "-z", "--others", "--exclude-standard")
    add, gone = _sort(git, tracked, others, skipped)
    if gone:
        git.run("update-index", "--force-remove", "-z", "--stdin", stdin=joined(gone))
    if add:
        git.run("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=joined(add))
    return tuple(skipped)


def _prepare(git: Git, root: Path) -> list[Skipped]:
    """Clear away what git would stumble over; what git leaves out in silence is named."""
    found = survey(root)
    skipped = [
        Skipped(printable(p), "removed: it has the name of git's rules, and is no file of sane size")
        for p in found.rules
    ]
    for path in found.rules:
        remove_tree(os.fsencode(root) + b"/" + path)
    named = [(p, "a FIFO, socket or device") for p in found.special] + [(p, "cannot be opened") for p in found.closed]
    ignored = ignored_of(git, [path for path, _ in named if path])
    return skipped + [Skipped(printable(path), why) for path, why in named if path not in ignored]


def _sort(
    git: Git, tracked: list[tuple[bytes, bool]], others: list[bytes], skipped: list[Skipped]
) -> tuple[list[bytes], list[bytes]]:
    """(to add, to remove); what can be neither goes to `skipped`."""
    root = os.fsencode(git.worktree or "")
    gone = [path for path, missing in tracked if missing]
    add = []
    new = [p for p in others if not p.endswith(b"/")]
    new += _inside_nested(git, root, [p for p in others if p.endswith(b"/")])
    known = [path for path, missing in tracked if not missing]
    for path, is_known in [*((p, True) for p in known), *((p, False) for p in new)]:
        why = _unfit(root, path)
        if why is None:
            add.append(path)
        elif is_known:
            gone.append(path)
        if why:
            skipped.append(Skipped(printable(path), why))
    return add, gone


def _inside_nested(git: Git, root: bytes, nested: list[bytes]) -> list[bytes]:
    """The files of repositories inside the tree, which git itself would list as one entry each."""
    inside = [path for folder in nested for path in files_under(root, folder.rstrip(b"/"))]
    ignored = ignored_of(git, inside)
    return [path for path in inside if path not in ignored]


def ignored_of(git: Git, paths: list[bytes]) -> set[bytes]:
    """Those of the paths that the tree's `.gitignore` files name."""
    if not paths:
        return set()
    # This command knows no literal pathspecs; behind `./` a name cannot be taken for anything else.
    plain = replace(git, extra=dict(git.extra) | {"GIT_LITERAL_PATHSPECS": "0"})
    named = joined([b"./" + path for path in paths])
    out = plain.full("check-ignore", "--no-index", "-z", "--stdin", stdin=named, ok=(0, 1))[1]
    return {path.removeprefix(b"./") for path in out.split(b"\0") if path}


def _unfit(root: bytes, path: bytes) -> str | None:
    """Why a path cannot be committed; None: it can; empty: there is nothing to say, it is a folder or gone."""
    try:
        mode = os.lstat(root + b"/" + path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return error.strerror or "cannot be looked at"
    names = path.lower().split(b"/")
    if b".git" in names or (stat.S_ISLNK(mode) and names[-1] == b".gitmodules"):
        return "a name that git keeps for itself"
    if stat.S_ISDIR(mode):
        return ""
    if stat.S_ISLNK(mode):
        return None
    if not stat.S_ISREG(mode):
        return ""  # already named by the survey
    return _unreadable(root + b"/" + path, mode)


def _unreadable(path: bytes, mode: int) -> str | None:
    """Make a file readable for its owner where it is not; the reason where that cannot be done."""
    if os.access(path, os.R_OK, follow_symlinks=True):
        return None
    try:
        os.chmod(path, stat.S_IMODE(mode) | stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def joined(paths: list[bytes]) -> bytes:
    """Paths as git reads them with `-z`."""
    return b"".join(path + b"\0" for path in paths)
