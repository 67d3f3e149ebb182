"""Which of a cell's attempts stands for it. The schedule, the comparison and `take` all go by this."""

from __future__ import annotations

from collections.abc import Iterable

from ralphbench.model import AttemptResult


def that_counts(
    attempts: Iterable[tuple[int, AttemptResult | None]], identity: str | None
) -> tuple[int, AttemptResult] | None:
    """Of those that have ended and are not void, the newest of this identity; where there is none, the newest at all.

    `identity`: the one that the last run had for the cell, see `ExperimentFolder.identities`; None: not known. Attempts
    of another system never stand for a cell. None: nothing counts yet.
    """
    valid = [(n, r) for n, r in attempts if r is not None and not r.ending.void and not r.imported]
    todays = [found for found in valid if found[1].identity == identity]
    return max(todays or valid, key=lambda found: found[0], default=None)
