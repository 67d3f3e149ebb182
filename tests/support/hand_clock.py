"""Time that passes only where the test says so, in place of the module `time` of the module under test."""

from __future__ import annotations


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
