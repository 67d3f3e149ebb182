"""Which ticket is next."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from loop_support import ticket

from ralphbench.loop.tickets import all_satisfied, find_circle, hopeless_ids, next_ticket, satisfied_ids
from ralphbench.model import Ticket, TicketState

ACCEPTED, OPEN, SPLIT = TicketState.ACCEPTED, TicketState.OPEN, TicketState.DECOMPOSED
ABANDONED, SATISFIED = TicketState.ABANDONED, TicketState.ALREADY_SATISFIED


def chosen(*tickets: Ticket) -> str | None:
    found = next_ticket(tickets)
    return None if found is None else found.id


def test_priority_comes_before_age() -> None:
    assert chosen(ticket("a", priority=5), ticket("b", priority=1), ticket("c", priority=1)) == "b"


def test_dependencies_come_before_priority() -> None:
    assert chosen(ticket("a", priority=1, depends_on=("b",)), ticket("b", priority=9)) == "b"


def test_what_was_satisfied_already_satisfies_others() -> None:
    assert chosen(ticket("a", state=SATISFIED), ticket("b", depends_on=("a",))) == "b"


def test_a_split_ticket_is_satisfied_when_all_its_parts_are() -> None:
    split = ticket("a", state=SPLIT)
    first = ticket("a.1", parent="a", depth=1, state=ACCEPTED)
    waiting = ticket("b", depends_on=("a",), priority=0)
    assert chosen(split, first, ticket("a.2", parent="a", depth=1), waiting) == "a.2"
    assert chosen(split, first, ticket("a.2", parent="a", depth=1, state=SATISFIED), waiting) == "b"


def test_parts_of_parts_count() -> None:
    tickets = [
        ticket("a", state=SPLIT),
        ticket("a.1", parent="a", depth=1, state=SPLIT),
        ticket("a.2", parent="a", depth=1, state=ACCEPTED),
        ticket("a.1.1", parent="a.1", depth=2, state=ACCEPTED),
    ]
    assert all_satisfied(tickets)
    assert not all_satisfied([*tickets, ticket("a.1.2", parent="a.1", depth=2)])


def test_nothing_is_next_where_all_that_is_open_waits_for_what_was_abandoned() -> None:
    tickets = [
        ticket("a", state=SPLIT),
        ticket("a.1", parent="a", depth=1, state=ACCEPTED),
        ticket("a.2", parent="a", depth=1, state=ABANDONED),
        ticket("b", depends_on=("a",)),
        ticket("c", state=ACCEPTED),
    ]
    assert chosen(*tickets) is None
    assert hopeless_ids(tickets) == {"a", "a.2", "b"}
    assert not all_satisfied(tickets)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 7), max_size=3), min_size=1, max_size=8))
def test_a_plan_without_circles_can_be_worked_off(edges: list[list[int]]) -> None:
    ids = [f"t{k}" for k in range(len(edges))]
    needs = {ids[k]: [f"t{n % len(ids)}" for n in row] for k, row in enumerate(edges)}
    tickets = [ticket(name, depends_on=tuple(needs[name])) for name in ids]
    order = []
    while (found := next_ticket(tickets)) is not None:
        assert set(found.depends_on) <= satisfied_ids(tickets)
        order.append(found.id)
        tickets = [ticket(t.id, depends_on=t.depends_on, state=ACCEPTED if t.id in order else OPEN) for t in tickets]
    circle = find_circle(needs)
    assert (circle is None) == (sorted(order) == sorted(ids))
    if circle:
        assert circle[0] == circle[-1]
        assert all(b in needs[a] for a, b in pairwise(circle))
