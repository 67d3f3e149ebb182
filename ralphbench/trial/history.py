"""What earlier processes of an attempt left in its events: where it can go on, and what it had used."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ralphbench.model import Event, EventKind, Spent
from ralphbench.record import AttemptFolder, read_calls, read_events, spent


@dataclass(slots=True)
class History:
    """`state` is the loop's own at its last boundary; None: the plan was not yet made."""

    processes: int = 0
    state: Mapping[str, Any] | None = None
    loop_ended: Mapping[str, Any] | None = None
    workspace_ready: bool = False
    stage_counts: dict[str, int] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    next_call: int = 0
    started: float | None = None

    @property
    def resumes(self) -> bool:
        return self.processes > 0


def read_history(folder: AttemptFolder) -> History:
    """Everything that matters of `events.jsonl` and `calls.jsonl`, one line in memory at a time."""
    history = History()
    clock = _ClockReader()
    for event in read_events(folder):
        _take(history, event)
        clock.take(event)
    calls = read_calls(folder)
    history.next_call = 1 + max((int(c.started.id.removeprefix("c")) for c in calls), default=-1)
    history.spent = dataclasses.replace(spent(calls), seconds=clock.seconds())
    return history


def _take(history: History, event: Event) -> None:
    data, kind = event.data, event.kind
    if history.started is None:
        history.started = event.t
    if kind in (EventKind.ATTEMPT_STARTED, EventKind.ATTEMPT_RESUMED):
        history.processes += 1
    elif kind == EventKind.WORKSPACE_READY:
        history.workspace_ready = True
    elif kind == EventKind.STAGE_STARTED:
        key = f"{data['iteration']}-{data['stage']}"
        history.stage_counts[key] = history.stage_counts.get(key, 0) + 1
    elif kind == EventKind.LOOP_ENDED:
        history.loop_ended = data
    if "state" in data and kind != EventKind.LOOP_ENDED:
        history.state = data["state"]


class _ClockReader:
    """The contender's clock at the end of the record: the last one noted, and what a cut-off stage ran since."""

    def __init__(self) -> None:
        self._noted = 0.0
        self._open: float | None = None
        self._last = 0.0

    def take(self, event: Event) -> None:
        data, kind = event.data, event.kind
        if kind == EventKind.STAGE_ENDED:
            self._noted = float(data["spent"]["seconds"])
            self._open = None
        elif kind == EventKind.STAGE_STARTED:
            self._open = event.t
        elif kind == EventKind.ATTEMPT_RESUMED:
            self._noted = float(data["spent"]["seconds"])
            self._open = None
        self._last = event.t

    def seconds(self) -> float:
        running = 0.0 if self._open is None else max(0.0, self._last - self._open)
        return self._noted + running
