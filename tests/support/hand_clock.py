"""Time that passes only where the test says so, in place of the module `time` of the module under test."""

from __future__ import annotations

from collections.abc import Callable


class HandClock:
    """`monkeypatch.setattr("ralphbench.trial.clock.time", HandClock())`. Seconds; both clocks show the same."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class ClockUntil(HandClock):
    """Stands still until something has happened; an hour is over then. For a deadline that must not come before it. Who looks
    for the first time looks in time.
    """

    def __init__(self, happened: Callable[[], bool]) -> None:
        super().__init__()
        self.happened = happened
        self.looked = False

    def time(self) -> float:
        return self.monotonic()

    def monotonic(self) -> float:
        first, self.looked = not self.looked, True
        return self.now if first or not self.happened() else self.now + 3600
