"""What the user wants of a run while it goes on: Ctrl-C, and requests from other terminals."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ralphbench.control import pending_requests
from ralphbench.record import Journal
from ralphbench.schedule.listener import Listener
from ralphbench.schedule.stop import StopButton
from ralphbench.schedule.trials import RunningTrial

STOP_WITHIN = 20.0
"""Seconds after the second wish to stop in which a trial must be gone; it goes on later from its last boundary."""
_STOPPING = {
    1: "stopping: nothing new is begun, what runs stops at its next event (again: stop now)",
    2: "stopping now (again: leave at once)",
}


@dataclass(slots=True)
class Wishes:
    """Of one run. All of them are journaled."""

    journal: Journal
    listener: Listener
    stop: StopButton
    control: Path
    paused: bool = False
    """Nothing new is begun for now."""
    _told: int = 0
    _end_by: float | None = None

    def drop_old(self) -> None:
        """What was asked when nobody ran the experiment was meant for nobody."""
        for request in pending_requests(self.control):
            self.journal.append("request_outdated", **dataclasses.asdict(request))

    def hear(self) -> None:
        for request in pending_requests(self.control):
            self.journal.append("request", **dataclasses.asdict(request))
            if request.op == "pause":
                self.paused = True
            elif request.op == "resume":
                self.paused = False
            elif request.op == "stop":
                self.stop.press()
            self.listener.note(f"asked from outside: {request.op} {request.reason}".rstrip())

    def pass_on_stop(self, running: Sequence[RunningTrial]) -> None:
        """Tell the trials once and twice; end what has not stopped in time."""
        while self._told < min(self.stop.level, 2):
            self._told += 1
            for trial in running:
                trial.ask_to_stop(now=self._told > 1)
            self.listener.note(_STOPPING[self._told])
        if self._told < 2:
            return
        self._end_by = self._end_by or time.monotonic() + STOP_WITHIN
        if time.monotonic() > self._end_by:
            for trial in running:
                trial.end()
