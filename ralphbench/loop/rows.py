"""The parts that answers share: tickets and issues, from an agent's rows to the harness's own objects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ralphbench.loop.convert import Notes, convert, deep, texts
from ralphbench.loop.expect import problem
from ralphbench.loop.shapes import (
    MAX_PATTERN,
    AcceptanceShape,
    DroppedShape,
    IssueShape,
    IssueTicketShape,
    TicketShape,
)
from ralphbench.loop.tickets import graph_problems
from ralphbench.model import Acceptance, Issue, Ticket

T = TypeVar("T", bound=TicketShape)


def new_tickets(
    rows: Sequence[TicketShape],
    where: str,
    notes: Notes,
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
    tickets = [ticket_of(row, names[row.id], names, priority=priority, source=source, parent=parent) for row in rows]
    notes.errors += graph_problems(tickets, known)
    return tickets


def ticket_rows(raw: Sequence[Any], kind: type[T], where: str, notes: Notes) -> list[T]:
    """Also of the tickets that are refused those that have a name; what is wrong with each is noted."""
    rows = []
    for k, item in enumerate(raw):
        place = f"{where}[{k}]"
        row = convert(item, kind, place, notes)
        notes.errors += _acceptance_problems(item, f"{place}.acceptance")
        if row is None and isinstance(deep(item, "id"), str):
            row = _stand_in(item, kind)
        if row is not None:
            rows.append(row)
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            notes.errors.append(f"{where}: the id {row.id!r} is used twice")
        seen.add(row.id)
    return rows


def _acceptance_problems(item: Any, where: str) -> Iterator[str]:
    run, pattern = deep(item, "acceptance", "run"), deep(item, "acceptance", "expect", "stdout")
    if isinstance(run, str) and "\0" in run:
        yield f"{where}.run: holds a NUL character"
    if isinstance(pattern, str) and len(pattern) <= MAX_PATTERN and (why := problem(pattern)):
        yield f"{where}.expect.stdout: {pattern!r} {why}"


def _stand_in(item: Mapping[str, Any], kind: type[T]) -> T:
    """For a ticket that is refused: what others say of it can then be told from what is wrong with itself."""
    needs = texts(item.get("depends_on"))
    row = kind(id=item["id"], title="-", detail="-", acceptance=AcceptanceShape("false"), depends_on=needs)
    if isinstance(row, IssueTicketShape):
        row.issues = texts(item.get("issues"))
    return row


def ticket_of(
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


def issues_of(raw: Sequence[Any], notes: Notes) -> tuple[Issue, ...]:
    rows = [convert(item, IssueShape, f"issues[{k}]", notes) for k, item in enumerate(raw)]
    return tuple(Issue(" ".join(row.title.split()), row.detail.strip()) for row in rows if row is not None)


def meant_issues(
    rows: Sequence[IssueTicketShape], names: Collection[str], dropped: Collection[str], notes: Notes
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


def dropped_issues(raw: Sequence[Any], names: Mapping[str, Issue], notes: Notes) -> dict[str, tuple[Issue, str]]:
    dropped: dict[str, tuple[Issue, str]] = {}
    for k, item in enumerate(raw):
        row = convert(item, DroppedShape, f"dropped[{k}]", notes)
        if row is None:
            continue
        if row.issue not in names:
            notes.errors.append(f"dropped[{k}].issue: {row.issue!r} is none of {', '.join(names)}")
        else:
            dropped.setdefault(row.issue, (names[row.issue], row.reason))
    return dropped
