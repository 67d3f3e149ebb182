from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ralphbench.errors import RecordError, WorkspaceError
from ralphbench.model import Task
from ralphbench.record import Quarantine
from ralphbench.workspace import FINAL, Mirror, Workspace, forget, keep_base, prepare_mirror, restore_record

GitRunner = Callable[..., str]


def attempt(workspace: Workspace) -> tuple[str, str]:
    """An attempt with two accepted commits and a wip; (final, wip)."""
    for n in range(2):
        (workspace.worktree / f"file{n}").write_text(f"{n}\n" * 100)
        workspace.commit(f"number {n}")
    (workspace.worktree / "half").write_text("x")
    wip = workspace.commit("wip", wip=True)
    assert wip is not None
    return workspace.head, wip


def test_the_record_alone_brings_an_attempt_back(
    tmp_path: Path, workspace: Workspace, mirror: Mirror, git: GitRunner
) -> None:
    final, wip = attempt(workspace)
    pack = keep_base(mirror, tmp_path / "bases")
    assert pack.name == f"{mirror.base}.pack"
    bundle = workspace.bundle(tmp_path / "commits.bundle")
    assert bundle is not None
    workspace.remove()
    shutil.rmtree(mirror.path)
    gitdir = restore_record(pack, bundle, tmp_path / "again")
    assert git(gitdir, "rev-parse", FINAL) == final
    assert git(gitdir, "rev-parse", "refs/heads/base") == mirror.base
    assert git(gitdir, "rev-parse", f"refs/wip/{wip}") == wip
    git(gitdir, "fsck", "--full", "--strict")
    forget(gitdir)
    assert not gitdir.exists()


def test_a_base_with_a_history_is_kept_without_it(
    tmp_path: Path, repo: Path, make_task: Callable[..., Task], git: GitRunner
) -> None:
    mirror = prepare_mirror(make_task(repo=str(repo), base="main"), tmp_path / "cache")
    workspace = Workspace.create(tmp_path / "w", mirror, "exp/a1")
    final, _ = attempt(workspace)
    bundle = workspace.bundle(tmp_path / "commits.bundle")
    gitdir = restore_record(keep_base(mirror, tmp_path / "bases"), bundle, tmp_path / "again")
    assert git(gitdir, "log", "--format=%s", FINAL).splitlines() == ["number 1", "number 0", "number 2"]
    assert git(gitdir, "rev-parse", FINAL) == final
    git(gitdir, "fsck", "--full")


def test_an_attempt_without_a_commit_has_no_bundle(
    tmp_path: Path, workspace: Workspace, mirror: Mirror, git: GitRunner
) -> None:
    assert workspace.bundle(tmp_path / "commits.bundle") is None
    assert not (tmp_path / "commits.bundle").exists()
    gitdir = restore_record(keep_base(mirror, tmp_path / "bases"), None, tmp_path / "again")
    assert git(gitdir, "rev-parse", FINAL) == mirror.base


def test_an_attempt_with_nothing_but_cut_off_work_has_a_bundle(
    tmp_path: Path, workspace: Workspace, mirror: Mirror, git: GitRunner
) -> None:
    (workspace.worktree / "half").write_text("x")
    wip = workspace.commit("wip", wip=True)
    bundle = workspace.bundle(tmp_path / "commits.bundle")
    gitdir = restore_record(keep_base(mirror, tmp_path / "bases"), bundle, tmp_path / "again")
    assert git(gitdir, "rev-parse", FINAL) == mirror.base
    assert git(gitdir, "rev-parse", f"refs/wip/{wip}") == wip


def test_the_base_is_kept_once(tmp_path: Path, mirror: Mirror) -> None:
    first = keep_base(mirror, tmp_path / "bases")
    when = first.stat().st_mtime_ns
    assert keep_base(mirror, tmp_path / "bases") == first
    assert first.stat().st_mtime_ns == when
    assert [path.name for path in (tmp_path / "bases").iterdir()] == [first.name]


@pytest.mark.parametrize(
    "tear", [lambda whole: b"", lambda whole: whole[:-7], lambda whole: whole[:40] + b"x" + whole[41:]]
)
def test_a_torn_base_is_set_aside_and_made_again(
    tmp_path: Path, mirror: Mirror, git: GitRunner, tear: Callable[[bytes], bytes]
) -> None:
    pack = keep_base(mirror, tmp_path / "bases")
    whole = pack.read_bytes()
    pack.write_bytes(tear(whole))
    found = Quarantine()
    assert keep_base(mirror, tmp_path / "bases", found) == pack
    (damage,) = found
    assert damage.path == pack
    assert damage.moved_to is not None
    assert damage.moved_to.read_bytes() == tear(whole)
    gitdir = restore_record(pack, None, tmp_path / "again")
    assert git(gitdir, "rev-parse", "refs/heads/base") == mirror.base


def test_a_torn_file_is_named_and_leaves_nothing_behind(tmp_path: Path, workspace: Workspace, mirror: Mirror) -> None:
    attempt(workspace)
    pack = keep_base(mirror, tmp_path / "bases")
    bundle = workspace.bundle(tmp_path / "commits.bundle")
    assert bundle is not None
    whole = bundle.read_bytes()
    for size in (0, 30, len(whole) - 10):
        bundle.write_bytes(whole[:size])
        with pytest.raises(RecordError, match=r"commits\.bundle"):
            restore_record(pack, bundle, tmp_path / "again")
    bundle.write_bytes(whole)
    data = pack.read_bytes()
    pack.write_bytes(data[: len(data) // 2])
    with pytest.raises(RecordError, match=r"\.pack"):
        restore_record(pack, bundle, tmp_path / "again")
    pack.write_bytes(data)
    with pytest.raises(RecordError, match="does not hold the commit"):
        restore_record(pack.rename(tmp_path / f"{'1' * 40}.pack"), bundle, tmp_path / "again")
    assert not [path for path in tmp_path.iterdir() if "again" in path.name]


def test_what_is_there_is_not_written_over(tmp_path: Path, mirror: Mirror) -> None:
    pack = keep_base(mirror, tmp_path / "bases")
    (tmp_path / "again").mkdir()
    with pytest.raises(WorkspaceError, match="there already"):
        restore_record(pack, None, tmp_path / "again")
    with pytest.raises(RecordError, match="expected <commit>"):
        restore_record(tmp_path / "bases/none.pack", None, tmp_path / "x")
