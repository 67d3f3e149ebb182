"""One attempt's tree, and the harness's own repository that commits, compares and rolls back what is in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ralphbench.errors import DiskError, WorkspaceError
from ralphbench.model import codec
from ralphbench.record import disk_errors
from ralphbench.workspace import history
from ralphbench.workspace.beside import Held, marks, read_marks, write_marks
from ralphbench.workspace.clearing import clear, ground, remove, sweep
from ralphbench.workspace.git import Git, printable
from ralphbench.workspace.history import CappedDiff, Commit, FileChange
from ralphbench.workspace.layout import borrow, copy_packs, drop_locks, link_packs, make_repo, packs_of
from ralphbench.workspace.mirror import Mirror, refresh_links
from ralphbench.workspace.place import PARTS, STATE, refuse_place, whole_index
from ralphbench.workspace.publish import make_admin, publish
from ralphbench.workspace.scan import Skipped, scan
from ralphbench.workspace.stage import commit_tree, signed
from ralphbench.workspace.survey import remove_tree

_HEAD = "refs/heads/final"
_WIP = "refs/wip"
_PASSES = 3


@dataclass(frozen=True, slots=True)
class _State:
    """What a workspace is; written last, so that a folder without it is known to be half made."""

    base: str
    branch: str


class Workspace:
    """`<folder>/tree` is the agent's, `<folder>/repo.git` its repository; `<folder>/harness` is out of its reach.

    `head` is the last commit that the harness made of accepted work. Nothing that an agent can do to the first two
    makes a method fail: what cannot be committed is left out and named in `skipped`, what cannot be shown to the agent
    in `notes`. Not for several threads at once.
    """

    def __init__(self, folder: Path, state: _State) -> None:
        self.folder = folder
        self.base = state.base
        self.branch = state.branch
        self.skipped: tuple[Skipped, ...] = ()
        """What the last commit, and every look at the tree before it, had to leave out: FIFOs, sockets, devices, names
        that git cannot hold."""
        self._left: dict[Skipped, None] = {}
        self._beside: tuple[bytes, ...] = ()
        """What the last look at the tree found that no commit holds: ignored files above all."""
        self.notes: tuple[str, ...] = ()
        """Why the last commit could not be shown in the agent's own repository; empty where it could."""
        self._shown = state.base
        """The last commit whose objects the agent's repository was given."""
        self._git = Git(
            folder / "harness", worktree=folder / "tree", index=folder / "harness/index", error=WorkspaceError
        )

    @classmethod
    def create(cls, folder: Path, mirror: Mirror, branch: str) -> Workspace:
        """A new workspace at the mirror's base. Raises WorkspaceError where `folder` is taken, or lies in a repository;
        DiskError.
        """
        refuse_place(folder, branch)
        with disk_errors(folder):
            return cls._create(folder, mirror, branch)

    @classmethod
    def _create(cls, folder: Path, mirror: Mirror, branch: str) -> Workspace:
        for part in PARTS:
            (folder / part).mkdir(parents=True, mode=0o700 if part == "home" else 0o755)
        sha256 = len(mirror.base) == 64
        repo, harness, tree = folder / "repo.git", folder / "harness", folder / "tree"
        make_repo(
            repo,
            head=f"ref: refs/heads/{branch}",
            sha256=sha256,
            more={"user.name": "agent", "user.email": "agent@localhost"},
            attributes=False,
        )
        make_repo(harness, head=mirror.base, bare=False, sha256=sha256, more={"core.logallrefupdates": "false"})
        if not link_packs(refresh_links(mirror.path), packs_of(repo)):
            copy_packs(packs_of(mirror.path), packs_of(repo))
        if not link_packs(packs_of(mirror.path), packs_of(harness)):
            borrow(harness, mirror.path / "objects", error=WorkspaceError)
        if (mirror.path / "shallow").exists():
            for gitdir in (repo, harness):
                (gitdir / "shallow").write_bytes((mirror.path / "shallow").read_bytes())
        make_admin(repo, tree, branch)
        state = _State(mirror.base, branch)
        workspace = cls(folder, state)
        workspace._git.run("update-ref", _HEAD, mirror.base)
        workspace._git.run("read-tree", "-m", "-u", mirror.base)
        workspace._show(mirror.base)
        (harness / STATE).write_bytes(codec.pretty(state))
        return workspace

    @classmethod
    def open(cls, folder: Path) -> Workspace:
        """A workspace that is there, perhaps left by a process that was killed. Raises WorkspaceError."""
        try:
            state = codec.loads((folder / "harness" / STATE).read_bytes(), _State)
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"{folder} holds no complete workspace: {error}", remedy=f"rm -r {folder}") from error
        drop_locks(folder / "harness")
        for leftover in (folder / "harness").glob("show-*"):
            remove_tree(leftover)
        workspace = cls(folder, state)
        if not whole_index(folder / "harness/index", sha256=len(state.base) == 64):
            (folder / "harness/index").unlink(missing_ok=True)  # every file is looked at again
        return workspace

    @property
    def worktree(self) -> Path:
        """The agent's working directory."""
        return self.folder / "tree"

    @property
    def repo(self) -> Path:
        """The agent's repository."""
        return self.folder / "repo.git"

    @property
    def gitdir(self) -> Path:
        """The harness's repository: what grading reads commits from."""
        return self.folder / "harness"

    @property
    def home(self) -> Path:
        """Where the agent's HOME, XDG and TMPDIR folders go."""
        return self.folder / "home"

    @property
    def head(self) -> str:
        """The last commit of accepted work; the base where there is none."""
        return self._git.text("rev-parse", "--verify", _HEAD)

    def tree(self) -> str:
        """The hash of what is in the worktree now: all files but the ignored ones, new ones too."""
        ground(self.worktree, self.repo)
        scanned = scan(self._git)
        self._left |= dict.fromkeys(scanned.skipped)
        self._beside = scanned.beside
        return self._git.text("write-tree")

    def tree_of(self, commit: str) -> str:
        """The tree of a commit, to compare with `tree()`."""
        return self._git.text("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")

    def commit(self, message: str, *, wip: bool = False) -> str | None:
        """Commit what is in the worktree. None: it is the tree of `head`. `wip`: kept beside, `head` stays."""
        head, tree = self.head, self.tree()
        self.skipped, self._left = tuple(self._left), {}
        if tree == self.tree_of(head):
            return None
        commit = commit_tree(replace(self._git, extra=signed()), tree, head, message)
        write_marks(self.gitdir, commit, self._marks(), keep=[head])
        if wip:
            self._git.run("update-ref", f"{_WIP}/{commit}", commit)
            return commit
        self._move(commit)
        self._show(commit)
        return commit

    def restore(self, commit: str) -> int:
        """Make the worktree exactly `commit`, and say how many ignored files were removed: those that were not there, or
        not the same, when it was made. Work goes on from there: it becomes `head`, but for a wip commit. Raises
        WorkspaceError that names what could not be put right.
        """
        sha = self._git.text("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
        removed = self._put_back(Held(self.tree_of(sha), read_marks(self.gitdir, sha)), sha[:12])
        if not self._is_wip(sha):
            self._move(sha)
        self._show(self.head)
        return removed

    def hold(self) -> Held:
        """The worktree as it is, work that is in no commit included: for `put_back`. No commit is made."""
        return Held(self.tree(), self._marks())

    def put_back(self, held: Held) -> None:
        """Make the worktree what it was; `head` stays. Raises WorkspaceError that names what could not be put right."""
        self._put_back(held, "what it was")
        self._show(self.head)

    def _put_back(self, held: Held, name: str) -> int:
        said, have = "", ""
        for _ in range(_PASSES):
            ground(self.worktree, self.repo)
            clear(self._git, self.worktree)
            self.tree()  # what is not ignored is in the index now, so that the next step removes it
            status, _, err = self._git.full("read-tree", "--reset", "-u", held.tree, ok=range(256))
            said = "" if status == 0 else printable(err).strip()[-300:]
            if (have := self.tree()) == held.tree:
                break
        else:
            self._still_different(held.tree, have, name, said)
        self._left = {}
        return sweep(self.worktree, [path for path, mark in self._marks().items() if held.marks.get(path) != mark])

    def _marks(self) -> dict[bytes, bytes]:
        return marks(os.fsencode(self.worktree), self._beside)

    def settle(self, commit: str) -> None:
        """Make `commit` the last accepted work, whatever is in the worktree."""
        self._move(commit)

    def diff(self, a: str, b: str | None = None, *, paths: Sequence[str] = ()) -> bytes:
        """Unified diff from `a` to `b` (None: the worktree, new files too). `paths` are names, not patterns."""
        return history.diff(self._git, a, b or self.tree(), paths)

    def capped_diff(self, a: str, b: str | None = None, *, limit: int, paths: Sequence[str] = ()) -> CappedDiff:
        """For a prompt: the list of files (the first 400) with their line counts, then about `limit` bytes of diff."""
        return history.capped_diff(self._git, a, b or self.tree(), limit=limit, paths=paths)

    def changed(self, a: str, b: str | None = None) -> tuple[FileChange, ...]:
        """The files that differ between `a` and `b` (None: the worktree)."""
        return history.changed(self._git, a, b or self.tree())

    def numstat(self, a: str, b: str | None = None) -> tuple[int, int, int]:
        """(files, lines added, lines removed)."""
        return history.numstat(self._git, a, b or self.tree())

    def log(self, a: str, b: str) -> tuple[Commit, ...]:
        """The commits after `a` up to `b`, oldest first."""
        return history.log(self._git, a, b)

    def patch(self, a: str, b: str, dest: Path) -> None:
        """`a..b` as a binary-safe patch."""
        with disk_errors(dest):
            history.patch(self._git, a, b, dest)

    def bundle(self, dest: Path) -> Path | None:
        """The harness's commits beyond the base, wip ones too; None, and no file, where there is none."""
        wips = self._git.text("for-each-ref", "--format=%(refname)", _WIP).split()
        with disk_errors(dest):
            return history.bundle(self._git, self.base, [_HEAD, *wips], dest)

    def remove(self) -> None:
        """Take the whole workspace away, whatever its permissions. Raises WorkspaceError."""
        remove(os.fsencode(self.folder))

    def _still_different(self, want: str, have: str, name: str, said: str) -> None:
        paths = [f"{c.status} {c.path}" for c in history.changed(self._git, want, have)]
        shown = ", ".join(paths[:10]) + (f" and {len(paths) - 10} more" if len(paths) > 10 else "")
        raise WorkspaceError(
            f"{self.worktree} could not be made {name} again: {shown}" + (f" ({said})" if said else "")
        )

    def _is_wip(self, commit: str) -> bool:
        return self._git.full("show-ref", "--verify", "--quiet", f"{_WIP}/{commit}", ok=(0, 1))[0] == 0

    def _move(self, commit: str) -> None:
        self._git.run("update-ref", "--no-deref", "HEAD", commit)
        self._git.run("update-ref", _HEAD, commit)

    def _show(self, commit: str) -> None:
        """Let the agent see the commit in its own repository, where that is still one. What hinders it is only noted."""
        try:
            why = self._try_to_show(commit)
        except (OSError, DiskError, WorkspaceError) as error:
            why = f"the agent's own repository was left alone: {error}"
        self.notes = (why,) if why else ()
        self._shown = self.base if why else commit

    def _try_to_show(self, commit: str) -> str | None:
        with tempfile.TemporaryDirectory(prefix="show-", dir=self.gitdir) as folder:
            new = f"{commit}\n^{self.base}\n^{self._shown}\n".encode("ascii")
            self._git.run("pack-objects", "--revs", "--non-empty", "-q", str(Path(folder) / "pack"), stdin=new)
            return publish(
                self.repo,
                self.worktree,
                branch=self.branch,
                commit=commit,
                index=self.gitdir / "index",
                packs=sorted(Path(folder).iterdir(), reverse=True),  # a pack before its index
            )
