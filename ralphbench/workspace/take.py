"""Bring an attempt's commits into the user's own repository. The only thing that ever writes there, and only on request."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ralphbench.errors import TargetError
from ralphbench.workspace.archive import FINAL
from ralphbench.workspace.git import Git
from ralphbench.workspace.source import Source, find_source
from ralphbench.workspace.stage import signed


@dataclass(frozen=True, slots=True)
class Taken:
    """What was brought in."""

    branch: str
    commit: str
    commits: int
    """How many commits the branch has that the base has not."""


def take(source: Path, repo: Path, branch: str, *, base_pack: Path | None = None, force: bool = False) -> Taken:
    """Make a new branch in `repo` out of an attempt's bundle, or out of a repository of the harness.

    Nothing else there changes: no checkout, no remote, no hook, no other branch. `base_pack` brings the base where the
    user's repository does not have it (a base with the patches of earlier phases). Raises TargetError where the branch
    exists (`force` moves it), is checked out, has no valid name, or where the repository lacks the base.
    """
    target = find_source(repo)
    git = replace(target.git, extra=signed())
    _check_branch(git, target, branch, force)
    if base_pack is not None:
        _bring_base(git, target, base_pack)
    if source.is_dir():
        tip, base = _from_repository(git, target, source)
    else:
        tip, base = _from_bundle(git, target, source)
    if git.full("rev-list", "--objects", "--quiet", tip, "--not", "--all", ok=range(256))[0] != 0:
        raise TargetError(
            f"{repo} would lack objects of {tip[:12]}: the branch was not made", remedy=f"git -C {repo} fsck"
        )
    git.run("update-ref", "-m", "ralphbench take", f"refs/heads/{branch}", tip, *([] if force else ["0" * len(tip)]))
    return Taken(branch, tip, int(git.text("rev-list", "--count", tip, *(["--not", base] if base else []))))


def _check_branch(git: Git, target: Source, branch: str, force: bool) -> None:
    if branch.startswith("-") or git.full("check-ref-format", f"refs/heads/{branch}", ok=range(256))[0] != 0:
        raise TargetError(f"git cannot have a branch named {branch!r}", remedy="git help check-ref-format")
    worktrees = git.text("worktree", "list", "--porcelain").splitlines()
    if f"branch refs/heads/{branch}" in worktrees:
        raise TargetError(f"the branch {branch!r} is checked out in {target.path}: name another one")
    exists = git.full("show-ref", "--verify", "--quiet", f"refs/heads/{branch}", ok=range(256))[0] == 0
    if exists and not force:
        raise TargetError(
            f"{target.path} has a branch {branch!r} already: name another one, or use --force to move it",
            remedy=f"git -C {target.path} log {branch}",
        )


def _bring_base(git: Git, target: Source, base_pack: Path) -> None:
    base = base_pack.name.removesuffix(".pack")
    if _has(git, base):
        return
    with base_pack.open("rb") as file:
        git.feed(file, "index-pack", "--stdin", "--fix-thin")
    for parent in _parents(git, base):
        if not _has(git, parent):
            raise TargetError(f"{target.path} does not have the commit {parent[:12]} that the attempt started from")


def _from_bundle(git: Git, target: Source, bundle: Path) -> tuple[str, str | None]:
    """(tip, base) of a bundle, its objects brought in."""
    header = git.text("bundle", "list-heads", str(bundle.resolve()), FINAL)
    if not header:
        raise TargetError(f"the bundle {bundle} has no accepted commit to take")
    needed = _prerequisites(bundle)
    lacking = [sha for sha in needed if not _has(git, sha)]
    if lacking:
        raise TargetError(
            f"{target.path} does not have the commit {lacking[0][:12]} that the attempt started from: "
            "it is another repository, or the task's code came from a folder of the task"
        )
    git.run("bundle", "unbundle", str(bundle.resolve()), FINAL)
    return header.split(" ")[0], needed[0] if needed else None


def _prerequisites(bundle: Path) -> list[str]:
    found = []
    with bundle.open("rb") as file:
        for line in iter(file.readline, b"\n"):
            if not line:
                break
            if line.startswith(b"-"):
                found.append(line[1:].split(b" ")[0].strip().decode("ascii"))
    return found


def _from_repository(git: Git, target: Source, gitdir: Path) -> tuple[str, str | None]:
    """(tip, base) of a repository of the harness, its objects brought in."""
    attempt = Git(gitdir, error=TargetError)
    tip = attempt.text("rev-parse", "--verify", FINAL)
    commits = attempt.text("rev-list", tip).split()
    known = _first_known(git, commits)
    if known is None:
        lacking = [parent for parent in _parents(attempt, commits[-1]) if not _has(git, parent)]
        if lacking:
            raise TargetError(f"{target.path} does not have the commit {lacking[0][:12]} that the attempt started from")
    wanted = "".join([f"{tip}\n", f"^{known}\n" if known else ""]).encode("ascii")
    with tempfile.TemporaryFile() as pack:
        attempt.full("pack-objects", "--revs", "--stdout", "-q", stdin=wanted, stdout=pack)
        pack.seek(0)
        git.feed(pack, "index-pack", "--stdin", "--fix-thin")
    return tip, known


def _first_known(git: Git, commits: list[str]) -> str | None:
    """The first of the commits that the repository has."""
    out = git.text("cat-file", "--batch-check", stdin="".join(f"{sha}\n" for sha in commits).encode("ascii"))
    return next((line.split(" ")[0] for line in out.splitlines() if not line.endswith(" missing")), None)


def _parents(git: Git, commit: str) -> list[str]:
    """As the commit itself says, also where a shallow repository hides them."""
    header = git.text("cat-file", "commit", commit).partition("\n\n")[0]
    return [line.split(" ")[1] for line in header.splitlines() if line.startswith("parent ")]


def _has(git: Git, commit: str) -> bool:
    return git.full("cat-file", "-e", f"{commit}^{{commit}}", ok=range(256))[0] == 0
