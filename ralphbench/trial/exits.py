"""How a trial process ends: what it tells the scheduler where there is no result to read."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses. Any other one is a crash."""

    COMMITTED = 0
    NO_DISK = 74
    """What it wrote was refused, and that was not its contender's doing; it can go on when there is room (EX_IOERR)."""
    INTERRUPTED = 75
    """It stopped before its end and can go on (EX_TEMPFAIL)."""
    UNJUDGED = 76
    """Its work is done and kept; judging it failed, and can be done again."""
