"""One open stage: its token, what it has used, what it has been told to stop for."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ralphbench.gateway.admission import Budget, Stop
from ralphbench.gateway.client import StageGrant, StageTraffic
from ralphbench.gateway.estimate import Estimator, Seen
from ralphbench.gateway.prices import Price
from ralphbench.gateway.recorder import Recorder
from ralphbench.gateway.routes import Route
from ralphbench.model import CallEnded, Interval, IntervalKind, Spent, Usage


@dataclass(slots=True)
class Pause:
    """A stretch that is not the contender's own; it goes on while `end` is None. Wall clock."""

    what: IntervalKind
    start: float
    label: str
    end: float | None = None

    def interval(self, now: float) -> Interval:
        return Interval(self.what, self.start, now if self.end is None else self.end, self.label)


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
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    activity: int = 0
    stop: Stop | None = None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with `stop`: running streams of the stage look at it."""
    closing: str | None = None
    """Why running calls are ended: `stage_closed`, `gateway_closed`."""
    pauses: list[Pause] = field(default_factory=list)
    served: str | None = None
    output_rate: float | None = None
    last_error: str | None = None
    tasks: set[asyncio.Task[object]] = field(default_factory=set)
    ordinals: dict[str | None, int] = field(default_factory=dict)
    seen: dict[str | None, Seen] = field(default_factory=dict)
    """The last counted call of each session."""
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
        self.spent = replace(self.spent, calls=self.spent.calls + 1)
        return f"c{number}", ordinal

    def end_call(self, ended: CallEnded) -> None:
        """Take the counts of a call that is over. What one call did not say makes the sum unknown."""
        spent, usage = self.spent, ended.usage
        known = usage.input is not None and usage.output is not None
        self.spent = replace(
            spent,
            input=_plus(spent.input, usage.input),
            output=_plus(spent.output, usage.output),
            cost=_plus(spent.cost, ended.cost),
            unknown_calls=spent.unknown_calls + (0 if known else 1),
        )
        self.activity += 1
        self.last_error = ended.error
        if ended.served is not None:
            self.served = ended.served

    def end(self, stop: Stop) -> None:
        """The first reason stays the reason."""
        if self.stop is None:
            self.stop = stop
            self.stopped.set()

    def learn(self, session: str | None, raw: float, usage: Usage) -> bool | None:
        """Compare our estimate with the server's count; returns the verdict `truncated`."""
        if usage.input is None:
            return None
        cut = self.estimator.truncated(raw, usage.input, self.seen.get(session))
        if not cut:
            self.estimator.learn(raw, usage.input)
            self.seen[session] = Seen(raw, usage.input)
        return cut

    def traffic(self) -> StageTraffic:
        now = time.time()
        stop = self.stop
        return StageTraffic(
            activity=self.activity,
            open_calls=len(self.tasks),
            spent=self.spent,
            next_call=self.next_call,
            stop=None if stop is None else stop.ending.value,
            detail="" if stop is None else stop.detail,
            pauses=tuple(pause.interval(now) for pause in self.pauses),
            served=self.served,
            output_rate=self.output_rate,
            last_error=self.last_error,
        )


N = TypeVar("N", int, float)


def _plus(total: N | None, more: N | None) -> N | None:
    return None if total is None or more is None else total + more
