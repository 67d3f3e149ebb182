"""A temporary repository in which a base commit is put together before it becomes a mirror."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ralphbench.errors import RalphbenchError, TargetError, TaskError
from ralphbench.workspace.git import Git
from ralphbench.workspace.layout import make_repo
from ralphbench.workspace.scan import SPECIAL, scan

DATE = "2000-01-01T00:00:00+00:00"
NAME = "ralphbench"
MAIL = "ralphbench@localhost"

LEFT_BEHIND = ("__pycache__", ".DS_Store")
"""Of no task's target; the same as in the digest of a task (config/digests)."""


def signed(date: str | None = None) -> dict[str, str]:
    """The environment that says who commits, and when (None: now)."""
    env = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", NAME), ("EMAIL", MAIL))
    }
    if date is not None:
        env |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    return env


FIXED = signed(DATE)
"""The same author and date for ever: equal trees give equal commits, on every machine."""


def open_stage(path: Path, *, sha256: bool = False, error: type[RalphbenchError] = TargetError) -> Git:
    """An empty repository of the harness with an index of its own."""
    make_repo(path, head="ref: refs/heads/base", sha256=sha256)
    return Git(path, index=path / "index", error=error, extra=FIXED)


def commit_folder(stage: Git, folder: Path) -> tuple[str, tuple[str, ...]]:
    """(commit, warnings): the files of a folder as one commit without a parent. The folder is only read.

    Taken is what the folder's own `.gitignore` files do not name, without what tools leave behind and without any
    `.git`; modes are reduced to executable or not, links stay links. Raises TargetError for what cannot be read.
    """
    if not folder.is_dir():
        raise TargetError(f"the target folder {folder} does not exist", remedy=f"ls {folder.parent}")
    assert stage.gitdir is not None
    (stage.gitdir / "info/exclude").write_text("".join(f"{name}\n" for name in LEFT_BEHIND), encoding="ascii")
    skipped = scan(replace(stage, worktree=folder.resolve()), ours=False).skipped
    for item in skipped:
        if item.why != SPECIAL:
            where = f"{folder}/{item.path}"
            raise TargetError(f"{where} cannot be part of the target: {item.why}", remedy=f"ls -ld {where}")
    warnings = tuple(f"{folder}/{item.path} was left out of the target: {item.why}" for item in skipped)
    return commit_tree(stage, stage.text("write-tree"), None, "base"), warnings


def commit_tree(git: Git, tree: str, parent: str | None, message: str) -> str:
    """A commit, signed as `git.extra` says. What no commit can hold (NUL, a lone surrogate) is taken out of the message."""
    words = f"{message}\n".replace("\0", "").encode("utf-8", "replace")
    return git.text("commit-tree", tree, *(["-p", parent] if parent else []), stdin=words)


def apply_patches(stage: Git, base: str, patches: tuple[Path, ...], task: str) -> str:
    """The commit that is `base` with each patch committed on top, always the same for the same patches.

    Raises TaskError that names the first patch which does not apply.
    """
    commit = base
    for patch in patches:
        try:
            data = patch.read_bytes()
        except OSError as error:
            raise TaskError(
                f"{task}: the patch {patch} cannot be read: {error.strerror}", remedy=f"ls {patch.parent}"
            ) from error
        git = replace(stage, error=TaskError)
        git.run("read-tree", f"{commit}^{{tree}}")
        try:
            git.run("apply", "--cached", "--binary", "--whitespace=nowarn", "-", stdin=data)
        except TaskError as error:
            raise TaskError(
                f"{task}: the patch {patch.name} does not apply on {commit[:12]}: {error.message.rpartition(': ')[2]}",
                remedy=f"make it again with: git diff --binary --full-index > {patch}",
            ) from error
        commit = commit_tree(git, git.text("write-tree"), commit, patch.stem)
    return commit
