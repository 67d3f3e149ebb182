"""Who fills a disk, or spoils a worktree: told on real disks, with real git."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.small_disk import MB, small_disk

from ralphbench.errors import DiskError, DiskFull, WorkspaceError
from ralphbench.model import Target, Task
from ralphbench.record.room import VARIABLE
from ralphbench.trial.doing import own_doing
from ralphbench.workspace import Mirror, Workspace, prepare_mirror

FULL = DiskFull("git write-tree: No space left on device")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """64 MiB, of which 16 must be free."""
    monkeypatch.setenv(VARIABLE, str(16 * MB))
    with small_disk(tmp_path / "disk", 64 * MB) as folder:
        yield folder


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    target = tmp_path / "spec/target"
    target.mkdir(parents=True)
    (target / "code").write_text("old\n")
    (target / "large").write_bytes(b"x" * 20 * MB)
    task = Task("t", tmp_path / "spec", "", "", Target(path=Path("target")), (), digest="d", gates_digest="g")
    return prepare_mirror(task, tmp_path / "mirrors")


@pytest.fixture
def workspace(disk: Path, mirror: Mirror) -> Workspace:
    return Workspace.create(disk / "w", mirror, "exp/a1")


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as out:
        for size in (MB, 4096, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue


@pytest.mark.parametrize("where", ["tree/big", "home/tmp-file", "repo.git/big"])
def test_who_has_taken_what_is_missing_has_filled_the_disk_and_is_cleared_away(
    workspace: Workspace, mirror: Mirror, where: str
) -> None:
    commit = workspace.head
    fill(workspace.folder / where)
    why = own_doing(FULL, workspace, commit, mirror.path)
    assert why is not None
    assert why.startswith("it filled the disk: ")
    assert "No space left on device" in why
    assert not (workspace.folder / where).exists()
    workspace.restore(commit)
    assert (workspace.worktree / "large").stat().st_size == 20 * MB, "what was committed is there"


def test_whose_disk_is_filled_by_another_has_done_nothing_and_keeps_all(
    workspace: Workspace, mirror: Mirror, disk: Path
) -> None:
    (workspace.worktree / "built").write_bytes(b"x" * 4 * MB)
    (workspace.home / "session").write_text("x")
    fill(disk / "another")
    assert own_doing(FULL, workspace, workspace.head, mirror.path) is None
    assert (workspace.worktree / "built").exists()
    assert (workspace.home / "session").exists()


def test_what_it_was_given_is_not_its_own(workspace: Workspace, mirror: Mirror, disk: Path) -> None:
    """Its worktree holds 20 MiB, more than is missing; all but nothing of them was written by it."""
    fill(disk / "another")
    assert own_doing(FULL, workspace, workspace.head, mirror.path) is None


def test_a_disk_that_has_room_again_was_filled_by_somebody_else(workspace: Workspace, mirror: Mirror) -> None:
    (workspace.worktree / "built").write_bytes(b"x" * 20 * MB)
    assert own_doing(FULL, workspace, workspace.head, mirror.path) is None
    assert (workspace.worktree / "built").exists()


def touch(folder: Path, files: int) -> None:
    for n in range(files):
        (folder / str(n)).touch()


def test_a_file_for_each_number_fills_a_disk_too(workspace: Workspace, mirror: Mirror) -> None:
    folder = workspace.worktree / "many"
    folder.mkdir()
    with pytest.raises(OSError, match="No space left"):
        touch(folder, 30_000)
    why = own_doing(FULL, workspace, workspace.head, mirror.path)
    assert why is not None
    assert "files of its own" in why
    assert not folder.exists()


ODD = WorkspaceError("tree could not be made base again: D stuck")


def test_what_passes_is_nobodys_doing(workspace: Workspace, mirror: Mirror) -> None:
    (workspace.worktree / "code").write_text("new\n")
    assert own_doing(ODD, workspace, workspace.head, mirror.path) is None
    assert own_doing(DiskError("cannot write"), workspace, workspace.head, mirror.path) is None
    assert (workspace.worktree / "code").read_text() == "old\n"


@pytest.fixture
def stuck(tmp_path: Path, mirror: Mirror) -> Iterator[Workspace]:
    """A worktree with a file that nobody can remove."""
    workspace = Workspace.create(tmp_path / "w", mirror, "exp/a1")
    file = workspace.worktree / "stuck"
    file.write_text("x")
    if subprocess.run(["chattr", "+i", file], capture_output=True, check=False).returncode:
        pytest.skip("no file can be made unremovable here")
    yield workspace
    subprocess.run(["chattr", "-i", file], check=True)


def test_a_worktree_that_cannot_be_put_right_where_another_can_be_made_is_its_own_doing(
    stuck: Workspace, mirror: Mirror
) -> None:
    why = own_doing(ODD, stuck, stuck.head, mirror.path)
    assert why is not None
    assert "nobody can put it right" in why
    assert not (stuck.folder / "another").exists()


def test_where_no_other_can_be_made_either_it_may_be_the_machine(stuck: Workspace, mirror: Mirror) -> None:
    shutil.rmtree(mirror.path)
    assert own_doing(ODD, stuck, stuck.head, mirror.path) is None
