"""One model request, as the gateway saw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the server said; None is unknown, never zero.

    `input` counts the whole prompt, cached parts included, whatever the dialect says; `output` includes `reasoning`.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _sum(self.input, other.input),
            _sum(self.output, other.output),
            _sum(self.cache_read, other.cache_read),
            _sum(self.cache_write, other.cache_write),
            _sum(self.reasoning, other.reasoning),
        )


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


NOTHING = Usage(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds from the moment the request was forwarded (the last try's, for the first two)."""

    first_byte: float | None = None
    first_token: float | None = None
    total: float | None = None
    gap_p50: float | None = None
    """Between events that carry content."""
    gap_max: float | None = None
    server_prompt: float | None = None
    """Prefill, where the server says it."""
    server_decode: float | None = None


@dataclass(frozen=True, slots=True)
class CallStarted:
    """Written before a request is forwarded: a call without an end has an unknown cost."""

    id: str
    """Unique in the attempt: `c<n>`, never used again, also after a resume."""
    attempt: str
    stage: str
    """Stage name."""
    stage_id: str
    """`<iteration>-<stage>-<n>`, unique in the attempt."""
    iteration: int
    t: float
    """Wall clock, seconds since the epoch."""
    dialect: str
    """`chat`, `responses`, `messages`."""
    endpoint: str
    requested: str
    """The model that the agent asked for."""
    wire: str
    """The model's name as sent."""
    local: bool
    stream: bool
    estimate: int
    """Own estimate of the prompt in tokens."""
    session: str | None = None
    parent_session: str | None = None
    ordinal: int = 0
    """Nth call of its stage and parent session, from 0: what `replay` matches by."""
    request: str | None = None
    """Where the body is kept, as the agent wrote it: see record/bodies."""
    edits: Mapping[str, Any] = field(default_factory=dict)
    """What the gateway set in it, by top-level key; None: taken out. Applied to the body they give what was sent."""
    kind: str = "call_started"


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The other half of a call."""

    id: str
    t: float
    status: int
    """What the agent got; 499 where it hung up."""
    server_status: int | None = None
    """What the server answered, the last time it was asked; None: it did not."""
    served: str | None = None
    usage: Usage = Usage()
    """Of the last try."""
    lost: Usage = NOTHING
    """What the tries before it used that came to nothing."""
    estimate: Usage | None = None
    """What stands in for all tries' counts where some are unknown, for the caps alone; None: none is."""
    timing: Timing = Timing()
    finish: str | None = None
    retries: int = 0
    retry_seconds: float = 0.0
    error: str | None = None
    """Error kind: `overflow`, `rate_limited`, `provider_error`, `endpoint_down`, `model_missing`, `wrong_model`, `cap`, ..."""
    error_text: str | None = None
    mends: tuple[str, ...] = ()
    """What was mended in the stream, by name."""
    truncated: bool | None = None
    """The server counted far fewer prompt tokens than were sent; None: it did not say."""
    cost: float | None = None
    """USD from the price table, for all tries; None: unknown."""
    cost_reported: float | None = None
    price_source: str | None = None
    response: str | None = None
    kind: str = "call_ended"


@dataclass(frozen=True, slots=True)
class Call:
    """Both halves put together by the reader; `ended` is None where the gateway died or the call is running."""

    started: CallStarted
    ended: CallEnded | None
