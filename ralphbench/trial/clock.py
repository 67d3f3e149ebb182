"""The contender's clock: monotonic time minus the pauses that are not its own."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ralphbench.model import Interval, Pause
from ralphbench.record import union_seconds


class Clock:
    """Seconds that the contender has used, over all processes of the attempt.

    `carried` is what earlier processes had used. Pauses are measured in other processes too; those of a running stage replace
    each other as a whole (`provisional`), so that a growing pause is never counted twice.
    """

    def __init__(self, carried: float = 0.0) -> None:
        self._carried = carried
        self._began = time.monotonic()
        self._pauses: list[Pause] = []
        self._provisional: Sequence[Pause] = ()

    def now(self) -> float:
        running = time.monotonic() - self._began
        pauses = (*self._pauses, *self._provisional)
        paused = union_seconds(Interval(pause.what, pause.since, pause.until) for pause in pauses)
        return self._carried + max(0.0, running - paused)

    def pause(self, pause: Pause) -> None:
        self._pauses.append(pause)

    def provisional(self, pauses: Sequence[Pause]) -> None:
        """The pauses of the running stage so far."""
        self._provisional = tuple(pauses)
