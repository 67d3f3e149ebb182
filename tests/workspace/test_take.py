from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ralphbench.errors import TargetError
from ralphbench.model import Task
from ralphbench.workspace import Mirror, Workspace, keep_base, prepare_mirror, restore_record, take

GitRunner = Callable[..., str]
MakeTask = Callable[..., Task]


@pytest.fixture
def bundle(tmp_path: Path, repo: Path, make_task: MakeTask) -> Path:
    """Two commits on top of `main` of the user's repository."""
    mirror = prepare_mirror(make_task(repo=str(repo), base="main"), tmp_path / "cache")
    workspace = Workspace.create(tmp_path / "w", mirror, "exp/a1")
    for n in range(2):
        (workspace.worktree / f"file{n}").write_text(f"{n}\n")
        workspace.commit(f"ticket {n}")
    found = workspace.bundle(tmp_path / "commits.bundle")
    assert found is not None
    return found


def state(repo: Path, git: GitRunner) -> tuple[str, ...]:
    refs = git(repo, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    others = (ref for ref in refs if not ref.startswith("refs/heads/taken "))
    files = ((repo / ".git" / name).read_text() for name in ("HEAD", "config"))
    return (*others, git(repo, "status", "--porcelain"), *files)


def test_the_commits_become_a_branch_and_nothing_else_changes(repo: Path, bundle: Path, git: GitRunner) -> None:
    trap = repo.parent / "ran"
    hook = repo / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {trap}\n")
    hook.chmod(0o755)
    before = state(repo, git)
    taken = take(bundle, repo, "taken")
    assert (taken.branch, taken.commits) == ("taken", 2)
    assert git(repo, "rev-parse", "taken") == taken.commit
    assert git(repo, "log", "--format=%s", "taken").splitlines()[:3] == ["ticket 1", "ticket 0", "number 2"]
    assert state(repo, git) == before
    assert not (repo / ".git/FETCH_HEAD").exists()
    assert not trap.exists()
    hook.unlink()
    git(repo, "fsck", "--full", "--strict")


def test_a_branch_that_is_there_is_moved_only_by_force(repo: Path, bundle: Path, git: GitRunner) -> None:
    git(repo, "branch", "taken", "v1")
    with pytest.raises(TargetError, match="has a branch 'taken' already"):
        take(bundle, repo, "taken")
    assert git(repo, "rev-parse", "taken") == git(repo, "rev-parse", "v1^{commit}")
    assert git(repo, "rev-parse", "taken") != take(bundle, repo, "taken", force=True).commit
    for force in (False, True):
        with pytest.raises(TargetError, match="is checked out"):
            take(bundle, repo, "main", force=force)
    for bad in ("a..b", "-x", ""):
        with pytest.raises(TargetError, match="cannot have a branch"):
            take(bundle, repo, bad)


def test_a_repository_without_the_base_is_refused(tmp_path: Path, repo: Path, bundle: Path, git: GitRunner) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "-q", "other")
    git(other, "commit", "-q", "--allow-empty", "-m", "x")
    before = git(other, "count-objects", "-v")
    with pytest.raises(TargetError, match="does not have the commit"):
        take(bundle, other, "taken")
    assert git(other, "count-objects", "-v") == before


def test_a_base_with_patches_on_top_is_brought_along(
    tmp_path: Path, repo: Path, make_task: MakeTask, git: GitRunner
) -> None:
    patch = tmp_path / "first.patch"
    patch.write_text(git(repo, "diff", "v1", "main") + "\n")
    mirror = prepare_mirror(make_task(repo=str(repo), base="v1", start=(patch,)), tmp_path / "cache")
    workspace = Workspace.create(tmp_path / "w", mirror, "exp/a1")
    (workspace.worktree / "new").write_text("x")
    workspace.commit("ticket")
    bundle = workspace.bundle(tmp_path / "commits.bundle")
    assert bundle is not None
    with pytest.raises(TargetError, match="does not have the commit"):
        take(bundle, repo, "taken")
    pack = keep_base(mirror, tmp_path / "bases")
    assert take(bundle, repo, "taken", base_pack=pack).commits == 1
    assert git(repo, "log", "--format=%s", "taken").splitlines() == ["ticket", "first", "number 0"]
    gitdir = restore_record(pack, bundle, tmp_path / "again")
    assert git(repo, "rev-parse", "taken") == take(gitdir, repo, "again").commit
    git(repo, "fsck", "--full")


def test_a_tasks_own_folder_can_be_taken_whole(
    tmp_path: Path, repo: Path, workspace: Workspace, mirror: Mirror, git: GitRunner
) -> None:
    (workspace.worktree / "new").write_text("x")
    commit = workspace.commit("ticket")
    taken = take(workspace.gitdir, repo, "taken")
    assert taken.commit == commit
    assert git(repo, "log", "--format=%s", "taken").splitlines() == ["ticket", "base"]
    git(repo, "fsck", "--full")


def test_an_attempt_that_committed_nothing_has_nothing_to_take(
    tmp_path: Path, repo: Path, workspace: Workspace
) -> None:
    (workspace.worktree / "half").write_text("x")
    workspace.commit("wip", wip=True)
    bundle = workspace.bundle(tmp_path / "commits.bundle")
    assert bundle is not None
    with pytest.raises(TargetError, match="no accepted commit"):
        take(bundle, repo, "taken")
