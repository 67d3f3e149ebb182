"""What the loop needs of the outside. Implemented by `trial`, and by the deterministic double of the tests.

The loop has no clock, no process and no file of its own: all that can fail or take time comes through here.
Whatever a port raises (Interrupted, WorkspaceError, DiskError) passes through `Loop.run` untouched; the attempt then
goes on from its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ralphbench.model import Acceptance, Ending, EventKind, Stage, StageResult

CHECK_SECONDS = 120
"""How long the command of a ticket's acceptance may take; whoever writes one is told."""


class Changed(Protocol):
    """One path that differs between two trees."""

    @property
    def path(self) -> str: ...

    @property
    def status(self) -> str:
        """`A`, `M`, `D` or the like, as git says it."""


class Shown(Protocol):
    """A diff for a reviewer's eyes."""

    @property
    def text(self) -> bytes: ...

    @property
    def truncated(self) -> bool: ...


class LoopWorkspace(Protocol):
    """The attempt's worktree and the harness's own git, which the agent cannot reach. `workspace.Workspace` is one."""

    @property
    def base(self) -> str:
        """The commit that the task starts from."""

    @property
    def head(self) -> str:
        """The commit that the next one will follow: the base, or the last one that was accepted."""

    def tree(self) -> str:
        """Hash of the worktree as it is, new files included."""

    def commit(self, message: str, *, wip: bool = False) -> str | None:
        """Commit the worktree as it is. None: nothing differs from `head`. A `wip` commit does not move `head`."""

    def restore(self, commit: str) -> int:
        """Make the worktree exactly the commit's tree: changed, removed and new files alike. Ignored files that were not
        there, or not the same, when it was made are removed, too; returned is how many. A commit of the branch
        becomes `head` again (what came after it is forgotten: it belonged to an iteration that was cut off);
        a `wip` commit leaves `head` where it is. Raises WorkspaceError where the tree is not the commit's afterwards.
        """

    def tree_of(self, commit: str) -> str: ...

    def capped_diff(self, a: str, b: str | None = None, *, limit: int) -> Shown:
        """From `a` to `b` (None: the worktree, new files too): the whole list of files, then at most about `limit`
        bytes of the diff itself.
        """

    def changed(self, a: str, b: str | None = None) -> Sequence[Changed]:
        """The paths of that diff."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of a ticket's acceptance command, run in the worktree."""

    passed: bool
    """Exit status and standard output are as expected (`ralphbench.loop.expect.met` decides it)."""
    exit: int | None
    """None: it was ended because its time was up."""
    timed_out: bool
    seconds: float
    output: str
    """The tail of both streams, at most a few kB."""

    @property
    def runnable(self) -> bool:
        """False: the shell found no such command (127) or may not execute it (126)."""
        return self.exit not in (126, 127)


class LoopPorts(Protocol):
    """Everything outside the loop."""

    @property
    def workspace(self) -> LoopWorkspace: ...

    def ask(
        self, stage: Stage, prompt: str, *, iteration: int, ticket: str | None, session: str | None = None
    ) -> StageResult:
        """Run one agent stage to its end, with its lease, gateway and watchdogs. `session`: go on in that session.

        What infrastructure broke is retried in here; a `fault` that comes out is final. Each retry begins with the tree as
        it was when the stage was asked for: a review finds work there that is not yet committed, and so does a repair.
        """

    def check(self, acceptance: Acceptance) -> CheckResult:
        """Run `sh -c run` in the worktree for CHECK_SECONDS at most, and no longer than the attempt's time lasts; end
        everything that it started.
        """

    def emit(self, kind: EventKind, /, **data: Any) -> None:
        """Append an event. One that carries a `state` (PLAN_READY, TICKET where work was accepted or rejected,
        ITERATION_ENDED, LOOP_ENDED) is a checkpoint that the loop can go on from: it must be on disk when this returns.
        """

    def limit(self) -> tuple[Ending, str] | None:
        """The attempt's limit that is reached now (wall time, tokens, cost, calls), with the evidence in words.
        Asked before every stage; the limits inside a stage come back as the stage's ending.
        """
