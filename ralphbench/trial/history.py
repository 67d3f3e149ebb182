"""What earlier processes of an attempt left in its events: where it can go on, and what it had used."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ralphbench.model import Event, EventKind, Interval, IntervalKind, Spent
from ralphbench.record import AttemptFolder, read_calls, read_events, spent, union_seconds


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
    checkpoints: int = 0
    """How often the loop has come to a boundary that it can go on from: whether a trial that keeps dying gets anywhere."""

    @property
    def resumes(self) -> bool:
        return self.processes > 0


def read_history(folder: AttemptFolder) -> History:
    """Everything that matters of `events.jsonl` and `calls.jsonl`, one line in memory at a time."""
    history = History()
    clock = ClockReader()
    for event in read_events(folder):
        _take(history, event)
        clock.take(event)
    calls = read_calls(folder)
    history.next_call = 1 + max((int(c.started.id.removeprefix("c")) for c in calls), default=-1)
    history.spent = dataclasses.replace(spent(calls), seconds=clock.seconds())
    return history


def _take(history: History, event: Event) -> None:
    data, kind = event.data, event.kind
    if kind in (EventKind.ATTEMPT_STARTED, EventKind.ATTEMPT_RESUMED):
        history.processes += 1
    elif kind == EventKind.WORKSPACE_READY:
        history.workspace_ready = True
    elif kind == EventKind.STAGE_STARTED:
        key = f"{data['iteration']}-{data['stage']}"
        history.stage_counts[key] = history.stage_counts.get(key, 0) + 1
    elif kind == EventKind.LOOP_ENDED:
        history.loop_ended = data
    if "state" in data and kind not in (EventKind.LOOP_ENDED, EventKind.AGENT):
        history.state = data["state"]
        history.checkpoints += 1


class ClockReader:
    """The contender's clock, read from events: the last one noted, and what has passed since, pauses left out.

    Checks and the harness's own work between stages count, as they do while the trial runs; the time between two
    processes and after the loop's end does not.
    """

    def __init__(self) -> None:
        self._noted = 0.0
        self._since: float | None = None
        self._last = 0.0
        self._pauses: list[Interval] = []

    def take(self, event: Event) -> None:
        data, kind = event.data, event.kind
        self._last = event.t
        if kind == EventKind.WORKSPACE_READY:
            self._note(self._noted, event.t)  # making it is not the contender's time
        elif kind != EventKind.AGENT and isinstance(data.get("spent"), Mapping):
            self._note(float(data["spent"]["seconds"]), event.t)
        elif kind == EventKind.LOOP_ENDED:
            self._noted, self._since = self.seconds(), None
        elif kind == EventKind.INTERVAL and data.get("what") in _PAUSED and self._since is not None:
            start, end = max(float(data["start"]), self._since), float(data["end"])
            self._pauses.append(Interval(str(data["what"]), start, end))

    def _note(self, seconds: float, t: float) -> None:
        self._noted, self._since = seconds, t
        self._pauses.clear()

    def seconds(self, until: float | None = None) -> float:
        """At the last event, or at a wall-clock time after it."""
        if self._since is None:
            return self._noted
        running = (self._last if until is None else until) - self._since
        return self._noted + max(0.0, running - union_seconds(self._pauses))


_PAUSED = tuple(kind.value for kind in IntervalKind if kind.paused)
