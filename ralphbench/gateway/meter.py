"""What an answer says of itself, gathered while it passes by. One subclass a dialect; no I/O, no clock."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import Enum
from statistics import median
from typing import Any

import msgspec

from ralphbench.endpoints import error_text
from ralphbench.gateway.sse import parse
from ralphbench.model import Timing, Usage, codec


class Flow(Enum):
    """What becomes of an event."""

    PASS = "pass"
    WITHHOLD = "withhold"
    """It would end the stream without a finish reason, which agents take for an invitation to ask again."""


@dataclass(slots=True)
class Pace:
    """When content came. Times are seconds on one clock; several events in one chunk came at once."""

    first: float | None = None
    last: float | None = None
    gaps: array[float] = field(default_factory=lambda: array("f"))

    def content(self, t: float) -> None:
        if self.last is None:
            self.first = t
        elif t > self.last:
            self.gaps.append(t - self.last)
        self.last = t


@dataclass(slots=True)
class Counts:
    """Tokens as the server says them, merged over events: what a later event leaves out stays."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None

    def usage(self) -> Usage:
        return Usage(self.input, self.output, self.cache_read, self.cache_write, self.reasoning)


class Meter:
    """Fed with events or with a whole body; then it knows what the record wants to know."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.pace = Pace()
        self.served: str | None = None
        self.finish: str | None = None
        self.error: str | None = None
        """The server's words, where it reported an error instead of, or within, an answer."""
        self.cost_reported: float | None = None
        self.server_prompt: float | None = None
        self.server_decode: float | None = None
        self.server_rate: float | None = None
        self.events = 0
        self.contents = 0
        """Events that carry something of an answer: text, reasoning, a tool call."""
        self.text = 0
        """Characters of content so far: the ground of the output estimate."""
        self.sequence = -1
        """The last sequence number seen (responses dialect)."""
        self._arguments: dict[Any, list[str]] = {}

    def complete(self) -> bool:
        """Whether the answer has said how it ended, in the way of its dialect."""
        return self.finish is not None

    def event(self, raw: bytes, t: float) -> Flow:
        """Take in one event of a stream, `t` seconds after the request was forwarded."""
        name, data = parse(raw)
        if not data:
            return Flow.PASS
        self.events += 1
        if data == b"[DONE]":
            return Flow.PASS if self.complete() or self.error is not None else Flow.WITHHOLD
        before = self.contents
        try:
            flow = self._event(name, data)
        except RecursionError:
            flow = Flow.PASS  # nested too deeply to be of any dialect
        if self.contents != before:
            self.pace.content(t)
        return flow

    def body(self, data: bytes) -> None:
        """Take in an answer that is not a stream."""
        raise NotImplementedError

    def _event(self, name: bytes, data: bytes) -> Flow:
        raise NotImplementedError

    def output_estimate(self) -> int:
        """Tokens put out so far, where the server has not counted yet."""
        return self.counts.output if self.counts.output is not None and self.finish else self.text // 4

    def malformed_arguments(self) -> bool:
        """Whether a tool call's arguments are not a JSON object. To be asked when the answer is whole."""
        for pieces in self._arguments.values():
            text = "".join(pieces)
            if text.strip() and not _is_object(text):
                return True
        return False

    def timing(self, *, first_byte: float | None, total: float | None) -> Timing:
        gaps = self.pace.gaps
        return Timing(
            first_byte=_rounded(first_byte),
            first_token=_rounded(self.pace.first),
            total=_rounded(total),
            gap_p50=_rounded(median(gaps)) if gaps else None,
            gap_max=_rounded(max(gaps)) if gaps else None,
            server_prompt=_rounded(self.server_prompt),
            server_decode=_rounded(self.server_decode),
        )

    def output_rate(self) -> float | None:
        """Tokens a second: the server's own figure, or counted tokens between the first and the last content."""
        if self.server_rate is not None:
            return self.server_rate
        first, last, output = self.pace.first, self.pace.last, self.counts.output
        if first is None or last is None or output is None or last <= first or output < 2:
            return None
        return (output - 1) / (last - first)

    def _content(self, text: Any) -> None:
        if text:
            self.contents += 1
            self.text += len(text) if isinstance(text, str) else 1

    def _argument(self, key: Any, piece: Any) -> None:
        self.contents += 1
        pieces = self._arguments.setdefault(key, [])
        if isinstance(piece, str):
            pieces.append(piece)
            self.text += len(piece)

    def _failed(self, error: Any) -> None:
        self.error = error_text(codec.dumps({"error": error})) or "an error without words"

    def _server_timings(self, timings: Any, metrics: Any, stats: Any) -> None:
        """llama.cpp's `timings`, vLLM's `metrics`, LM Studio's `stats`."""
        if isinstance(timings, dict):
            self.server_prompt = _seconds(timings.get("prompt_ms"), 1e-3)
            self.server_decode = _seconds(timings.get("predicted_ms"), 1e-3)
            self.server_rate = _seconds(timings.get("predicted_per_second"), 1.0)
        if isinstance(metrics, dict):
            first, queued = metrics.get("time_to_first_token_ms"), metrics.get("queue_time_ms")
            if isinstance(first, int | float):
                self.server_prompt = (first - (queued if isinstance(queued, int | float) else 0.0)) / 1e3
            self.server_decode = _seconds(metrics.get("generation_time_ms"), 1e-3)
            self.server_rate = _seconds(metrics.get("tokens_per_second"), 1.0)
        if isinstance(stats, dict):
            first = stats.get("time_to_first_token", stats.get("time_to_first_token_seconds"))
            self.server_prompt = _seconds(first, 1.0)
            self.server_decode = _seconds(stats.get("generation_time"), 1.0)
            self.server_rate = _seconds(stats.get("tokens_per_second"), 1.0)


def count(value: Any) -> int | None:
    """A token count as a server wrote it: a number that is not negative (llama-swap says -1 for unknown)."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _seconds(value: Any, scale: float) -> float | None:
    return value * scale if isinstance(value, int | float) and value >= 0 else None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (ValueError, RecursionError):
        return False
