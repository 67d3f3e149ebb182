"""Tries the checks of new tickets: each must be one that can be run today, and that the work is still to make pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ralphbench.loop.answers import Investigated, Planned, Read
from ralphbench.loop.ports import CheckResult
from ralphbench.model import Ticket


@dataclass(frozen=True, slots=True)
class Vetting:
    """`check(ticket, when)` runs a ticket's acceptance on the tree as it was last accepted."""

    check: Callable[[Ticket, str], CheckResult]

    def plan(self, plan: Planned, final: bool) -> Read[Planned]:
        """A check that passes today is worth a repair. After that, a plan in which some pass is taken as it is, since
        their tickets earn nothing; one in which all pass would end as if there had been work.
        """
        tried = self._try(plan.tickets, "plan")
        return _read(plan, tried.all_errors if not final else tried.errors or tried.idle("the plan"))

    def investigation(self, found: Investigated, final: bool) -> Read[Investigated]:
        """Every issue is answered for; after the repair, one that is not is left where something was answered."""
        if not found.left or (final and (found.tickets or found.dropped)):
            return Read(found)
        return Read(None, (f"{', '.join(found.left)}: neither dropped nor made into a ticket that names it",))

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
        return (f"every check of {what} passes before any work: {', '.join(t.id for t in self.passing)}",)


def _read(answer: Planned, errors: tuple[str, ...]) -> Read[Planned]:
    return Read(None if errors else answer, errors)


def _passes(ticket: Ticket) -> str:
    return (
        f"{ticket.id}: its acceptance `{ticket.acceptance.run}` passes already, before any work. "
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
