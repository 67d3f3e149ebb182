"""Server-sent events out of a byte stream that is chunked anyhow."""

from __future__ import annotations

import re

_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
"""Two line ends; a CR with its LF is one."""
MAX_EVENT = 16 * 1024 * 1024
"""Bytes without a blank line that are still taken for one event: a whole answer fits in, a runaway server does not."""


class EventTooLong(ValueError):
    """A stream that never ends its event."""


class EventSplitter:
    """Cuts a stream into whole events. `feed` returns each with its blank line: joined, they are the bytes as they came.

    The cuts do not depend on the chunks: a chunk may end anywhere, also between the CR and the LF of one line end.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Whole events so far. Raises EventTooLong."""
        data = self._tail + chunk if self._tail else chunk
        if b"\r" in data:
            return self._feed_any_line_end(data)
        pieces = data.split(b"\n\n")
        self._keep(pieces.pop())
        return [piece + b"\n\n" for piece in pieces]

    def _feed_any_line_end(self, data: bytes) -> list[bytes]:
        events, start = [], 0
        for blank in _BLANK_LINE.finditer(data):
            if blank.end() == len(data) and data.endswith(b"\r"):
                break  # its LF may be in the next chunk
            events.append(data[start : blank.end()])
            start = blank.end()
        self._keep(data[start:])
        return events

    def _keep(self, tail: bytes) -> None:
        if len(tail) > MAX_EVENT:
            raise EventTooLong(f"{len(tail):,} bytes without the end of an event")
        self._tail = tail

    def rest(self) -> bytes:
        """What is left when the stream has ended: at best an event without its blank line."""
        tail, self._tail = self._tail, b""
        return tail


def missing_end(rest: bytes) -> bytes:
    """What must follow the last bytes of a stream for them to be a whole event; nothing where they are one."""
    end = rest[-4:]
    if any(blank.end() == len(end) for blank in _BLANK_LINE.finditer(end)):
        return b""
    return b"\n" if end.endswith(b"\n") else b"\n\n"


def parse(event: bytes) -> tuple[bytes, bytes]:
    """(name, data) of one event; both empty for a comment."""
    if event.startswith(b"data:") and event.find(b"\n", 0, -2) < 0 and b"\r" not in event:
        return b"", event[5:].strip()
    name, data = b"", []
    for line in event.splitlines():
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.strip()
    return name, b"\n".join(data).strip()


def event(data: bytes, name: str = "") -> bytes:
    """The bytes of one event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + data + b"\n\n"
