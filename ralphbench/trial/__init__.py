"""One attempt from start to end, as its own process: `python -m ralphbench.trial <attempt folder>`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ralphbench.trial.clock import Clock
    from ralphbench.trial.exits import Exit
    from ralphbench.trial.history import ClockReader, read_history
    from ralphbench.trial.keeping import keep_work
    from ralphbench.trial.leases import LeaseClient
    from ralphbench.trial.outcome import dead_result

_HOMES = {
    "Clock": "clock",
    "ClockReader": "history",
    "Exit": "exits",
    "LeaseClient": "leases",
    "dead_result": "outcome",
    "keep_work": "keeping",
    "read_history": "history",
}

__all__ = ["Clock", "ClockReader", "Exit", "LeaseClient", "dead_result", "keep_work", "read_history"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ralphbench.trial.{_HOMES[name]}"), name)
