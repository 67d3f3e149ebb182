"""How far a running attempt is, read from its record as it grows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from ralphbench.model import CallStarted, Event, EventKind
from ralphbench.record import follow, follow_calls


@dataclass(slots=True)
class Progress:
    """State of one attempt; `update` reads what is new. None: not known (yet)."""

    folder: Path
    stage: str | None = None
    iteration: int = 0
    accepted: int = 0
    tickets: int | None = None
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    calls: int = 0
    rate: float | None = None
    cost: float | None = 0.0
    last: str = "starting"
    last_at: float = field(default_factory=time.time)
    started: float | None = None
    ended: bool = False
    _events: int = 0
    _calls: int = 0

    def update(self) -> None:
        events, self._events = follow(self.folder / "events.jsonl", self._events)
        for event in events:
            self._take(event)
        halves, self._calls = follow_calls(self.folder / "calls.jsonl", self._calls)
        for call in halves:
            if isinstance(call, CallStarted):
                self.calls += 1
                continue
            usage = call.usage
            self.input_tokens = _add(self.input_tokens, usage.input)
            self.output_tokens = _add(self.output_tokens, usage.output)
            self.cost = None if self.cost is None or call.cost is None else self.cost + call.cost
            if usage.output and call.timing.total and call.timing.first_token is not None:
                seconds = call.timing.total - call.timing.first_token
                self.rate = usage.output / seconds if seconds > 0 else self.rate

    def elapsed(self) -> float | None:
        return None if self.started is None else time.time() - self.started

    def _take(self, event: Event) -> None:
        data, kind = event.data, event.kind
        self.last_at = event.t
        self.started = self.started or event.t
        if kind == EventKind.STAGE_STARTED:
            self.stage, self.iteration = str(data["stage"]), int(data["iteration"])
            self.last = f"{self.stage} begins" + (f" on {data['ticket']}" if data.get("ticket") else "")
        elif kind == EventKind.STAGE_ENDED:
            self.last = f"{data['stage']}: {data['ending']}"
        elif kind == EventKind.PLAN_READY:
            self.tickets = len(data["tickets"])
            self.last = f"plan of {self.tickets} tickets"
        elif kind == EventKind.TICKET:
            self._ticket(str(data["id"]), str(data["now"]))
        elif kind == EventKind.AGENT:
            self.last = _said(data.get("what"), data.get("tool"), data.get("text"))
        elif kind in _WORDS:
            self.last = _WORDS[EventKind(kind)].format_map(_Missing(data))
        self.ended = kind == EventKind.ATTEMPT_ENDED

    def _ticket(self, name: str, now: str) -> None:
        self.last = f"{name} {now}"
        if now == "accepted":
            self.accepted += 1
        elif now == "open" and self.tickets is not None:
            self.tickets += 1


class _Missing(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


_WORDS = {
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


def _add(total: int | None, part: int | None) -> int | None:
    return None if total is None or part is None else total + part
