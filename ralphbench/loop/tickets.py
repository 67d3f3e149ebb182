"""Which ticket is next, and whether tickets can be worked off at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ralphbench.model import Ticket, TicketState

_DONE = (TicketState.ACCEPTED, TicketState.ALREADY_SATISFIED, TicketState.DROPPED)


def next_ticket(tickets: Sequence[Ticket]) -> Ticket | None:
    """The open ticket to build: dependencies satisfied, then smallest priority, then oldest. None: none can be built."""
    done = satisfied_ids(tickets)
    ready = [t for t in tickets if t.state is TicketState.OPEN and done.issuperset(t.depends_on)]
    return min(ready, key=lambda t: t.priority, default=None)


def all_satisfied(tickets: Sequence[Ticket]) -> bool:
    """Whether everything that was planned is there, however it came there."""
    return len(satisfied_ids(tickets)) == len(tickets)


def satisfied_ids(tickets: Sequence[Ticket]) -> set[str]:
    """Ids of the tickets that others need not wait for. One that was split is satisfied when its parts are."""
    done = {t.id for t in tickets if t.state in _DONE}
    parts = _parts(tickets)
    for ticket in sorted(tickets, key=lambda t: -t.depth):
        if ticket.state is TicketState.DECOMPOSED and done.issuperset(parts[ticket.id]):
            done.add(ticket.id)
    return done


def hopeless_ids(tickets: Sequence[Ticket]) -> set[str]:
    """Ids of the tickets that can no longer be satisfied: abandoned, or waiting for one that is."""
    lost = {t.id for t in tickets if t.state is TicketState.ABANDONED}
    needs = _needs(tickets)
    grew = True
    while grew:
        more = {t.id for t in tickets if t.id not in lost and not lost.isdisjoint(needs[t.id])}
        more -= satisfied_ids(tickets)
        lost |= more
        grew = bool(more)
    return lost


def graph_problems(new: Sequence[Ticket], known: Sequence[Ticket]) -> list[str]:
    """What is wrong with the dependencies of new tickets, in words for whoever wrote them."""
    problems = []
    everything = [*known, *new]
    ids = {t.id for t in everything}
    lost = hopeless_ids(known)
    for ticket in new:
        for dependency in ticket.depends_on:
            if dependency not in ids:
                problems.append(f"{ticket.id}: depends on {dependency!r}, and there is no such ticket")
            elif dependency in lost:
                problems.append(f"{ticket.id}: depends on {dependency!r}, which was abandoned")
    if not problems and (circle := find_circle(_needs(everything))):
        problems.append(f"dependencies in a circle: {' -> '.join(circle)}")
    return problems


def find_circle(needs: Mapping[str, Iterable[str]]) -> list[str] | None:
    """A path of ids that comes back to where it began; None: there is none."""
    finished: set[str] = set()
    for root in needs:
        path: list[str] = []
        pending = [(root, False)]
        while pending:
            node, leaving = pending.pop()
            if leaving:
                finished.add(path.pop())
            elif node in path:
                return [*path[path.index(node) :], node]
            elif node not in finished:
                path.append(node)
                pending.append((node, True))
                pending.extend((other, False) for other in needs.get(node, ()))
    return None


def _needs(tickets: Sequence[Ticket]) -> dict[str, list[str]]:
    """What each ticket waits for: its dependencies, and its parts where it was split."""
    parts = _parts(tickets)
    return {t.id: [*t.depends_on, *parts[t.id]] for t in tickets}


def _parts(tickets: Sequence[Ticket]) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {t.id: [] for t in tickets}
    for ticket in tickets:
        if ticket.parent is not None:
            parts[ticket.parent].append(ticket.id)
    return parts
