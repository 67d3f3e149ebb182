"""What a run did."""

from __future__ import annotations

from dataclasses import dataclass, field

from ralphbench.model import AttemptResult, Cell
from ralphbench.schedule.runfolder import Reaped


@dataclass(slots=True)
class RunReport:
    """What a run did."""

    experiment: str
    done: int
    """Cells that are done now, earlier runs included."""
    total: int
    results: list[AttemptResult] = field(default_factory=list)
    exhausted: list[Cell] = field(default_factory=list)
    """Void more often in this run than `void_retries` allows; the next run tries them again."""
    unjudged: dict[Cell, str] = field(default_factory=dict)
    """Done and kept, but a fault was in the way of judging it, and which; the next run judges it."""
    stopped: bool = False
    reaped: tuple[Reaped, ...] = ()
