"""The outside of the loop: the real workspace, the real agents, the real clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ralphbench.loop import CHECK_SECONDS, CheckResult, LoopState, dump_plan, state_of
from ralphbench.loop.expect import met
from ralphbench.model import Acceptance, Ending, EventKind, Interval, IntervalKind, Stage, StageResult, Ticket, codec
from ralphbench.record import EventLog, atomic_write, refuse_full
from ralphbench.sandbox import Sandbox
from ralphbench.trial.checking import run_check
from ralphbench.trial.stages import StageRunner
from ralphbench.workspace import Git, Workspace

RULES_LIMIT = 64_000
"""Bytes of the target's AGENTS.md that every prompt carries at most."""
_TAIL = 4000


class PlanMade(Exception):
    """Ends the loop of an attempt that was asked for its plan alone."""

    def __init__(self, state: LoopState) -> None:
        super().__init__("the plan is made")
        self.state = state


@dataclass(slots=True)
class TrialPorts:
    """What `Loop` is given."""

    workspace: Workspace
    stages: StageRunner
    sandbox: Sandbox
    log: EventLog
    plan_only: bool = False

    def ask(
        self, stage: Stage, prompt: str, *, iteration: int, ticket: str | None, session: str | None = None
    ) -> StageResult:
        return self.stages.ask(stage, prompt, iteration=iteration, ticket=ticket, session=session)

    def check(self, acceptance: Acceptance) -> CheckResult:
        """A wish to stop ends a check at once: what it would say is lost with its iteration anyway. Raises DiskError, also
        where the disk is full after it: a command that cannot write may say anything (`grep -q` that all is well).
        """
        began = time.time()
        folder = self.workspace.folder / "checks"
        left = max(0.0, self.stages.spec.limits.wall_time - self.stages.clock.now())
        with self.stages.stop.breakable():
            done = run_check(self.sandbox, acceptance.run, timeout=min(CHECK_SECONDS, left), folder=folder)
        refuse_full(folder)
        interval = Interval(IntervalKind.CHECK, began, time.time(), acceptance.run[:80])
        self.log.append(EventKind.INTERVAL, **codec.builtins(interval))
        return CheckResult(
            # Standard output alone is compared with what is expected; both are shown.
            passed=met(acceptance, done.exit, done.stdout),
            exit=done.exit,
            timed_out=done.exit is None,
            seconds=done.seconds,
            output=done.stdout[-_TAIL:] + done.stderr[-_TAIL:],
        )

    def emit(self, kind: EventKind, /, **data: Any) -> None:
        if kind is EventKind.PLAN_READY:
            self._keep_plan(data["tickets"])
        self.log.append(kind, **data)
        if "state" in data:
            self.log.sync()
        if kind is EventKind.PLAN_READY and self.plan_only:
            raise PlanMade(state_of(data["state"]))

    def _keep_plan(self, tickets: Any) -> None:
        """The plan as a file that another attempt can be given, before it counts as made."""
        plan = dump_plan(codec.convert(codec.builtins(tickets), list[Ticket]))
        atomic_write(self.stages.folder.path / "plan.yaml", plan.encode("utf-8"))

    def limit(self) -> tuple[Ending, str] | None:
        """The limits of the whole attempt, looked at between stages; within one the watchdog and the gateway do."""
        limits, spent = self.stages.spec.limits, self.stages.spent
        seconds = self.stages.clock.now()
        if seconds >= limits.wall_time:
            return Ending.WALL_TIME, f"{seconds:.0f} s of {limits.wall_time:g} s are used up"
        if limits.tokens is not None and spent.tokens is not None and spent.tokens >= limits.tokens:
            return Ending.TOKENS, f"{spent.tokens} tokens of {limits.tokens} are used up"
        if limits.cost is not None and spent.cost is not None and spent.cost >= limits.cost:
            return Ending.COST, f"{spent.cost:.4f} USD of {limits.cost:g} USD are used up"
        if limits.calls is not None and spent.calls >= limits.calls:
            return Ending.CALLS, f"{spent.calls} calls of {limits.calls} are used up"
        return None


def project_rules(workspace: Workspace) -> str | None:
    """The target's AGENTS.md as it is at base: what an agent makes of the file later changes nothing.

    A link is followed inside of the tree; None: there is no such file. A longer one than RULES_LIMIT is cut, and says so.
    """
    git = Git(workspace.gitdir)
    asked = f"{workspace.base}:AGENTS.md\n".encode("ascii")
    found = git.text("cat-file", "--batch-check", "--follow-symlinks", stdin=asked).split()
    if len(found) != 3 or found[1] != "blob":
        return None
    text, more = git.head_of("cat-file", "blob", found[0], limit=RULES_LIMIT)
    cut = f"\n[AGENTS.md is longer than {RULES_LIMIT} bytes and was cut here]\n" if more else ""
    return text.decode("utf-8", "replace") + cut


def anchor(workspace: Workspace) -> Callable[[], None]:
    """Remember the worktree, work that is not yet committed included; the returned function brings it back."""
    held = workspace.hold()
    return lambda: workspace.put_back(held)
