"""Ctrl-C: once finishes nothing new and stops at the next event, twice stops now, three times leaves at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopButton:
    """How often the user has asked. What is left behind by the third press is reaped at the next start."""

    def __init__(self) -> None:
        self.level = 0

    def press(self, signum: int | None = None, frame: FrameType | None = None) -> None:
        self.level += 1
        if self.level >= 3:
            os._exit(130)

    @contextmanager
    def installed(self) -> Iterator[StopButton]:
        """SIGINT and SIGTERM press it; before and after they do what they did."""
        before = {each: signal.signal(each, self.press) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield self
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
