"""Tells every transition as an event, in the words that the records store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ralphbench.loop.answers import Investigated
from ralphbench.loop.asking import Restored
from ralphbench.loop.ports import LoopPorts
from ralphbench.loop.state import LoopOutcome, LoopState
from ralphbench.loop.vetting import PASSES
from ralphbench.model import Ending, EndingClass, EventKind, Issue, Stage, Ticket, TicketState, codec


@dataclass(frozen=True, slots=True)
class Journal:
    """Events about the state. Those that hold it whole are the checkpoints."""

    ports: LoopPorts

    def plan_ready(self, state: LoopState) -> None:
        self.ports.emit(
            EventKind.PLAN_READY,
            iteration=0,
            tickets=codec.builtins(state.tickets),
            hash=state.plan_hash,
            by=state.plan_by,
            state=codec.builtins(state),
        )

    def iteration_started(self, state: LoopState, ticket: Ticket | None) -> None:
        ticket_id, title = (None, None) if ticket is None else (ticket.id, ticket.title)
        self.ports.emit(EventKind.ITERATION_STARTED, iteration=state.iteration, ticket=ticket_id, title=title)

    def iteration_ended(self, state: LoopState, ticket_id: str) -> None:
        now = state.ticket(ticket_id).state
        earned = now in (TicketState.ACCEPTED, TicketState.ALREADY_SATISFIED)
        failure = state.last_failure
        self.ports.emit(
            EventKind.ITERATION_ENDED,
            iteration=state.iteration,
            ticket=ticket_id,
            outcome=now if earned or failure is None else failure.outcome,
            commit=state.commit,
            tree=state.tree,
            state=codec.builtins(state),
        )

    def moved(self, before: Ticket, state: LoopState, reason: str) -> None:
        """A ticket has another state than `before`."""
        self.ports.emit(
            EventKind.TICKET, id=before.id, was=before.state, now=state.ticket(before.id).state, reason=reason
        )

    def settled(self, before: Ticket, state: LoopState, reason: str) -> None:
        """What was built is accepted or taken back: a checkpoint in the middle of an iteration."""
        self.ports.emit(
            EventKind.TICKET,
            id=before.id,
            was=before.state,
            now=state.ticket(before.id).state,
            reason=reason,
            state=codec.builtins(state),
        )

    def created(self, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            reason = ticket.source if ticket.parent is None else f"{ticket.source} of {ticket.parent}"
            if ticket.state is TicketState.DROPPED:
                reason = f"{reason}; its check {PASSES}"
            self.ports.emit(
                EventKind.TICKET, id=ticket.id, was=None, now=ticket.state, reason=reason, title=ticket.title
            )

    def issue(self, stage: Stage, issue: Issue, now: str, reason: str | None = None) -> None:
        """`now`: `open`, `ticket`, `dropped`, or `unanswered`."""
        self.ports.emit(EventKind.ISSUE, stage=stage, title=issue.title, detail=issue.detail, now=now, reason=reason)

    def investigated(self, issues: Sequence[Issue], found: Investigated) -> None:
        """What has become of each of the issues."""
        dropped, left = dict(found.dropped), found.left.values()
        for issue in issues:
            if issue in dropped:
                self.issue(Stage.INVESTIGATE, issue, "dropped", dropped[issue])
            elif issue in left:
                self.issue(Stage.INVESTIGATE, issue, "unanswered", "neither dropped nor made into a ticket")
            else:
                self.issue(Stage.INVESTIGATE, issue, "ticket")

    def committed(self, what: str, commit: str, tree: str, message: str) -> None:
        """`what`: `accepted`, `tried`, or `wip`."""
        self.ports.emit(EventKind.COMMIT, what=what, commit=commit, tree=tree, message=message)

    def rolled_back(self, commit: str, restored: Restored) -> None:
        self.ports.emit(EventKind.ROLLBACK, to=commit, tree=restored.tree, verified=True, ignored=restored.ignored)

    def loop_ended(self, outcome: LoopOutcome) -> None:
        """Not for INTERRUPTED: then a process has ended, and the attempt goes on in another one."""
        ending = outcome.ending
        if ending is Ending.INTERRUPTED:
            return
        if ending.kind in (EndingClass.LIMIT, EndingClass.INFRASTRUCTURE):
            kind = EventKind.FAULT if ending.void else EventKind.LIMIT
            self.ports.emit(kind, ending=ending, detail=outcome.detail, stage=outcome.stage)
        self.ports.emit(EventKind.LOOP_ENDED, **codec.builtins(outcome))
