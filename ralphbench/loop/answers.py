"""What the stages may answer: from the JSON object of an agent to tickets, verdicts and issues, or to a list of errors.

Strict about types and meaning; unknown keys are ignored and named. Every error is written for the agent that has to mend it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from ralphbench.loop.expect import problem
from ralphbench.loop.shapes import (
    MAX_PLAN,
    AcceptanceShape,
    BuildShape,
    DecomposeShape,
    DroppedShape,
    ExpectShape,
    InvestigateShape,
    IssueShape,
    IssueTicketShape,
    PlanShape,
    TicketShape,
    VerifyShape,
)
from ralphbench.loop.tickets import graph_problems
from ralphbench.model import Acceptance, Issue, Ticket


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
S = TypeVar("S", bound=Struct)
T = TypeVar("T", bound=TicketShape)


@dataclass(frozen=True, slots=True)
class Read(Generic[A]):
    """An answer that can be used, or the errors that forbid it."""

    answer: A | None
    errors: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Unknown keys."""


@dataclass(slots=True)
class _Notes:
    errors: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def result(self, answer: A) -> Read[A]:
        return Read(None if self.errors else answer, tuple(self.errors), tuple(self.ignored))

    def failed(self) -> Read[Any]:
        return Read(None, tuple(self.errors), tuple(self.ignored))


PLAN_KEYS = PlanShape.__struct_fields__
BUILD_KEYS = BuildShape.__struct_fields__
VERIFY_KEYS = VerifyShape.__struct_fields__
INVESTIGATE_KEYS = InvestigateShape.__struct_fields__
DECOMPOSE_KEYS = DecomposeShape.__struct_fields__


def read_plan(value: Mapping[str, Any]) -> Read[Planned]:
    """An empty plan is a valid answer: what it means is for the loop to say."""
    notes = _Notes()
    if (plan := _convert(value, PlanShape, "", notes)) is None:
        return notes.failed()
    if len(plan.tickets) > MAX_PLAN:
        notes.errors.append(f"tickets: {len(plan.tickets)} are too many, at most {MAX_PLAN} are allowed")
        return notes.failed()
    rows = _tickets(plan.tickets, TicketShape, "tickets", notes)
    tickets = [_ticket(row, row.id, {}, priority=5, source="plan") for row in rows]
    if not notes.errors:
        notes.errors += graph_problems(tickets, ())
    return notes.result(Planned(tuple(tickets)))


def read_build(value: Mapping[str, Any]) -> Read[Built]:
    notes = _Notes()
    if (build := _convert(value, BuildShape, "", notes)) is None:
        return notes.failed()
    if build.status not in ("done", "blocked"):
        notes.errors.append(f"status: {build.status[:100]!r} is none of 'done', 'blocked'")
    return notes.result(Built(build.status == "done", build.summary, _issues(build.issues, notes)))


def read_verify(value: Mapping[str, Any], claims: Collection[str]) -> Read[Reviewed]:
    """`claims`: what `complete` has to speak of, each by its name."""
    notes = _Notes()
    if (verify := _convert(value, VerifyShape, "", notes)) is None:
        return notes.failed()
    notes.errors += [f"complete: {name!r} is missing" for name in claims if name not in verify.complete]
    notes.ignored += [f"complete.{name}" for name in verify.complete if name not in claims]
    complete = {name: verify.complete[name] for name in claims if name in verify.complete}
    return notes.result(Reviewed(verify.accept, verify.reason, _issues(verify.issues, notes), complete))


def read_investigate(
    value: Mapping[str, Any], issues: Sequence[Issue], known: Sequence[Ticket], prefix: str
) -> Read[Investigated]:
    """`issues` are called `issue-1`, `issue-2`, ... in the answer; the new tickets are given ids `<prefix>.<k>`."""
    notes = _Notes()
    if (found := _convert(value, InvestigateShape, "", notes)) is None:
        return notes.failed()
    names = {issue_name(i): issue for i, issue in enumerate(issues)}
    rows = _tickets(found.tickets, IssueTicketShape, "tickets", notes)
    tickets = _new_tickets(rows, "tickets", notes, known=known, prefix=prefix, source="issue")
    dropped = _dropped(found.dropped, names, notes)
    meant = _meant(rows, names, dropped, notes)
    serves = {t.id: tuple(names[name] for name in row) for t, row in zip(tickets, meant, strict=True)}
    kept = {name for row in meant for name in row}
    left = {name: issue for name, issue in names.items() if name not in kept | dropped.keys()}
    return notes.result(Investigated(tuple(tickets), serves, tuple(dropped.values()), left))


def read_decompose(value: Mapping[str, Any], parent: Ticket, known: Sequence[Ticket]) -> Read[Planned]:
    """The parts are given ids `<parent>.<k>`, the parent's priority where they have none, and one more depth."""
    notes = _Notes()
    if (found := _convert(value, DecomposeShape, "", notes)) is None:
        return notes.failed()
    rows = _tickets(found.parts, TicketShape, "parts", notes)
    parts = _new_tickets(rows, "parts", notes, known=known, prefix=parent.id, source="decompose", parent=parent)
    return notes.result(Planned(tuple(parts)))


def issue_name(index: int) -> str:
    return f"issue-{index + 1}"


def _new_tickets(
    rows: Sequence[TicketShape],
    where: str,
    notes: _Notes,
    *,
    known: Sequence[Ticket],
    prefix: str,
    source: str,
    parent: Ticket | None = None,
) -> list[Ticket]:
    """Tickets that are added to a plan. Their ids are the harness's own, so that none can clash; plan ids have no dot."""
    meant_twice = {t.id for t in known} & {row.id for row in rows} & {d for row in rows for d in row.depends_on}
    notes.errors += [
        f"{where}: two tickets are called {name!r}: give the new one another id" for name in sorted(meant_twice)
    ]
    names = {row.id: f"{prefix}.{k}" for k, row in enumerate(rows, start=1)}
    priority = 5 if parent is None else parent.priority
    tickets = [_ticket(row, names[row.id], names, priority=priority, source=source, parent=parent) for row in rows]
    if not notes.errors:
        notes.errors += graph_problems(tickets, known)
    return tickets


def _tickets(raw: Sequence[Any], kind: type[T], where: str, notes: _Notes) -> list[T]:
    rows = []
    for k, item in enumerate(raw):
        place = f"{where}[{k}]"
        row = _convert(item, kind, place, notes)
        if row is None:
            continue
        _ignored(item.get("acceptance"), AcceptanceShape, f"{place}.acceptance", notes)
        _ignored(item["acceptance"].get("expect"), ExpectShape, f"{place}.acceptance.expect", notes)
        pattern = row.acceptance.expect.stdout
        if pattern is not None and (why := problem(pattern)):
            notes.errors.append(f"{place}.acceptance.expect.stdout: {pattern!r} {why}")
        if "\0" in row.acceptance.run:
            notes.errors.append(f"{place}.acceptance.run: holds a NUL character")
        rows.append(row)
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            notes.errors.append(f"{where}: the id {row.id!r} is used twice")
        seen.add(row.id)
    return rows


def _ticket(
    row: TicketShape,
    ticket_id: str,
    names: Mapping[str, str],
    *,
    priority: int,
    source: str,
    parent: Ticket | None = None,
) -> Ticket:
    return Ticket(
        id=ticket_id,
        title=" ".join(row.title.split()),
        detail=row.detail.strip(),
        acceptance=Acceptance(row.acceptance.run, row.acceptance.expect.exit, row.acceptance.expect.stdout),
        depends_on=tuple(dict.fromkeys(names.get(d, d) for d in row.depends_on)),
        priority=priority if row.priority is None else row.priority,
        parent=None if parent is None else parent.id,
        depth=0 if parent is None else parent.depth + 1,
        source=source,
    )


def _issues(raw: Sequence[Any], notes: _Notes) -> tuple[Issue, ...]:
    rows = [_convert(item, IssueShape, f"issues[{k}]", notes) for k, item in enumerate(raw)]
    return tuple(Issue(" ".join(row.title.split()), row.detail.strip()) for row in rows if row is not None)


def _meant(
    rows: Sequence[IssueTicketShape], names: Collection[str], dropped: Collection[str], notes: _Notes
) -> list[list[str]]:
    """For each ticket the names of its issues. One that names none is for the one issue that is left over, if it is one."""
    named = {name for row in rows for name in row.issues}
    for row in rows:
        strange = [name for name in row.issues if name not in names]
        notes.errors += [f"{row.id}: its issue {name!r} is none of {', '.join(names)}" for name in strange]
    notes.errors += [
        f"{name}: both dropped and made into a ticket" for name in names if name in named and name in dropped
    ]
    over = [name for name in names if name not in named and name not in dropped]
    return [
        [n for n in names if n in row.issues] or (over if len(over) == 1 and not row.issues else []) for row in rows
    ]


def _dropped(raw: Sequence[Any], names: Mapping[str, Issue], notes: _Notes) -> dict[str, tuple[Issue, str]]:
    dropped: dict[str, tuple[Issue, str]] = {}
    for k, item in enumerate(raw):
        row = _convert(item, DroppedShape, f"dropped[{k}]", notes)
        if row is None:
            continue
        if row.issue not in names:
            notes.errors.append(f"dropped[{k}].issue: {row.issue!r} is none of {', '.join(names)}")
        else:
            dropped.setdefault(row.issue, (names[row.issue], row.reason))
    return dropped


def _convert(value: Any, kind: type[S], where: str, notes: _Notes) -> S | None:
    _ignored(value, kind, where, notes)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        path = (where + place.rstrip("`")).lstrip(".") or "the object"
        notes.errors.append(f"{path}: {what[:1].lower()}{what[1:]}")
        return None


def _ignored(value: Any, kind: type[Struct], where: str, notes: _Notes) -> None:
    if isinstance(value, Mapping):
        notes.ignored += [f"{where}.{key}".lstrip(".") for key in value if key not in kind.__struct_fields__]
