"""One open stage: its token, what it has used, what it has been told to stop for."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ralphbench.gateway.admission import Budget, Stop
from ralphbench.gateway.client import StageGrant, StageTraffic
from ralphbench.gateway.estimate import Estimator, Seen, Sizer
from ralphbench.gateway.overflows import Overflows
from ralphbench.gateway.prices import Price
from ralphbench.gateway.recorder import Recorder
from ralphbench.gateway.routes import Route
from ralphbench.model import CallEnded, IntervalKind, Pause, Spent, StageEnding, Usage
from ralphbench.record import charge

_T = TypeVar("_T")
_SESSIONS = 16
"""Whose last request is kept at hand; of others all is looked at anew."""
_SEEN = 256
"""Sessions that have an anchor."""


Moment = tuple[float, float]
"""Wall clock and monotonic clock."""


def moment() -> Moment:
    return time.time(), time.monotonic()


@dataclass(slots=True)
class Waiting:
    """A pause that grows. It goes on while `end` is None."""

    what: IntervalKind
    start: Moment
    label: str
    end: Moment | None = None

    def pause(self, now: Moment) -> Pause:
        (start, since), (end, until) = self.start, now if self.end is None else self.end
        return Pause(self.what, start, end, self.label, since, until)


@dataclass(slots=True)
class OpenStage:
    """What a token stands for. Lives in the event loop alone."""

    grant: StageGrant
    route: Route
    recorder: Recorder
    estimator: Estimator
    budget: Budget
    price: Price | None
    window: int | None
    """Tokens of the model's context, as the profile states it; None: unknown."""
    local: bool
    """Whether the model is served here: then a call costs nothing."""
    lasting_id: str
    """The stage's id as it would be had the attempt never been cut off: what a recorded attempt is matched by."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    activity: int = 0
    stop: Stop | None = None
    stop_event: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with `stop`: wakes what waits for its next try."""
    closing: str | None = None
    """Why running calls are ended: `stage_closed`, `gateway_closed`."""
    pauses: list[Waiting] = field(default_factory=list)
    served: str | None = None
    output_rate: float | None = None
    last_error: str | None = None
    running: int = 0
    """Calls that were started and have no end yet."""
    waiting: int = 0
    """Of these the ones that have been sent, and of whose answer nothing has come yet."""
    tasks: set[asyncio.Task[object]] = field(default_factory=set)
    ordinals: dict[str | None, int] = field(default_factory=dict)
    overflows: Overflows = field(default_factory=Overflows)
    sizers: dict[str | None, Sizer] = field(default_factory=dict)
    seen: dict[str | None, Seen] = field(default_factory=dict)
    """The anchor of each session."""
    spent: Spent = field(init=False)
    next_call: int = field(init=False)

    def __post_init__(self) -> None:
        self.spent = self.grant.spent
        self.next_call = self.grant.next_call

    def begin_call(self, parent: str | None) -> tuple[str, int]:
        """(id, ordinal) of a new call."""
        number, ordinal = self.next_call, self.ordinals.get(parent, 0)
        self.next_call += 1
        self.ordinals[parent] = ordinal + 1
        self.activity += 1
        self.running += 1
        return f"c{number}", ordinal

    def end_call(self, ended: CallEnded) -> None:
        """Take the counts of a call that is over."""
        self.running -= 1
        self.spent = charge(self.spent, ended)
        self.activity += 1
        self.last_error = ended.error
        if ended.served is not None:
            self.served = ended.served

    def stopped(self) -> Stop | None:
        """Why nothing more is answered; None: it is. A record that cannot be written is a reason too."""
        if self.stop is None and (failed := self.recorder.failed) is not None:
            self.end(Stop(StageEnding.DISK, str(failed), cap=False))
        return self.stop

    def end(self, stop: Stop) -> None:
        """The first reason stays the reason."""
        if self.stop is None:
            self.stop = stop
            self.stop_event.set()

    def size(self, session: str | None, body: bytes) -> float:
        """Uncalibrated tokens of a request."""
        sizer = self.sizers.get(session)
        if sizer is None:
            sizer = _keep(self.sizers, session, Sizer(), _SESSIONS)
        return sizer.size(body)

    def learn(self, session: str | None, raw: float, usage: Usage) -> bool | None:
        """Compare our estimate with the server's count; returns the verdict `truncated`."""
        if usage.input is None:
            return None
        seen = self.seen.get(session)
        cut = self.estimator.truncated(raw, usage.input, seen, window=self.window, output=usage.output)
        if not cut and self.estimator.moved(raw, seen):
            self.estimator.learn(raw, usage.input)
            seen = _keep(self.seen, session, Seen(raw, usage.input), _SEEN)
        if seen is not None:
            seen.cached = (usage.cache_read or 0) + (usage.cache_write or 0)
        return cut

    def cached(self, session: str | None, raw: float, prompt: int) -> int:
        """How much of a prompt the server is known to have: nothing of one that has become shorter, for it is another one."""
        seen = self.seen.get(session)
        return 0 if seen is None or raw < seen.raw else min(seen.cached, prompt)

    def traffic(self) -> StageTraffic:
        now = moment()
        stop = self.stopped()
        return StageTraffic(
            activity=self.activity,
            open_calls=self.running,
            waiting=self.waiting,
            spent=replace(self.spent, calls=self.spent.calls + self.running),
            next_call=self.next_call,
            stop=None if stop is None else stop.ending.value,
            detail="" if stop is None else stop.detail,
            pauses=tuple(waiting.pause(now) for waiting in self.pauses),
            served=self.served,
            output_rate=self.output_rate,
            last_error=self.last_error,
        )


def _keep(kept: dict[str | None, _T], session: str | None, new: _T, most: int) -> _T:
    """Remember it, and forget who came first where there are too many: an agent may name a new session with each call."""
    if session not in kept and len(kept) >= most:
        kept.pop(next(iter(kept)))
    kept[session] = new
    return new
