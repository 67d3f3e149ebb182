"""Lines out of a stream of bytes: of any length, torn anywhere, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

LONGEST = 4_000_000
"""Bytes. What is longer is no event of any agent; it stands in the raw stream, and is counted here."""


class Lines:
    """Feed pieces, get whole lines without their end. `too_long` counts the lines that were passed over."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._parts: list[bytes] = []
        self._size = 0
        self.too_long = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._add(piece)
            yield from self._take()
        self._add(rest)

    def last(self) -> Iterator[bytes]:
        """What came after the last line end, when nothing more comes."""
        if self._size:
            yield from self._take()

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._longest:
            self._parts.append(piece)
        else:
            self._parts.clear()

    def _take(self) -> Iterator[bytes]:
        parts, size = self._parts, self._size
        self._parts, self._size = [], 0
        if size > self._longest:
            self.too_long += 1
        else:
            yield b"".join(parts).rstrip(b"\r")
