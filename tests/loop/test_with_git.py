"""The loop on a real tree, with the harness's own git and real shell commands as checks."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loop_support import ACCEPT, BLOCKED, DONE, MARKER, REJECT, row, task

from ralphbench.loop import CheckResult, Loop, LoopPorts, outcome_of, state_of
from ralphbench.loop.expect import met
from ralphbench.model import (
    Acceptance,
    Ending,
    Event,
    EventKind,
    Limits,
    Stage,
    StageEnding,
    StageResult,
    Target,
    codec,
)
from ralphbench.workspace import Workspace, prepare_mirror

Answer = dict[str, Any] | StageEnding
Agent = Callable[[Stage, str, int, Path], Answer]


class GitPorts:
    """The real workspace; the agent is a function that works in the worktree."""

    def __init__(self, workspace: Workspace, agent: Agent, events: list[Event] | None = None) -> None:
        self.workspace = workspace
        self.agent = agent
        self.events = [] if events is None else events
        self.prompts: list[tuple[Stage, str]] = []

    def ask(
        self, stage: Stage, prompt: str, *, iteration: int, ticket: str | None, session: str | None = None
    ) -> StageResult:
        match = MARKER.fullmatch(prompt.splitlines()[0])
        assert match is not None
        self.prompts.append((stage, prompt))
        answer = self.agent(stage, ticket or "", int(match["attempt"]), self.workspace.worktree)
        if isinstance(answer, StageEnding):
            return StageResult(answer, "", detail=str(answer))
        return StageResult(StageEnding.DONE, codec.dumps(answer).decode(), session="s")

    def check(self, acceptance: Acceptance) -> CheckResult:
        began = time.monotonic()
        ran = subprocess.run(
            ["sh", "-c", acceptance.run], cwd=self.workspace.worktree, capture_output=True, text=True, check=False
        )
        passed = met(acceptance, ran.returncode, ran.stdout)
        output = (ran.stdout + ran.stderr)[-2000:]
        return CheckResult(passed, ran.returncode, False, time.monotonic() - began, output)

    def emit(self, kind: EventKind, /, **data: Any) -> None:
        plain = codec.loads_any(codec.dumps(data))
        self.events.append(Event(len(self.events), 0.0, kind, plain))

    def limit(self) -> tuple[Ending, str] | None:
        return None


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    target = tmp_path / "task/target"
    (target / "tests").mkdir(parents=True)
    (target / "greet.py").write_text("print('hello')\n")
    (target / "tests/test.sh").write_text("python3 greet.py | grep -q hello\n")
    (target / ".gitignore").write_text("*.o\n")
    mirror = prepare_mirror(task(folder=tmp_path / "task", target=Target(path=Path("target"))), tmp_path / "cache")
    return Workspace.create(tmp_path / "attempt", mirror, "exp/x/demo/p/r1/a1")


PLAN = [
    row("name", "", acceptance={"run": "python3 greet.py Ada", "expect": {"stdout": "^hello Ada$"}}),
    row("docs", "", acceptance={"run": "grep -q greet README.md"}, depends_on=["name"]),
]


def agent(stage: Stage, ticket: str, attempt: int, tree: Path) -> Answer:
    """Rejected once with new, changed and removed files lying about; then right."""
    if stage is Stage.PLAN:
        (tree / "scribble.txt").write_text("thinking")
        return {"tickets": PLAN}
    if stage is Stage.VERIFY:
        (tree / "greet.py").write_text("print('the reviewer was here')\n")
        return REJECT if (ticket, attempt) == ("name", 1) else ACCEPT
    if ticket == "docs":
        (tree / "README.md").write_text("greet greets\n")
        return DONE
    (tree / "greet.py").write_text("import sys\nprint('hello', *sys.argv[1:])\n")
    if attempt == 1:
        (tree / "new folder").mkdir()
        (tree / "new folder/é.txt").write_text("new")
        (tree / "tests/test.sh").unlink()
    return DONE


def run(workspace: Workspace, the_agent: Agent = agent, **more: Any) -> tuple[Any, GitPorts]:
    ports = GitPorts(workspace, the_agent)
    typed: LoopPorts = ports  # the real workspace is what the loop's port asks for
    return Loop(typed, task(), Limits(**more)).run(), ports


def test_the_work_is_planned_built_rejected_rolled_back_built_again_and_committed(workspace: Workspace) -> None:
    outcome, ports = run(workspace)
    assert outcome.ending is Ending.COMPLETED
    commits = workspace.log(workspace.base, outcome.commit)
    assert [c.subject for c in commits] == ["accept name: Do name", "accept docs: Do docs"]
    assert "Iteration: 2, try 2" in commits[0].body
    changes = {(c.status, c.path) for c in workspace.changed(workspace.base, outcome.commit)}
    assert changes == {("M", "greet.py"), ("A", "README.md")}
    assert workspace.tree() == workspace.tree_of(outcome.commit)
    kinds = [e.kind for e in ports.events]
    assert kinds.count(EventKind.ROLLBACK) == 1
    restored = [(e.data["stage"], e.data["paths"]) for e in ports.events if e.kind == EventKind.TREE_RESTORED]
    assert restored == [("plan", ["scribble.txt"]), *[("verify", ["greet.py"])] * 3]


def test_the_reviewers_diff_shows_new_changed_and_removed_files(workspace: Workspace) -> None:
    _, ports = run(workspace)
    first = next(prompt for stage, prompt in ports.prompts if stage is Stage.VERIFY)
    for line in ("+print('hello', *sys.argv[1:])", "new file mode", "deleted file mode", "-python3 greet.py"):
        assert line in first


def test_rejected_and_cut_off_work_is_kept_beside_the_branch(workspace: Workspace) -> None:
    def cut_off(stage: Stage, ticket: str, attempt: int, tree: Path) -> Answer:
        if ticket == "docs":
            (tree / "half.txt").write_text("half")
            return StageEnding.TOKENS
        return agent(stage, ticket, attempt, tree)

    outcome, ports = run(workspace, cut_off)
    assert outcome.ending is Ending.TOKENS
    assert workspace.head == outcome.commit
    assert [c.path for c in workspace.changed(outcome.commit, outcome.wip)] == ["half.txt"]
    assert not (workspace.worktree / "half.txt").exists()
    commits = [(e.data["what"], e.data["commit"]) for e in ports.events if e.kind == EventKind.COMMIT]
    assert [what for what, _ in commits] == ["tried", "tried", "accepted", "wip"]
    assert "new folder/é.txt" in {c.path for c in workspace.changed(workspace.base, commits[0][1])}


def test_what_the_agent_does_to_its_own_repository_changes_nothing(workspace: Workspace) -> None:
    def meddles(stage: Stage, ticket: str, attempt: int, tree: Path) -> Answer:
        answer = agent(stage, ticket, attempt, tree)
        for command in ("add -A", "commit -q -m mine --author=a<a@b>", "checkout -q -b elsewhere"):
            subprocess.run(["git", *command.split()], cwd=tree, capture_output=True, check=False)
        return answer

    outcome, _ = run(workspace, meddles)
    assert outcome.ending is Ending.COMPLETED
    assert [c.subject for c in workspace.log(workspace.base, outcome.commit)] == [
        "accept name: Do name",
        "accept docs: Do docs",
    ]


def test_it_goes_on_from_any_checkpoint_in_a_workspace_that_is_further(workspace: Workspace) -> None:
    outcome, ports = run(workspace)
    tree = workspace.tree_of(outcome.commit)
    checkpoints = [(n, e) for n, e in enumerate(ports.events) if "state" in e.data and e.kind != EventKind.LOOP_ENDED]
    assert len(checkpoints) == 7
    for number, event in checkpoints[::3]:
        again = Workspace.open(workspace.folder)
        (again.worktree / "left over.txt").write_text("by a process that was killed")
        events = ports.events[: number + 1]
        resumed = Loop(GitPorts(again, agent, events), task(), Limits()).run(state_of(event.data["state"]))
        assert resumed.ending is Ending.COMPLETED
        assert workspace.tree_of(resumed.commit) == tree
        assert len(workspace.log(workspace.base, resumed.commit)) == 2
    assert outcome_of(ports.events[-1].data) == outcome


def test_blocked_to_the_end_leaves_the_base(workspace: Workspace) -> None:
    def blocked(stage: Stage, ticket: str, attempt: int, tree: Path) -> Answer:
        return BLOCKED if stage is Stage.BUILD else agent(stage, ticket, attempt, tree)

    outcome, _ = run(workspace, blocked, failures=2)
    assert (outcome.ending, outcome.commit) == (Ending.FAILURES, workspace.base)
    assert workspace.head == workspace.base


def program(tree: Path, words: str) -> None:
    """What a compiler would make: git ignores it."""
    (tree / "prog.o").write_text(f"#!/bin/sh\necho {words}\n")
    (tree / "prog.o").chmod(0o755)


COMPILED = row("prog", "", acceptance={"run": "test -x ./prog.o && ./prog.o", "expect": {"stdout": "^new$"}})


@pytest.mark.parametrize("first", ["rejected", "blocked", "crashed", "nothing but the program"])
def test_a_program_that_undone_work_has_left_satisfies_nothing(workspace: Workspace, first: str) -> None:
    tries = []

    def compiles(stage: Stage, ticket: str, attempt: int, tree: Path) -> Answer:
        if stage is Stage.PLAN:
            return {"tickets": [COMPILED]}
        if stage is Stage.VERIFY:
            return REJECT if len(tries) == 1 else ACCEPT
        tries.append((tree / "prog.o").exists())
        if len(tries) > 1 or first != "nothing but the program":
            (tree / "prog.c").write_text(f"new {len(tries)}")
        program(tree, "new")
        if len(tries) > 1:
            return DONE
        endings: dict[str, Answer] = {"rejected": DONE, "crashed": StageEnding.AGENT_CRASH}
        return endings.get(first, BLOCKED)

    outcome, ports = run(workspace, compiles)
    assert tries == [False, False], "the second try finds nothing of the first"
    assert outcome.ending is Ending.COMPLETED
    assert outcome.state.commits == 1
    assert b"+new 2" in workspace.diff(workspace.base, outcome.commit)
    undone = EventKind.TREE_RESTORED if first == "crashed" else EventKind.ROLLBACK
    assert [e.data["ignored"] for e in ports.events if e.kind == undone] == [1]


def test_what_was_built_of_accepted_work_outlives_a_later_rejection(workspace: Workspace) -> None:
    found = []

    def compiles(stage: Stage, ticket: str, attempt: int, tree: Path) -> Answer:
        if stage is Stage.PLAN:
            return {"tickets": [COMPILED, PLAN[1] | {"depends_on": ["prog"]}]}
        if stage is Stage.VERIFY:
            return REJECT if (ticket, attempt) == ("docs", 1) else ACCEPT
        if ticket == "prog":
            (tree / "prog.c").write_text("new")
            program(tree, "new")
        else:
            found.append((tree / "prog.o").exists())
            (tree / "README.md").write_text("greet greets\n")
        return DONE

    outcome, _ = run(workspace, compiles)
    assert outcome.ending is Ending.COMPLETED
    assert found == [True, True]
