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
from ralphbench.workspace.git import Git, printable
from ralphbench.workspace.history import CappedDiff, Commit, FileChange
from ralphbench.workspace.layout import borrow, copy_packs, drop_locks, link_packs, make_repo, packs_of
from ralphbench.workspace.mirror import Mirror, refresh_links
from ralphbench.workspace.place import PARTS, STATE, refuse_place, whole_index
from ralphbench.workspace.publish import dot_git, make_admin, publish
from ralphbench.workspace.scan import Skipped, ignored_of, scan
from ralphbench.workspace.stage import commit_tree, signed
from ralphbench.workspace.survey import remove_tree, survey

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
        self._ground()
        self._left |= dict.fromkeys(scan(self._git))
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
        if wip:
            self._git.run("update-ref", f"{_WIP}/{commit}", commit)
            return commit
        self._move(commit)
        self._show(commit)
        return commit

    def restore(self, commit: str) -> None:
        """Make the worktree exactly `commit`; ignored files stay. Work goes on from there: it becomes `head`,
        but for a wip commit. Raises WorkspaceError that names what could not be put right.
        """
        want = self.tree_of(commit)
        said, have = "", ""
        for _ in range(_PASSES):
            self._clear()
            self.tree()  # what is not ignored is in the index now, so that the next step removes it
            status, _, err = self._git.full("reset", "--hard", "-q", commit, "--", ok=range(256))
            said = "" if status == 0 else printable(err).strip()[-300:]
            if (have := self.tree()) == want:
                break
        else:
            self._still_different(commit, want, have, said)
        self._left = {}
        if not self._is_wip(commit):
            self._move(self._git.text("rev-parse", "--verify", f"{commit}^{{commit}}"))
        self._show(self.head)

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
        self._remove(os.fsencode(self.folder))

    def _remove(self, path: bytes) -> None:
        try:
            remove_tree(path)
        except OSError as error:
            raise WorkspaceError(f"{printable(path)} could not be removed: {error.strerror}") from error

    def _ground(self) -> None:
        """The worktree must be a folder of its own: an agent may have removed it, or put a link in its place."""
        tree = self.worktree
        if tree.is_dir() and not tree.is_symlink():
            return
        self._remove(os.fsencode(tree))
        tree.mkdir()
        (tree / ".git").write_bytes(dot_git(self.repo))

    def _clear(self) -> None:
        """Remove what git neither sees nor removes: special files, repositories inside, empty folders."""
        self._ground()
        found = survey(self.worktree)
        root = os.fsencode(self.worktree)
        for path in found.rules:
            self._remove(root + b"/" + path)  # first: the next question reads such files
        others = [path for path in (*found.special, *found.nested, *found.empty, *found.closed) if path]
        ignored = ignored_of(self._git, others)
        for path in others:
            if path not in ignored:
                self._remove(root + b"/" + path)
                _remove_empty(root, path)

    def _still_different(self, commit: str, want: str, have: str, said: str) -> None:
        paths = [f"{c.status} {c.path}" for c in history.changed(self._git, want, have)]
        shown = ", ".join(paths[:10]) + (f" and {len(paths) - 10} more" if len(paths) > 10 else "")
        raise WorkspaceError(
            f"{self.worktree} could not be made {commit[:12]} again: {shown}" + (f" ({said})" if said else "")
        )

    def _is_wip(self, commit: str) -> bool:
        sha = self._git.text("rev-parse", "--verify", f"{commit}^{{commit}}")
        return self._git.full("show-ref", "--verify", "--quiet", f"{_WIP}/{sha}", ok=(0, 1))[0] == 0

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


def _remove_empty(root: bytes, path: bytes) -> None:
    """Remove the folders above a removed path that are empty now, up to the root."""
    while path := os.path.dirname(path):
        try:
            os.rmdir(root + b"/" + path)
        except OSError:
            return
