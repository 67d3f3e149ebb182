"""Tickets: the units of work that a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class TicketState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    ALREADY_SATISFIED = "already_satisfied"
    DECOMPOSED = "decomposed"
    """Replaced by its parts."""
    ABANDONED = "abandoned"
    """Rejected too often and not to be split any further."""
    DROPPED = "dropped"
    """An investigation asked for it, and its check passed before any work."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A runnable check, apart from the prose: `sh -c run` in the worktree."""

    run: str
    exit: int = 0
    stdout: str | None = None
    """A regular expression that must be found in standard output."""


@dataclass(frozen=True, slots=True)
class Ticket:
    id: str
    title: str
    detail: str
    acceptance: Acceptance
    depends_on: tuple[str, ...] = ()
    priority: int = 5
    """Smaller is sooner."""
    state: TicketState = TicketState.OPEN
    parent: str | None = None
    depth: int = 0
    """How often the work was split; at most 2."""
    source: str = "plan"
    """`plan`, `issue` or `decompose`."""
    rejections: tuple[str, ...] = field(default=())
    """Why each try was rejected, oldest first."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Something a stage noticed that is not (yet) a ticket."""

    title: str
    detail: str
