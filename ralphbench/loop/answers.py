"""What the stages may answer: from the JSON object of an agent to tickets, verdicts and issues, or to a list of errors.

Strict about types and meaning; unknown keys are ignored and named. Every error is written for the agent that has to mend it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ralphbench.loop.convert import Notes, convert, items
from ralphbench.loop.rows import dropped_issues, issues_of, meant_issues, new_tickets, ticket_of, ticket_rows
from ralphbench.loop.shapes import (
    MAX_PLAN,
    BuildShape,
    DecomposeShape,
    InvestigateShape,
    IssueTicketShape,
    PlanShape,
    TicketShape,
    VerifyShape,
)
from ralphbench.loop.tickets import graph_problems
from ralphbench.model import Issue, Ticket


@dataclass(frozen=True, slots=True)
class Planned:
    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class Built:
    done: bool
    summary: str
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Reviewed:
    accept: bool
    reason: str
    issues: tuple[Issue, ...]
    complete: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Investigated:
    tickets: tuple[Ticket, ...]
    serves: Mapping[str, tuple[Issue, ...]]
    """By ticket id: the issues that it is for."""
    dropped: tuple[tuple[Issue, str], ...]
    """Issue and reason."""
    left: Mapping[str, Issue]
    """By name: the issues that no ticket is for, and that were not dropped."""


A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Read(Generic[A]):
    """An answer that can be used, or the errors that forbid it."""

    answer: A | None
    errors: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Unknown keys."""


_ERRORS = 40
_ERROR = 500
"""Characters of one error, and how many of them are told: they go into a prompt."""

PLAN_KEYS = PlanShape.__struct_fields__
BUILD_KEYS = BuildShape.__struct_fields__
VERIFY_KEYS = VerifyShape.__struct_fields__
INVESTIGATE_KEYS = InvestigateShape.__struct_fields__
DECOMPOSE_KEYS = DecomposeShape.__struct_fields__


def read_plan(value: Mapping[str, Any]) -> Read[Planned]:
    """An empty plan is a valid answer: what it means is for the loop to say."""
    notes = Notes()
    convert(value, PlanShape, "", notes)
    raw = items(value, "tickets")
    if len(raw) > MAX_PLAN:
        notes.errors.append(f"tickets: {len(raw)} are too many, at most {MAX_PLAN} are allowed")
        return _failed(notes)
    rows = ticket_rows(raw, TicketShape, "tickets", notes)
    tickets = [ticket_of(row, row.id, {}, priority=5, source="plan") for row in rows]
    notes.errors += graph_problems(tickets, ())
    return _result(Planned(tuple(tickets)), notes)


def read_build(value: Mapping[str, Any]) -> Read[Built]:
    notes = Notes()
    build = convert(value, BuildShape, "", notes)
    status = value.get("status")
    if isinstance(status, str) and status not in ("done", "blocked"):
        notes.errors.append(f"status: {status[:100]!r} is none of 'done', 'blocked'")
    issues = issues_of(items(value, "issues"), notes)
    return _failed(notes) if build is None else _result(Built(status == "done", build.summary, issues), notes)


def read_verify(value: Mapping[str, Any], claims: Collection[str]) -> Read[Reviewed]:
    """`claims`: what `complete` has to speak of, each by its name."""
    notes = Notes()
    verify = convert(value, VerifyShape, "", notes)
    said = value.get("complete")
    if isinstance(said, Mapping):
        notes.errors += [f"complete: {name!r} is missing" for name in claims if name not in said]
        notes.ignored += [f"complete.{name}" for name in said if name not in claims]
    issues = issues_of(items(value, "issues"), notes)
    if verify is None or notes.errors:
        return _failed(notes)
    complete = {name: verify.complete[name] for name in claims}
    return _result(Reviewed(verify.accept, verify.reason, issues, complete), notes)


def read_investigate(
    value: Mapping[str, Any], issues: Sequence[Issue], known: Sequence[Ticket], prefix: str
) -> Read[Investigated]:
    """`issues` are called `issue-1`, `issue-2`, ... in the answer; the new tickets are given ids `<prefix>.<k>`."""
    notes = Notes()
    convert(value, InvestigateShape, "", notes)
    names = {issue_name(i): issue for i, issue in enumerate(issues)}
    rows = ticket_rows(items(value, "tickets"), IssueTicketShape, "tickets", notes)
    tickets = new_tickets(rows, "tickets", notes, known=known, prefix=prefix, source="issue")
    dropped = dropped_issues(items(value, "dropped"), names, notes)
    meant = meant_issues(rows, names, dropped, notes)
    serves = {t.id: tuple(names[name] for name in row) for t, row in zip(tickets, meant, strict=True)}
    kept = {name for row in meant for name in row}
    left = {name: issue for name, issue in names.items() if name not in kept | dropped.keys()}
    return _result(Investigated(tuple(tickets), serves, tuple(dropped.values()), left), notes)


def read_decompose(value: Mapping[str, Any], parent: Ticket, known: Sequence[Ticket]) -> Read[Planned]:
    """The parts are given ids `<parent>.<k>`, the parent's priority where they have none, and one more depth."""
    notes = Notes()
    convert(value, DecomposeShape, "", notes)
    rows = ticket_rows(items(value, "parts"), TicketShape, "parts", notes)
    parts = new_tickets(rows, "parts", notes, known=known, prefix=parent.id, source="decompose", parent=parent)
    return _result(Planned(tuple(parts)), notes)


def _result(answer: A, notes: Notes) -> Read[A]:
    return _failed(notes) if notes.errors else Read(answer, (), tuple(notes.ignored))


def _failed(notes: Notes) -> Read[Any]:
    told = [error if len(error) <= _ERROR else f"{error[:_ERROR]} [...]" for error in notes.errors[:_ERRORS]]
    if len(notes.errors) > _ERRORS:
        told.append(f"and {len(notes.errors) - _ERRORS} more")
    return Read(None, tuple(told), tuple(notes.ignored))


def issue_name(index: int) -> str:
    return f"issue-{index + 1}"
