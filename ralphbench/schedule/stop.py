"""Ctrl-C: once finishes nothing new and stops at the next event, twice stops now, three times leaves at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ralphbench.errors import Interrupted


class StopButton:
    """How often the user has asked. What is left behind by the third press is reaped at the next start."""

    def __init__(self, *, last_words: Callable[[], None] = lambda: None) -> None:
        """`last_words` puts right what must not stay as it is (a hidden cursor) before the process leaves at once."""
        self.level = 0
        self._last_words = last_words
        self._breakable = False

    def press(self, signum: int | None = None, frame: FrameType | None = None) -> None:
        self.level += 1
        if self.level >= 3:
            self._last_words()
            os._exit(130)
        if self._breakable:
            self._breakable = False
            raise Interrupted("stopped before anything was spent")

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Nothing is spent in here (proofs, questions to servers and to the user): the first press ends it.

        Raises Interrupted.
        """
        self._breakable = True
        try:
            yield
        finally:
            self._breakable = False

    @contextmanager
    def installed(self) -> Iterator[StopButton]:
        """SIGINT, SIGTERM and SIGHUP press it, but for those that are ignored (`nohup`, a script's background); before and
        after they do what they did.
        """
        numbers = [n for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
        before = {each: signal.signal(each, self.press) for each in numbers}
        try:
            yield self
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
