"""Sees that a loop goes round in a circle.

At the end of each iteration the tree of the last accepted commit and the work that is still open are hashed together.
Open work is the list of the open tickets' acceptances: a ticket's id, its words and its rejections are left out, since a
model that turns in a circle gives the same work a new name each time.

Stalled is a loop whose last states are a block of 2 to 6 states twice over, or one state three times over. One state twice
is a first rejection and nothing more; after the second one a ticket is split or abandoned, which changes the open work. A plan
that is worked off, with whatever rejections, never comes back to a state that it has left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ralphbench.model import Ticket, TicketState, codec

MAX_PERIOD = 6
HISTORY = 2 * MAX_PERIOD
"""How many states have to be remembered."""


def fingerprint(tree: str, tickets: Sequence[Ticket]) -> str:
    """Of what must change for an iteration to have changed anything."""
    open_work = sorted(codec.canonical(t.acceptance) for t in tickets if t.state is TicketState.OPEN)
    return hashlib.sha256(b"\n".join([tree.encode("ascii"), *open_work])).hexdigest()[:16]


def period(history: Sequence[str]) -> int | None:
    """How many iterations the circle takes; None: there is none."""
    for size in range(1, MAX_PERIOD + 1):
        times = 3 if size == 1 else 2
        last = history[-size * times :]
        if len(last) == size * times and list(last) == list(last[:size]) * times:
            return size
    return None


def evidence(history: Sequence[str], size: int, iteration: int) -> str:
    """The circle in words."""
    times = 3 if size == 1 else 2
    last = iteration - size * times + 1
    circle = " ".join(history[-size:])
    states = "one state" if size == 1 else f"{size} states"
    return (
        f"iterations {max(last, 0)} to {iteration} ended in {states} {times} times over (tree and open work: {circle})"
    )
