"""How a trial process ends: what it tells the scheduler where there is no result to read."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses. Any other one is a crash."""

    COMMITTED = 0
    INTERRUPTED = 75
    """It stopped before its end and can go on (EX_TEMPFAIL)."""
    UNJUDGED = 76
    """Its work is done and kept; judging it failed, and can be done again."""
