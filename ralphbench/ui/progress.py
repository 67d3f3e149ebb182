"""How far a running attempt is, read from its record as it grows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.model import CallEnded, CallStarted, Event, EventKind, Spent, TicketState
from ralphbench.record import charge, follow, follow_calls
from ralphbench.trial import ClockReader


@dataclass(slots=True)
class Progress:
    """State of one attempt; `update` reads what is new. None: not known (yet)."""

    folder: Path
    stage: str | None = None
    iteration: int = 0
    accepted: int = 0
    tickets: int | None = None
    spent: Spent = field(default_factory=Spent)
    """Of the calls that are over; unknown where one was cut off."""
    calls: int = 0
    """Those that run now included."""
    last: str = "starting"
    last_at: float = field(default_factory=time.time)
    ended: bool = False
    _clock: ClockReader = field(default_factory=ClockReader)
    _running: dict[str, float] = field(default_factory=dict)
    """Calls without an end to when they began."""
    _answering: list[tuple[float, float]] = field(default_factory=list)
    """When a model was answering: the union of the calls that are over, in order."""
    _resumed: float | None = None
    _events: int = 0
    _calls: int = 0

    def update(self) -> None:
        """Read to the end of what is there, a few MB in memory at a time."""
        while self._read_events() | self._read_calls():
            pass
        self._charge_lost()

    def _read_events(self) -> bool:
        events, end = follow(self.folder / "events.jsonl", self._events)
        for event in events:
            self._clock.take(event)
            self._take(event)
        moved, self._events = end > self._events, end
        return moved

    def _read_calls(self) -> bool:
        halves, end = follow_calls(self.folder / "calls.jsonl", self._calls)
        for half in halves:
            self._call(half)
        moved, self._calls = end > self._calls, end
        return moved

    def elapsed(self, now: float | None = None) -> float:
        """The contender's clock, which is what its wall time limits: without waiting, and without the time between processes."""
        return self._clock.seconds(time.time() if now is None else now)

    @property
    def rate(self) -> float | None:
        """Output tokens over the time that a model was answering, in seconds. None: no such time yet, or not all is known."""
        seconds = sum(end - start for start, end in self._answering)
        return self.spent.output / seconds if self.spent.output is not None and seconds > 0 else None

    def _call(self, half: CallStarted | CallEnded) -> None:
        if isinstance(half, CallStarted):
            self.calls += 1
            self._running[half.id] = half.t
            return
        self.spent = charge(self.spent, half)
        self._answered(self._running.pop(half.id, half.t), half.t)

    def _answered(self, start: float, end: float) -> None:
        """Calls come in the order in which they end: one can only reach back over the last ones before it."""
        if end <= start:  # a clock that was set back
            return
        while self._answering and self._answering[-1][1] >= start:
            before = self._answering.pop()
            start, end = min(start, before[0]), max(end, before[1])
        self._answering.append((start, end))

    def _charge_lost(self) -> None:
        """A call that was running when the attempt was cut off has no end any more: what it used is not known."""
        if self._resumed is None:
            return
        for name in [name for name, began in self._running.items() if began < self._resumed]:
            del self._running[name]
            self.spent = charge(self.spent, None)

    def _take(self, event: Event) -> None:
        data, kind = event.data, event.kind
        self.last_at = event.t
        if kind == EventKind.STAGE_STARTED:
            self.stage, self.iteration = str(data["stage"]), int(data["iteration"])
            self.last = f"{self.stage} begins" + (f" on {data['ticket']}" if data.get("ticket") else "")
        elif kind == EventKind.STAGE_ENDED:
            self.last = f"{data['stage']}: {data['ending']}"
        elif kind == EventKind.PLAN_READY:
            self.last = f"plan of {len(data['tickets'])} tickets"
        elif kind == EventKind.TICKET:
            self.last = f"{data['id']} {data['now']}"
            if data.get("was") is None and self.tickets is not None:
                self.tickets += 1
        elif kind == EventKind.AGENT:
            self.last = _said(data.get("what"), data.get("tool"), data.get("text"))
        elif kind in _WORDS:
            self.last = _WORDS[EventKind(kind)].format_map(_Missing(data))
        if kind == EventKind.ATTEMPT_RESUMED:
            self._resumed = event.t
        if kind != EventKind.AGENT and isinstance(data.get("state"), Mapping):
            self._count(data["state"]["tickets"])
        self.ended = kind == EventKind.ATTEMPT_ENDED

    def _count(self, tickets: Sequence[Mapping[str, Any]]) -> None:
        """The loop's own list at a boundary: whatever was told since the one before, and perhaps twice, is in it once."""
        self.tickets = len(tickets)
        self.accepted = sum(ticket["state"] == TicketState.ACCEPTED for ticket in tickets)


class _Missing(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


_WORDS = {
    EventKind.ATTEMPT_RESUMED: "goes on after a cut",
    EventKind.ITERATION_STARTED: "iteration {iteration}",
    EventKind.ROLLBACK: "rolled back",
    EventKind.FAULT: "fault: {ending}",
    EventKind.LIMIT: "limit: {ending}",
    EventKind.LOOP_ENDED: "ended as {ending}",
    EventKind.GRADING_STARTED: "grading",
    EventKind.GATE_ENDED: "gate {id}: {outcome}",
    EventKind.ATTEMPT_ENDED: "done",
}


def _said(what: object, tool: object, text: object) -> str:
    if what == "tool_call":
        return f"calls {tool}"
    if what == "tool_result":
        return f"{tool} answered"
    line = str(text or "").strip().splitlines()
    return f"{what}: {line[0][:60]}" if line else str(what)
