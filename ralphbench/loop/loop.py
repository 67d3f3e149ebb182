"""Plan, build, check, verify, commit; until there is nothing left to do or a limit is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from ralphbench.loop import messages, stall, tickets
from ralphbench.loop import state as states
from ralphbench.loop.asking import Asker, Ended, restore
from ralphbench.loop.journal import Journal
from ralphbench.loop.plan import SharedPlan, plan_hash
from ralphbench.loop.ports import CheckResult, LoopPorts
from ralphbench.loop.questions import Questions
from ralphbench.loop.render import DIFF_LIMIT
from ralphbench.loop.state import Failure, LoopOutcome, LoopState
from ralphbench.loop.vetting import Vetting
from ralphbench.model import Ending, EventKind, Issue, Limits, Stage, StageEnding, Task, Ticket


@dataclass(slots=True)
class _Try:
    """What the running iteration has come to so far."""

    commit: str | None = None
    """What was built, as a commit beside the branch; None: no change."""
    check: CheckResult | None = None
    verdict: str = ""


@dataclass(slots=True)
class Loop:
    """One attempt's loop. It decides; everything that costs time or can fail is behind `ports`."""

    ports: LoopPorts
    task: Task
    limits: Limits
    plan: SharedPlan | None = None
    """None: the agent plans for itself."""
    rules: str | None = None
    """The target's AGENTS.md as it is at base; the same for every agent."""
    diff_limit: int = DIFF_LIMIT
    """Bytes of a diff that a reviewer is shown: `diff_limit(context)` of the verify stage's model."""
    state: LoopState = field(init=False)
    _ask: Asker = field(init=False)
    _tell: Journal = field(init=False)
    _questions: Questions = field(init=False)
    _try: _Try = field(init=False, default_factory=_Try)

    def __post_init__(self) -> None:
        self._ask = Asker(self.ports, self._count_repair)
        self._tell = Journal(self.ports)
        self._questions = Questions(self.task, self.rules, Vetting(self._check_ticket))

    def run(self, resume: LoopState | None = None) -> LoopOutcome:
        """Work to the end, from the start or from a checkpoint of a loop that was cut off.

        Whatever the ports raise passes through. INTERRUPTED alone is an outcome that leaves the attempt open.
        """
        try:
            self._start(resume)
            self._work()
        except Ended as end:
            return self._finish(end)

    def _work(self) -> NoReturn:
        if not self.state.tickets:
            self._plan()
        elif self.state.pending is not None:
            self._follow_up(self.state.pending)
        while True:
            ticket = self._next()
            self._begin(ticket)
            failure = self._build(ticket) or self._check(ticket) or self._verify(ticket)
            if failure is None:
                self._accept(ticket)
            else:
                self._reject(ticket, failure)
            self._follow_up(ticket.id)

    # The steps, in their order.

    def _start(self, resume: LoopState | None) -> None:
        """Begin with the tree that the state speaks of, whatever an earlier process has left there."""
        workspace = self.ports.workspace
        base = workspace.base
        self.state = LoopState(commit=base, tree=workspace.tree_of(base)) if resume is None else resume
        if resume is not None and resume.pending is None and self.ports.limit():
            return  # nothing more will be done: `_finish` keeps what lies there as the work that was cut off
        restore(self.ports, self.state.commit)

    def _plan(self) -> None:
        self._tell.iteration_started(self.state, None)
        plan = self._own_plan() if self.plan is None else self.plan.tickets
        if not plan:
            raise Ended(Ending.NO_PLAN, "the plan has no ticket", stage=Stage.PLAN, cause=StageEnding.DONE)
        self.state = states.planned(self.state, plan, plan_hash(plan), None if self.plan is None else self.plan.by)
        self._tell.plan_ready(self.state)

    def _own_plan(self) -> Sequence[Ticket]:
        reply = self._ask(self._questions.plan(self.state))
        if reply.answer is None:
            raise Ended(Ending.NO_PLAN, reply.detail, stage=Stage.PLAN, cause=reply.ending)
        return reply.answer.tickets

    def _next(self) -> Ticket:
        """The ticket to build now. Raises Ended where there is none, or none may be built any more."""
        while True:
            self._stop_if_over()
            ticket = tickets.next_ticket(self.state.tickets)
            if ticket is None:
                lost = sorted(tickets.hopeless_ids(self.state.tickets))
                raise Ended(Ending.GAVE_UP, f"abandoned, or waiting for what was abandoned: {', '.join(lost)}")
            if not self._passes_already(ticket):
                break
            self._move(states.satisfied(self.state, ticket.id), ticket, "the check passes before any work")
        if self.state.iteration >= self.limits.iterations:
            raise Ended(Ending.ITERATIONS, f"{self.state.iteration} of {self.limits.iterations} iterations are used up")
        return ticket

    def _stop_if_over(self) -> None:
        state, failure = self.state, self.state.last_failure
        if tickets.all_satisfied(state.tickets):
            raise Ended(Ending.COMPLETED, f"all {len(state.tickets)} tickets are satisfied")
        if failure is not None and state.failures >= self.limits.failures:
            detail = f"{state.failures} iterations in a row accepted nothing; the last: {failure.reason}"
            raise Ended(Ending.FAILURES, detail, stage=failure.stage, cause=failure.cause)
        if size := stall.period(state.history):
            raise Ended(Ending.STALLED, stall.evidence(state.history, size, state.iteration))
        if reached := self.ports.limit():
            raise Ended(*reached)

    def _passes_already(self, ticket: Ticket) -> bool:
        result = self._check_ticket(ticket, "before")
        if not result.runnable:
            text = f"the check of {ticket.id} cannot be run (exit {result.exit}): {ticket.acceptance.run}"
            self.ports.emit(EventKind.WARNING, text=text, ticket=ticket.id)
        return result.passed

    def _begin(self, ticket: Ticket) -> None:
        self.state = states.begun(self.state)
        self._try = _Try()
        self._tell.iteration_started(self.state, ticket)

    def _build(self, ticket: Ticket) -> Failure | None:
        reply = self._ask(self._questions.build(self.state, ticket))
        message = messages.tried_message(ticket, iteration=self.state.iteration)
        self._try.commit = commit_beside(self.ports, "tried", message)
        if reply.answer is None:
            return messages.fruitless(Stage.BUILD, reply.ending, reply.detail)
        self._raise(Stage.BUILD, reply.answer.issues)
        return None if reply.answer.done else messages.blocked(reply.answer.summary)

    def _check(self, ticket: Ticket) -> Failure | None:
        check = self._try.check = self._check_ticket(ticket, "after")
        return None if check.passed else messages.check_failed(ticket.acceptance, check)

    def _verify(self, ticket: Ticket) -> Failure | None:
        tried, check = self._try.commit, self._try.check
        if tried is None or check is None:  # it passes without a change: there is nothing to review
            return None
        shown = self.ports.workspace.capped_diff(self.state.commit, tried, limit=self.diff_limit)
        reply = self._ask(self._questions.verify(self.state, ticket, tried, shown, check.output))
        if reply.answer is None:
            return messages.fruitless(Stage.VERIFY, reply.ending, reply.detail)
        self._try.verdict = reply.answer.reason
        self.state = states.claimed(self.state, reply.answer.complete)
        self._raise(Stage.VERIFY, reply.answer.issues)
        return None if reply.answer.accept else messages.refused(reply.answer.reason)

    def _accept(self, ticket: Ticket) -> None:
        workspace, check, verdict = self.ports.workspace, self._try.check, self._try.verdict
        message = messages.accept_message(ticket, iteration=self.state.iteration, verdict=verdict, check=check)
        commit = workspace.commit(message)
        if commit is None:
            self._settle(states.satisfied(self.state, ticket.id), ticket, "the check passes without any change")
            return
        tree = workspace.tree_of(commit)
        self._tell.committed("accepted", commit, tree, message)
        self._settle(states.accepted(self.state, ticket.id, commit, tree), ticket, verdict)

    def _reject(self, ticket: Ticket, failure: Failure) -> None:
        changed = self.ports.workspace.tree() != self.state.tree
        restored = restore(self.ports, self.state.commit)
        if changed or restored.ignored:
            self._tell.rolled_back(self.state.commit, restored)
        self._settle(states.rejected(self.state, ticket.id, failure), ticket, failure.reason)

    def _follow_up(self, ticket_id: str) -> None:
        """Issues become tickets, a ticket that was rejected too often becomes smaller ones; the iteration ends."""
        self._investigate(ticket_id)
        self._decompose(ticket_id)
        self.state = states.closed(self.state)
        self._tell.iteration_ended(self.state, ticket_id)

    def _investigate(self, ticket_id: str) -> None:
        issues = self.state.issues
        if not issues:
            return
        reply = self._ask(self._questions.investigate(self.state, self.state.ticket(ticket_id)))
        if reply.answer is None:  # said aloud, and not remembered as put aside: they may be raised again
            self.state = states.investigated(self.state, (), ())
            for issue in issues:
                self._tell.issue(Stage.INVESTIGATE, issue, "unanswered", f"{reply.ending}: {reply.detail}")
            return
        found = reply.answer
        self.state = states.investigated(self.state, found.tickets, tuple(issue for issue, _ in found.dropped))
        self._tell.investigated(issues, found)
        self._tell.created(found.tickets)

    def _nothing_more_is_built(self) -> bool:
        """Smaller tickets would be asked for, and paid for, only to lie there."""
        state, limits = self.state, self.limits
        return state.failures >= limits.failures or state.iteration >= limits.iterations

    def _decompose(self, ticket_id: str) -> None:
        ticket = self.state.ticket(ticket_id)
        if not states.worn_out(ticket) or self._nothing_more_is_built():
            return
        tries = f"{len(ticket.rejections)} tries came to nothing"
        if not states.may_split(ticket):
            self._move(states.abandoned(self.state, ticket_id), ticket, f"{tries}, and it is not split any further")
            return
        reply = self._ask(self._questions.decompose(self.state, ticket))
        if reply.answer is None:
            why = f"{tries}, and splitting it brought no answer ({reply.ending}: {reply.detail})"
            self._move(states.abandoned(self.state, ticket_id), ticket, why)
            return
        self._move(states.split(self.state, ticket_id, reply.answer.tickets), ticket, tries)
        self._tell.created(reply.answer.tickets)

    def _finish(self, end: Ended) -> LoopOutcome:
        """Keep the work that was cut off, beside the branch; leave the tree as it was accepted."""
        workspace, wip = self.ports.workspace, None
        if not end.ending.void and workspace.tree() != self.state.tree:
            message = messages.wip_message(end.ending, iteration=self.state.iteration, detail=end.detail)
            wip = commit_beside(self.ports, "wip", message)
            restore(self.ports, self.state.commit)
        outcome = LoopOutcome(end.ending, end.stage, end.cause, end.detail, self.state.commit, wip, self.state)
        self._tell.loop_ended(outcome)
        return outcome

    # How the state moves.

    def _check_ticket(self, ticket: Ticket, when: str) -> CheckResult:
        anchor = self._try.commit if when == "after" else None
        return self._ask.check(ticket, when, anchor=anchor or self.state.commit, iteration=self.state.iteration)

    def _move(self, state: LoopState, before: Ticket, reason: str) -> None:
        self.state = state
        self._tell.moved(before, state, reason)

    def _settle(self, state: LoopState, before: Ticket, reason: str) -> None:
        self.state = states.settled(state, before.id)
        self._tell.settled(before, self.state, reason)

    def _raise(self, stage: Stage, issues: Sequence[Issue]) -> None:
        known = len(self.state.issues)
        self.state = states.raised(self.state, issues)
        for issue in self.state.issues[known:]:
            self._tell.issue(stage, issue, "open")

    def _count_repair(self) -> None:
        self.state = states.repaired(self.state)


def commit_beside(ports: LoopPorts, what: str, message: str) -> str | None:
    """The worktree as a commit that does not move the branch: rejected and cut-off work is kept, too."""
    commit = ports.workspace.commit(message, wip=True)
    if commit is not None:
        Journal(ports).committed(what, commit, ports.workspace.tree_of(commit), message)
    return commit
