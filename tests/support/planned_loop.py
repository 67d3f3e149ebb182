"""An event loop on which a wait costs no time, and nothing else does: for what is done by a timetable."""

from __future__ import annotations

import asyncio
from typing import Any


class PlannedLoop(asyncio.SelectorEventLoop):
    """`asyncio.Runner(loop_factory=PlannedLoop)`. Its time is that of the waits alone: the next one is over as soon as
    nothing else is to do, however busy the machine is. Client and server must both be on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0.0
        self._look = self._selector.select  # type: ignore[attr-defined]
        self._selector.select = self._skip  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._passed

    def _skip(self, timeout: float | None) -> Any:
        if not timeout or timeout < 0:
            return self._look(timeout)
        ready = self._look(0.01)  # what one side has just sent may be on its way
        if not ready:
            self._passed += timeout
        return ready
