"""What the loop is given of the outside: the tree as a stage found it, the target's own rules, checks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ralphbench.model import Target, Task
from ralphbench.trial.ports import anchor
from ralphbench.workspace import Workspace, prepare_mirror


def workspace_of(tmp_path: Path) -> Workspace:
    """Of `tmp_path/target`."""
    task = Task("t", tmp_path, "", "", Target(path=Path("target")), ())
    return Workspace.create(tmp_path / "w", prepare_mirror(task, tmp_path / "cache"), "exp/x")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "code").write_text("old\n")
    (folder / ".gitignore").write_text("*.o\n")
    return folder


def test_what_a_stage_finds_is_put_back_for_its_next_try_and_is_no_commit(tmp_path: Path, target: Path) -> None:
    workspace = workspace_of(tmp_path)
    code = workspace.worktree / "code"
    code.write_text("tried\n")
    tried = workspace.commit("tried", wip=True)
    for now in ("tried\n", "a repair goes on with this\n"):
        code.write_text(now)
        put_back = anchor(workspace)
        code.write_text("half of something\n")
        (workspace.worktree / "left.o").write_text("built of it")
        put_back()
        assert code.read_text() == now
        assert not (workspace.worktree / "left.o").exists()
    bundle = workspace.bundle(tmp_path / "commits.bundle")
    heads = subprocess.run(
        ["git", "bundle", "list-heads", str(bundle)], capture_output=True, text=True, check=True, cwd=workspace.gitdir
    )
    assert heads.stdout.split() == [tried, f"refs/wip/{tried}"]
