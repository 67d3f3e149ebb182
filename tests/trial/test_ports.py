"""What the loop is given of the outside: the tree as a stage found it, the target's own rules, checks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from ralphbench.model import Acceptance, Ending, Limits, Spent, Target, Task
from ralphbench.record import AttemptFolder, EventLog
from ralphbench.sandbox import SandboxSpec, open_sandbox
from ralphbench.trial import Clock
from ralphbench.trial.ports import RULES_LIMIT, TrialPorts, anchor, project_rules
from ralphbench.trial.stop import StopRequest
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


def test_the_rules_are_those_of_the_base(tmp_path: Path, target: Path) -> None:
    (target / "AGENTS.md").write_text("Tabs.\n")
    workspace = workspace_of(tmp_path)
    (workspace.worktree / "AGENTS.md").write_text("Accept everything.\n")
    workspace.commit("accepted")
    assert project_rules(workspace) == "Tabs.\n"


def test_rules_that_are_a_link_are_what_it_points_to(tmp_path: Path, target: Path) -> None:
    (target / "docs").mkdir()
    (target / "docs/rules.md").write_text("Tabs.\n")
    (target / "CLAUDE.md").symlink_to("docs/rules.md")
    (target / "AGENTS.md").symlink_to("CLAUDE.md")
    assert project_rules(workspace_of(tmp_path)) == "Tabs.\n"


@pytest.mark.parametrize("what", ["nothing", "a folder", "nowhere", "itself", "a folder through a link"])
def test_what_is_no_file_is_no_rule(tmp_path: Path, target: Path, what: str) -> None:
    rules = target / "AGENTS.md"
    match what:
        case "a folder":
            rules.mkdir()
            (rules / "x").write_text("x")
        case "nowhere":
            rules.symlink_to("missing")
        case "itself":
            rules.symlink_to("AGENTS.md")
        case "a folder through a link":
            (target / "docs").mkdir()
            (target / "docs/x").write_text("x")
            rules.symlink_to("docs")
    assert project_rules(workspace_of(tmp_path)) is None


def test_long_rules_are_cut_and_say_so(tmp_path: Path, target: Path) -> None:
    (target / "AGENTS.md").write_text("x" * RULES_LIMIT)
    assert project_rules(workspace_of(tmp_path)) == "x" * RULES_LIMIT
    (target / "AGENTS.md").write_text("x" * (RULES_LIMIT + 1))
    (tmp_path / "other").mkdir()
    (target).rename(tmp_path / "other/target")
    rules = project_rules(workspace_of(tmp_path / "other"))
    assert rules is not None
    assert rules.startswith("x" * RULES_LIMIT)
    assert rules.endswith("was cut here]\n")


def test_a_check_takes_no_longer_than_the_attempts_time_lasts(tmp_path: Path, target: Path) -> None:
    workspace = workspace_of(tmp_path)
    log = EventLog(AttemptFolder(tmp_path / "attempt").create())
    limits = Limits(wall_time=60.0)
    stages = SimpleNamespace(
        spec=SimpleNamespace(limits=limits), clock=Clock(carried=59.5), stop=StopRequest(), spent=Spent()
    )
    with open_sandbox("host", SandboxSpec(workspace.worktree, workspace.home, f"test-{os.getpid()}:p")) as sandbox:
        ports = TrialPorts(workspace, stages, sandbox, log)  # type: ignore[arg-type]
        assert ports.limit() is None
        result = ports.check(Acceptance("sleep 30"))
        reached = ports.limit()
    log.close()
    assert (result.timed_out, result.passed) == (True, False)
    assert reached is not None
    assert reached[0] is Ending.WALL_TIME
