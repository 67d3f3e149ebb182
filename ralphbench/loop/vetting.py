"""Tries the checks of new tickets: each must be one that can be run today, and that the work is still to make pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from ralphbench.loop.answers import Investigated, Planned, Read
from ralphbench.loop.ports import CheckResult
from ralphbench.model import Stage, Ticket, TicketState

PASSES = "passes already, before any work"


@dataclass(frozen=True, slots=True)
class Vetting:
    """`check(ticket, when)` runs a ticket's acceptance on the tree as it was last accepted."""

    check: Callable[[Ticket, str], CheckResult]

    def plan(self, plan: Planned, final: bool) -> Read[Planned]:
        """A check that passes today is worth a repair. After that, a plan in which some pass is taken as it is, since
        their tickets earn nothing; one in which all pass would end as if there had been work.
        """
        return self._planned(plan, Stage.PLAN, "the plan", final)

    def parts(self, parts: Planned, final: bool) -> Read[Planned]:
        """As with a plan: parts that all pass today would satisfy a ticket that came to nothing."""
        return self._planned(parts, Stage.DECOMPOSE, "the parts", final)

    def investigation(self, found: Investigated, final: bool) -> Read[Investigated]:
        """Every issue is answered for. After the repair, one that is not is left where something was answered, and a
        ticket whose check passes today is dropped.
        """
        tried = self._try(found.tickets, Stage.INVESTIGATE)
        left = f"{', '.join(found.left)}: neither dropped nor made into a ticket that names it"
        empty = not found.tickets and not found.dropped
        errors = (
            *(tried.errors if final else tried.all_errors),
            *([left] if found.left and (empty or not final) else []),
        )
        return Read(None, errors) if errors else Read(_without(found, tried.passing))

    def _planned(self, answer: Planned, stage: Stage, what: str, final: bool) -> Read[Planned]:
        tried = self._try(answer.tickets, stage)
        errors = tried.all_errors if not final else tried.errors or tried.idle(what)
        return Read(None, errors) if errors else Read(answer)

    def _try(self, tickets: Sequence[Ticket], when: str) -> _Tried:
        errors, passing = [], []
        for ticket in tickets:
            result = self.check(ticket, when)
            if result.passed:
                passing.append(ticket)
            elif problem := _problem(ticket, result):
                errors.append(problem)
        return _Tried(tuple(tickets), tuple(errors), tuple(passing))


@dataclass(frozen=True, slots=True)
class _Tried:
    tickets: tuple[Ticket, ...]
    errors: tuple[str, ...]
    """Of the checks that cannot be run."""
    passing: tuple[Ticket, ...]

    @property
    def all_errors(self) -> tuple[str, ...]:
        return (*self.errors, *(_passes(ticket) for ticket in self.passing))

    def idle(self, what: str) -> tuple[str, ...]:
        """The error of tickets that have all passed before any work."""
        if not self.passing or len(self.passing) < len(self.tickets):
            return ()
        return (f"every check of {what} {PASSES}: {', '.join(t.id for t in self.passing)}",)


def _without(found: Investigated, passing: Collection[Ticket]) -> Investigated:
    """With the tickets that pass already dropped, and the issues that no other ticket is for."""
    gone = {ticket.id for ticket in passing}
    tickets = tuple(replace(t, state=TicketState.DROPPED) if t.id in gone else t for t in found.tickets)
    kept = {issue for id_, issues in found.serves.items() if id_ not in gone for issue in issues}
    lost = {issue: id_ for id_, issues in found.serves.items() if id_ in gone for issue in issues if issue not in kept}
    dropped = tuple((issue, f"the check of its ticket {id_} {PASSES}") for issue, id_ in lost.items())
    return replace(found, tickets=tickets, dropped=(*found.dropped, *dropped))


def _passes(ticket: Ticket) -> str:
    return (
        f"{ticket.id}: its acceptance `{ticket.acceptance.run}` {PASSES}. "
        "Write one that fails today, or leave out the ticket if its work is done"
    )


def _problem(ticket: Ticket, result: CheckResult) -> str | None:
    run = f"{ticket.id}: its acceptance `{ticket.acceptance.run}`"
    if result.timed_out:
        return f"{run} did not end within {result.seconds:.0f} s: write one that is quick and ends by itself"
    if result.runnable:
        return None
    said = result.output.strip()[-200:]
    what = "not found" if result.exit == 127 else "not executable"
    return (
        f"{run} cannot be run today: exit status {result.exit}, {what} ({said}). "
        "Name a command that is there; for a program that is yet to be made write `test -x ./prog && ./prog ...`"
    )
