"""How a trial is told to stop: SIGTERM once for the next event, twice for now; its parent's death is the second kind."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from ralphbench.errors import Interrupted


class StopRequest:
    """Set by signals, looked at by the watchdog and between stages.

    `soft`: finish nothing new, stop at the next event. `now`: end what runs. Outside an agent's stage (a gate, git) `now`
    raises Interrupted wherever the trial stands; inside one the watchdog ends the stage first.
    """

    def __init__(self) -> None:
        self.soft = False
        self.now = False
        self.in_stage = False
        self._parent = os.getppid()

    def install(self) -> None:
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGUSR1, self._on_death_of_parent)
        _tell_me_when_my_parent_dies(signal.SIGUSR1)
        if os.getppid() != self._parent:
            self.now = True

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self.soft:
            self._stop_now()
        self.soft = True

    def _on_death_of_parent(self, signum: int, frame: FrameType | None) -> None:
        self.soft = True
        self._stop_now()

    def _stop_now(self) -> None:
        first = not self.now
        self.now = True
        if first and not self.in_stage:
            raise Interrupted("asked to stop now")

    def orphaned(self) -> bool:
        """Whether the scheduler is gone (systems without a death signal find out here)."""
        return os.getppid() != self._parent

    def raise_if_asked(self) -> None:
        if self.soft or self.now or self.orphaned():
            raise Interrupted("asked to stop")


def _tell_me_when_my_parent_dies(signum: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signum, 0, 0, 0)
