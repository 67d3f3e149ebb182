"""A fresh checkout of a final commit in a place that the agent never saw, made fit to be judged.

Protected paths are as at base, what was added under them is gone; `hidden/` holds the grader's files and nothing else;
`hidden/overlay/**` lies over the tree; links that lead out of the tree, and repositories inside it, are refused.
Each of these that the commit made necessary is recorded as tampering.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ralphbench.grading.lay import Laid, as_committed, clear_way, hidden_files, intact, lay
from ralphbench.model import Tampering, Task
from ralphbench.workspace import (
    Entry,
    Git,
    Globs,
    borrow,
    contents,
    entries,
    links_out,
    make_repo,
    printable,
    remove_tree,
)

_HIDDEN = b"hidden"

Files = dict[bytes, Entry]


def seal(gitdir: Path, commit: str, base: str, task: Task, dest: Path) -> tuple[Tampering, ...]:
    """Make the sealed checkout of `commit` in `dest`, which must not be there yet, and leave it there.

    `gitdir`: a repository of the harness with both commits. Raises WorkspaceError, TaskError (a pattern or a hidden
    file that cannot be used), OSError.
    """
    with tempfile.TemporaryDirectory(prefix=".seal-", dir=dest.parent) as temporary:
        return Checkout.make(gitdir, commit, base, task, dest, Path(temporary)).tampered


@dataclass(frozen=True, slots=True)
class Checkout:
    """A sealed checkout. What the grader put there is put there again where a gate's command has changed it."""

    path: Path
    tampered: tuple[Tampering, ...]
    git: Git
    """A repository of its own that borrows objects; its index is the sealed tree."""
    laid: tuple[Laid, ...]
    protected: tuple[Entry, ...]

    @classmethod
    def make(cls, gitdir: Path, commit: str, base: str, task: Task, dest: Path, temporary: Path) -> Checkout:
        """`temporary`: an empty folder that lives as long as the checkout."""
        laid = hidden_files(task.hidden)
        make_repo(temporary / "git", head=commit, bare=False, sha256=len(commit) == 64)
        borrow(temporary / "git", gitdir / "objects")
        git = Git(temporary / "git", worktree=dest, index=temporary / "git/index")
        found = {entry.path: entry for entry in entries(git, commit)}
        wanted, tampered = _decide(git, found, {e.path: e for e in entries(git, base)}, task)
        git.run("read-tree", commit)
        _set_index(git, found, wanted)
        rules = Globs(task.protected)
        protected = tuple(entry for path, entry in wanted.items() if rules.match(path))
        checkout = cls(dest, tampered, git, tuple(laid), protected)
        checkout._fill()
        return checkout

    def renew(self, since: str) -> tuple[Tampering, ...]:
        """Put back what was changed of hidden, laid-over and protected files; `since`: the gate that has just run.

        What was added is left: gates may build on what the gates before have made.
        """
        what = f"changed while the gate {since!r} ran; put back"
        if self.path.is_symlink() or not self.path.is_dir():
            self.start_over()
            return (Tampering(".", what),)
        over = {one.path for one in self.laid}
        changed = [e for e in self.protected if e.path not in over and not as_committed(e, self.path)]
        damaged = [one for one in self.laid if not intact(one, self.path)]
        for entry in changed:
            self._put_back(entry)
        for one in damaged:
            lay(one, self.path)
        paths = [entry.path for entry in changed] + [one.path for one in damaged]
        return tuple(Tampering(printable(path), what) for path in sorted(paths))

    def start_over(self) -> None:
        """Make it again as it was before the first gate. Raises OSError, DiskError."""
        remove_tree(self.path)
        self._fill()

    def _fill(self) -> None:
        self.path.mkdir(parents=True)
        self.git.run("checkout-index", "--all", "--force")
        for one in self.laid:
            lay(one, self.path)

    def _put_back(self, entry: Entry) -> None:
        """Without asking git to check it out: that would read what lies around it, a FIFO named `.gitattributes` too."""
        dest = clear_way(entry.path, self.path)
        if entry.link:
            os.symlink(contents(self.git, [entry.sha])[0], dest)
            return
        mode = 0o755 if entry.mode == "100755" else 0o644
        with os.fdopen(os.open(dest, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            self.git.full("cat-file", "blob", entry.sha, stdout=file)


def _decide(git: Git, found: Mapping[bytes, Entry], base: Files, task: Task) -> tuple[Files, tuple[Tampering, ...]]:
    """(the files of the sealed tree, what had to be put right)."""
    wanted, tampered = dict(found), {}
    for path, entry in found.items():
        if entry.submodule:
            tampered[path] = "a repository inside the tree; refused"
            del wanted[path]
    if task.hidden.is_dir():
        for path in [p for p in wanted if p == _HIDDEN or p.startswith(_HIDDEN + b"/")]:
            if base.get(path) != wanted[path]:
                tampered[path] = "put where the hidden files go; removed"
            del wanted[path]
    _restore_protected(wanted, base, Globs(task.protected), tampered)
    while out := links_out(git, list(wanted.values())):
        for path in out:
            tampered[path] = "a link that leads out of the tree; refused"
            del wanted[path]
    return wanted, tuple(Tampering(printable(path), what) for path, what in sorted(tampered.items()))


def _restore_protected(wanted: Files, base: Files, protected: Globs, tampered: dict[bytes, str]) -> None:
    if not protected:
        return
    for path in [p for p in wanted if p not in base and protected.match(p)]:
        tampered[path] = "protected: added; removed"
        del wanted[path]
    for path, entry in base.items():
        if not protected.match(path) or wanted.get(path) == entry:
            continue
        tampered[path] = "protected: changed; restored" if path in wanted else "protected: removed; restored"
        for above in _folders(path):
            if wanted.pop(above, None) is not None:
                tampered[above] = "in the place of a protected folder; removed"
        wanted[path] = entry


def _folders(path: bytes) -> list[bytes]:
    names = path.split(b"/")
    return [b"/".join(names[:n]) for n in range(1, len(names))]


def _set_index(git: Git, found: Mapping[bytes, Entry], wanted: Files) -> None:
    """Turn the index of `found` into that of `wanted`."""
    lines = [b"0 " + b"0" * len(e.sha) + b"\t" + path for path, e in found.items() if path not in wanted]
    for path, entry in wanted.items():
        if found.get(path) != entry:
            lines.append(f"{entry.mode} {entry.sha}".encode() + b"\t" + path)
    if lines:
        git.run("update-index", "-z", "--index-info", stdin=b"".join(line + b"\0" for line in lines))
