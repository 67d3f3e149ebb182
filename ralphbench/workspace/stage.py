"""A temporary repository in which a base commit is put together before it becomes a mirror."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ralphbench.errors import RalphbenchError, TargetError, TaskError
from ralphbench.workspace.git import Git, printable
from ralphbench.workspace.layout import make_repo
from ralphbench.workspace.scan import scan

DATE = "2000-01-01T00:00:00+00:00"
NAME = "ralphbench"
MAIL = "ralphbench@localhost"


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
    """(commit, warnings): the files of a folder as one commit without a parent.

    Taken is what the folder's own `.gitignore` files do not name; neither the folder's `.git` nor those of repositories
    inside it; modes are reduced to executable or not, links stay links.
    """
    if not folder.is_dir():
        raise TargetError(f"the target folder {folder} does not exist", remedy=f"ls {folder.parent}")
    scanner = replace(stage, worktree=folder.resolve())
    skipped = scan(scanner)
    ignored = scanner.lines("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    warnings = [f"{folder}/{item.path} was left out: {item.why}" for item in skipped]
    if ignored:
        shown = ", ".join(printable(path) for path in ignored[:5])
        warnings.append(
            f"{folder}: left out, since a .gitignore there names it: {shown}{', ...' if len(ignored) > 5 else ''}"
        )
    tree = stage.text("write-tree")
    return commit_tree(stage, tree, None, "base"), tuple(warnings)


def commit_tree(git: Git, tree: str, parent: str | None, message: str) -> str:
    return git.text("commit-tree", tree, *(["-p", parent] if parent else []), stdin=f"{message}\n".encode())


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
