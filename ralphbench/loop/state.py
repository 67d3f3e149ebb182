"""Where a loop stands, and every step that it can take from there, as pure functions.

The whole state is frozen and is written into each checkpoint event: an attempt that was cut off goes on from the last
one and does exactly what an undisturbed one would have done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ralphbench.loop.stall import HISTORY, fingerprint
from ralphbench.model import Ending, Issue, Stage, StageEnding, Ticket, TicketState, Work

REJECTIONS_BEFORE_SPLIT = 2
MAX_DEPTH = 2
"""How often work may be split: a part of a part is not split again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an iteration accepted nothing: the agent's own fault."""

    stage: Stage
    cause: StageEnding
    """How the stage ended; `done` where its work or its answer was what was refused."""
    outcome: str
    """`check_failed`, `rejected`, or the name of the stage's ending."""
    reason: str
    """In words that the next try is given."""


@dataclass(frozen=True, slots=True)
class LoopState:
    """Everything that a loop knows between two iterations."""

    commit: str
    """The last accepted commit, or the base."""
    tree: str
    """Its tree."""
    tickets: tuple[Ticket, ...] = ()
    """In order of creation; none is ever removed."""
    issues: tuple[Issue, ...] = ()
    """Raised in this iteration and not yet investigated."""
    iteration: int = 0
    """Build passes so far; 0 is the plan."""
    pending: str | None = None
    """The ticket of an iteration whose work is accepted or rejected, but whose issues and parts are still to be seen to."""
    failures: int = 0
    """Consecutive iterations that accepted nothing through the agent's own fault."""
    last_failure: Failure | None = None
    history: tuple[str, ...] = ()
    """Fingerprints of tree and open work at the ends of the last iterations, oldest first."""
    claims: Mapping[str, bool] | None = None
    """What the last review called complete; None: no review answered."""
    plan_hash: str | None = None
    plan_by: str | None = None
    """Who planned, where the plan is shared; None: its own."""
    dropped: tuple[str, ...] = ()
    """Titles of issues that an investigation has put aside: they are not investigated again."""
    issues_raised: int = 0
    commits: int = 0
    repairs: int = 0
    """Answers that had to be asked for again."""

    def ticket(self, ticket_id: str) -> Ticket:
        return next(ticket for ticket in self.tickets if ticket.id == ticket_id)


@dataclass(frozen=True, slots=True)
class LoopOutcome:
    """How the loop ended, and all that grading and the record need of it."""

    ending: Ending
    stage: Stage | None
    """Where it ended; None: between stages."""
    cause: StageEnding | None
    """For `failures` and `no_plan`: the stage ending that did it."""
    detail: str
    commit: str
    """What is graded: the last accepted commit, or the base."""
    wip: str | None
    """The work that was cut off, as a commit beside the branch."""
    state: LoopState


def planned(state: LoopState, tickets: Sequence[Ticket], plan_hash: str, by: str | None) -> LoopState:
    return closed(replace(state, tickets=tuple(tickets), plan_hash=plan_hash, plan_by=by))


def begun(state: LoopState) -> LoopState:
    return replace(state, iteration=state.iteration + 1)


def satisfied(state: LoopState, ticket_id: str) -> LoopState:
    """The check passes without a change: nothing is earned, nothing has failed."""
    return _with(state, replace(state.ticket(ticket_id), state=TicketState.ALREADY_SATISFIED))


def accepted(state: LoopState, ticket_id: str, commit: str, tree: str) -> LoopState:
    state = _with(state, replace(state.ticket(ticket_id), state=TicketState.ACCEPTED))
    return replace(
        state,
        commit=commit,
        tree=tree,
        commits=state.commits + 1,
        failures=0,
        last_failure=None,
    )


def rejected(state: LoopState, ticket_id: str, failure: Failure) -> LoopState:
    """One more try of the ticket came to nothing, for whatever reason of the agent's own."""
    ticket = state.ticket(ticket_id)
    state = _with(state, replace(ticket, rejections=(*ticket.rejections, failure.reason)))
    return replace(state, failures=state.failures + 1, last_failure=failure)


def settled(state: LoopState, ticket_id: str) -> LoopState:
    """What was built is accepted or taken back: the iteration can be gone on with from here."""
    return replace(state, pending=ticket_id)


def worn_out(ticket: Ticket) -> bool:
    """Rejected so often that it is not tried again as it is."""
    return ticket.state is TicketState.OPEN and len(ticket.rejections) >= REJECTIONS_BEFORE_SPLIT


def may_split(ticket: Ticket) -> bool:
    return ticket.depth < MAX_DEPTH


def split(state: LoopState, ticket_id: str, parts: Sequence[Ticket]) -> LoopState:
    state = _with(state, replace(state.ticket(ticket_id), state=TicketState.DECOMPOSED))
    return replace(state, tickets=(*state.tickets, *parts))


def abandoned(state: LoopState, ticket_id: str) -> LoopState:
    return _with(state, replace(state.ticket(ticket_id), state=TicketState.ABANDONED))


def raised(state: LoopState, issues: Sequence[Issue]) -> LoopState:
    """Keep what is new: an issue counts once while it is open, and not again once it was put aside."""
    known = {same(issue.title) for issue in state.issues} | set(state.dropped)
    new: dict[str, Issue] = {}
    for issue in issues:
        if same(issue.title) not in known:
            new.setdefault(same(issue.title), issue)
    return replace(state, issues=(*state.issues, *new.values()), issues_raised=state.issues_raised + len(new))


def investigated(state: LoopState, tickets: Sequence[Ticket], dropped: Sequence[Issue]) -> LoopState:
    """The open issues have become tickets or were put aside."""
    titles = tuple(same(issue.title) for issue in dropped)
    return replace(state, issues=(), tickets=(*state.tickets, *tickets), dropped=(*state.dropped, *titles))


def claimed(state: LoopState, complete: Mapping[str, bool]) -> LoopState:
    return replace(state, claims=dict(complete))


def repaired(state: LoopState) -> LoopState:
    return replace(state, repairs=state.repairs + 1)


def closed(state: LoopState) -> LoopState:
    """The end of an iteration: remember how things stand."""
    mark = fingerprint(state.tree, state.tickets)
    return replace(state, pending=None, history=(*state.history, mark)[-HISTORY:])


def same(title: str) -> str:
    """Titles that differ in case and spacing alone are the same issue."""
    return " ".join(title.split()).casefold()


def work_of(state: LoopState, *, files_changed: int, lines_added: int, lines_removed: int) -> Work:
    """The sums for the result; what only git knows is given."""
    counts = {kind: sum(t.state is kind for t in state.tickets) for kind in TicketState}
    return Work(
        iterations=state.iteration,
        tickets=len(state.tickets),
        accepted=counts[TicketState.ACCEPTED],
        already_satisfied=counts[TicketState.ALREADY_SATISFIED],
        rejected=sum(len(t.rejections) for t in state.tickets),
        decomposed=counts[TicketState.DECOMPOSED],
        abandoned=counts[TicketState.ABANDONED],
        issues=state.issues_raised,
        commits=state.commits,
        files_changed=files_changed,
        lines_added=lines_added,
        lines_removed=lines_removed,
        repairs=state.repairs,
    )


def _with(state: LoopState, changed: Ticket) -> LoopState:
    tickets = tuple(changed if ticket.id == changed.id else ticket for ticket in state.tickets)
    return replace(state, tickets=tickets)
