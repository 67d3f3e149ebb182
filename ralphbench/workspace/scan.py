"""Make an index say what a folder holds: all files but the ignored ones, repositories inside as their files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ralphbench.workspace.git import Git, printable
from ralphbench.workspace.survey import Survey, remove_tree, survey


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in the worktree that a commit cannot hold."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Scanned:
    """What of a worktree the index does not hold."""

    skipped: tuple[Skipped, ...]
    beside: tuple[bytes, ...]
    """Paths of all that is there and in no commit: what is ignored, and what was skipped."""


SPECIAL = "a FIFO, socket or device"


def scan(git: Git, *, ours: bool = True) -> Scanned:
    """Bring `git`'s index up to its worktree. Fast where nothing changed: files are compared by their stat data.

    `ours`: the harness made the worktree, and may open what is closed and remove what git would stumble over; False:
    nothing in it is touched, and that is an error. Raises the error of `git`.
    """
    assert git.worktree is not None
    root = os.fsencode(git.worktree)
    found = survey(git.worktree, open_up=ours)
    skipped = _stumbling(git, root, found, ours)
    tracked, present = set(git.lines("ls-files", "-z")), set(found.files)
    if gone := tracked - present:
        git.run("update-index", "--force-remove", "-z", "--stdin", stdin=joined(gone))
    new = _not_ignored(git, present - tracked, tracked)
    changed = git.lines("diff-files", "-z", "--name-only", "--no-renames")
    add = []
    for path in [*changed, *new]:
        why = _unfit(root, path, ours)
        if why is None:
            add.append(path)
        else:
            skipped.append(Skipped(printable(path), why))
    if add:
        git.run("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=joined(add))
    others = (present - tracked).difference(add)
    beside = (*others, *found.special, *found.nested, *found.empty, *found.closed)
    return Scanned(tuple(skipped), tuple(path for path in beside if path))


def _stumbling(git: Git, root: bytes, found: Survey, ours: bool) -> list[Skipped]:
    """Clear away what git would stumble over; what cannot be committed is named."""
    skipped = []
    for path in found.rules:
        what = "has the name of git's rules, and is no file of sane size"
        if not ours:
            raise git.error(f"{printable(root)}/{printable(path)} {what}")
        try:
            remove_tree(root + b"/" + path)
        except OSError as error:
            raise git.error(f"{printable(path)} {what}, and cannot be removed: {error.strerror}") from error
        skipped.append(Skipped(printable(path), f"removed: it {what}"))
    named = [(p, SPECIAL) for p in found.special] + [(p, "a folder that cannot be opened") for p in found.closed]
    ignored = ignored_of(git, [path for path, _ in named if path])
    return skipped + [Skipped(printable(path) or ".", why) for path, why in named if path not in ignored]


def _not_ignored(git: Git, new: set[bytes], tracked: set[bytes]) -> list[bytes]:
    """Those of the new files that no `.gitignore` names. A folder without a tracked file is asked about as a whole first."""
    known = _folders(tracked)
    tops = {path: _top(path, known) for path in new}
    ignored = ignored_of(git, list({top for top in tops.values() if top}))
    left = [path for path, top in tops.items() if top not in ignored]
    ignored = ignored_of(git, left)
    return [path for path in left if path not in ignored]


def _folders(paths: set[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for folder in {os.path.dirname(path) for path in paths}:
        while folder and folder not in found:
            found.add(folder)
            folder = os.path.dirname(folder)
    return found


def _top(path: bytes, known: set[bytes]) -> bytes | None:
    """The outermost folder of a path in which nothing is tracked."""
    at = path.find(b"/")
    while at >= 0:
        if path[:at] not in known:
            return path[:at]
        at = path.find(b"/", at + 1)
    return None


def ignored_of(git: Git, paths: list[bytes]) -> set[bytes]:
    """Those of the paths that the tree's `.gitignore` files name."""
    if not paths:
        return set()
    # This command knows no literal pathspecs; behind `./` a name cannot be taken for anything else.
    plain = replace(git, extra=dict(git.extra) | {"GIT_LITERAL_PATHSPECS": "0"})
    named = joined([b"./" + path for path in paths])
    out = plain.full("check-ignore", "--no-index", "-z", "--stdin", stdin=named, ok=(0, 1))[1]
    return {path.removeprefix(b"./") for path in out.split(b"\0") if path}


def _unfit(root: bytes, path: bytes, ours: bool) -> str | None:
    """Why a path cannot be committed; None: it can."""
    names = path.lower().split(b"/")
    where = root + b"/" + path
    try:
        mode = os.lstat(where).st_mode
        if b".git" in names or (stat.S_ISLNK(mode) and names[-1] == b".gitmodules"):
            return "a name that git keeps for itself"
        if stat.S_ISREG(mode) and not _readable(where):
            if not ours:
                return "it cannot be read"
            os.chmod(where, stat.S_IMODE(mode) | stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return None


def _readable(where: bytes) -> bool:
    try:
        os.close(os.open(where, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError:
        return False
    return True


def joined(paths: Iterable[bytes]) -> bytes:
    """Paths as git reads them with `-z`."""
    return b"".join(path + b"\0" for path in paths)
