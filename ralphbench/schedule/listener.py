"""Who watches a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ralphbench.model import AttemptResult, AttemptSpec
from ralphbench.schedule.trials import RunningTrial


class Listener(Protocol):
    """Who watches a run: the live table, or plain lines."""

    def cell_started(self, spec: AttemptSpec, *, resumed: bool) -> None: ...

    def cell_ended(self, spec: AttemptSpec, result: AttemptResult | None, note: str) -> None: ...

    def tick(self, running: Sequence[RunningTrial], waiting: int) -> None: ...

    def note(self, text: str) -> None: ...
