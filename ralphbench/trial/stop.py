"""How a trial is told to stop: SIGTERM for the next event, twice for now; SIGUSR1, also from its parent's death, for now."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from ralphbench.errors import Interrupted


class StopRequest:
    """Set by signals; looked at by the watchdog of a stage and between the steps of the trial.

    `soft`: finish nothing new, stop at the next event. `now`: end what runs. A signal never raises where a line of the
    record, a commit or the result is being written: only in a stretch that says so by `breakable`, in which all that is
    lost is what would be done again anyway.
    """

    def __init__(self) -> None:
        self.soft = False
        self.now = False
        self._breakable = False
        self._parent = os.getppid()

    def install(self) -> None:
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGUSR1, self._on_order)
        _tell_me_when_my_parent_dies(signal.SIGUSR1)
        if self.orphaned():
            self.soft = self.now = True

    @contextlib.contextmanager
    def breakable(self) -> Iterator[None]:
        """Waiting, a check, a gate: any wish to stop raises Interrupted at once, here or when it comes."""
        self._breakable = True
        try:
            self.raise_if_asked()
            yield
        finally:
            self._breakable = False

    @contextlib.contextmanager
    def unbroken(self) -> Iterator[None]:
        """Within a breakable stretch, something that must come to its end. A wish that came meanwhile raises after it."""
        before, self._breakable = self._breakable, False
        yield
        self._breakable = before
        if before:
            self.raise_if_asked()

    def orphaned(self) -> bool:
        """Whether the scheduler is gone (systems without a death signal find out here)."""
        return os.getppid() != self._parent

    def raise_if_asked(self) -> None:
        if self.soft or self.now or self.orphaned():
            raise Interrupted("asked to stop")

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self.now = self.now or self.soft
        self.soft = True
        self._break()

    def _on_order(self, signum: int, frame: FrameType | None) -> None:
        self.soft = self.now = True
        self._break()

    def _break(self) -> None:
        if self._breakable:
            self._breakable = False  # once: what is being tidied up after the first is not broken by the second
            raise Interrupted("asked to stop")


def _tell_me_when_my_parent_dies(signum: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signum, 0, 0, 0)
