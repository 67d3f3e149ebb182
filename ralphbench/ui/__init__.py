"""What people look at while a run goes on and after it: progress of a running attempt, one attempt's view, listeners."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ralphbench.ui.attempt_view import AttemptView, view_attempt
    from ralphbench.ui.finding import experiment_record, find_attempts, told
    from ralphbench.ui.progress import Progress
    from ralphbench.ui.stand import Standing, standing
    from ralphbench.ui.watching import LiveListener, PlainListener, verdict_text

_HOMES = {
    "AttemptView": "attempt_view",
    "LiveListener": "watching",
    "PlainListener": "watching",
    "Progress": "progress",
    "Standing": "stand",
    "experiment_record": "finding",
    "find_attempts": "finding",
    "standing": "stand",
    "told": "finding",
    "verdict_text": "watching",
    "view_attempt": "attempt_view",
}

__all__ = [
    "AttemptView",
    "LiveListener",
    "PlainListener",
    "Progress",
    "Standing",
    "experiment_record",
    "find_attempts",
    "standing",
    "told",
    "verdict_text",
    "view_attempt",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ralphbench.ui.{_HOMES[name]}"), name)
