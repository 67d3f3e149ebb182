"""A stream on its way from the server to the agent: what passes, what is held back, how it must end. No I/O.

Only whole events pass, and joined they are the bytes that came: a torn event would be misread by the agent, and its
missing half may never come. Until an answer has begun, everything is held, so that a stream which turns out to be an error, or
empty, can still become an HTTP error; what is held then are role marks and comments, of which an agent has no use yet.
For the same reason no ping is sent while the first token is waited for: a ping would commit the 200.
"""

from __future__ import annotations

from enum import Enum

from ralphbench.gateway.meter import Flow, Meter
from ralphbench.gateway.sse import EventSplitter, EventTooLong, missing_end


class Opening(Enum):
    """What the beginning of a stream turned out to be."""

    HELD = "held"
    """Nothing yet that tells."""
    ANSWER = "answer"
    FAILED = "failed"
    """The server reported an error before any content: `meter.error` has its words."""


class Ending(Enum):
    """How a stream ended."""

    WHOLE = "whole"
    """With a finish reason, in the way of its dialect."""
    REPORTED = "reported"
    """The server said in the stream that it failed; the agent was told so by that event."""
    UNFINISHED = "unfinished"
    """Without a finish reason: the agent must be told."""
    EMPTY = "empty"
    """Finished, or not, without any content."""


class Relay:
    """Fed with chunks; returns the bytes that may go on to the agent now."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.opening = Opening.HELD
        self._events = EventSplitter()
        self._held: list[bytes] = []
        self._shut = False
        """An event was withheld, and with it everything after."""
        self.late_reset = False
        """The connection broke, but only after the finish reason."""
        self.broken: str | None = None
        """Why the stream could not be read to its end."""
        self.completed = False
        """The last event came without its blank line, and was given one."""

    def feed(self, chunk: bytes, t: float) -> bytes:
        """`t`: seconds since the request was forwarded."""
        if self._shut:
            return b""
        try:
            events = self._events.feed(chunk)
        except EventTooLong as error:
            self.broken, self._shut = str(error), True
            return b""
        return self._take(events, t)

    def eof(self, t: float) -> bytes:
        """The server has ended the stream in an orderly way. What is left without its blank line still counts, and passes
        where the answer is whole with it; before an error of ours it would be half an event. An agent drops an event
        that has no blank line, so one that is needed is given it.
        """
        rest = b"" if self._shut else self._events.rest()
        whole = self.meter.complete()
        out = self._take([rest], t) if rest else b""
        if not self.meter.complete() and self.meter.error is None:
            return b""
        if out and not whole and (missing := missing_end(rest)):
            self.completed = True
            out += missing
        return out

    def lost(self, why: str) -> None:
        """The connection broke. After the finish reason nothing is missing but perhaps a count."""
        self.late_reset = self.meter.complete()
        self.broken = why

    def ending(self) -> Ending:
        meter = self.meter
        if meter.error is not None:
            return Ending.REPORTED
        if meter.contents == 0:
            return Ending.EMPTY
        return Ending.WHOLE if meter.complete() and not (self.broken and not self.late_reset) else Ending.UNFINISHED

    def release(self) -> bytes:
        """What was held: to be sent once it is clear that this is an answer."""
        held, self._held = b"".join(self._held), []
        return held

    def _take(self, events: list[bytes], t: float) -> bytes:
        meter = self.meter
        passed = events
        for place, event in enumerate(events):
            if meter.event(event, t) is Flow.WITHHOLD:
                self._shut = True
                passed = events[:place]
                break
            if self.opening is Opening.HELD and self._begin() is Opening.FAILED:
                self._shut = True
                return b""
        out = passed[0] if len(passed) == 1 else b"".join(passed)
        if self.opening is Opening.ANSWER:
            return self.release() + out if self._held else out
        self._held.append(out)
        return b""

    def _begin(self) -> Opening:
        """Judged event by event, so that it does not depend on the chunks."""
        if self.meter.contents:
            self.opening = Opening.ANSWER
        elif self.meter.error is not None:
            self.opening = Opening.FAILED
        return self.opening
