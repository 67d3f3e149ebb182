"""Trial processes: one an attempt, started by the scheduler's main thread and waited for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ralphbench.model import AttemptSpec, Cell
from ralphbench.sandbox.processes import OWNER, end_marked


@dataclass(slots=True)
class RunningTrial:
    """A trial process. It is in a session of its own, so that Ctrl-C reaches only the scheduler."""

    spec: AttemptSpec
    process: subprocess.Popen[bytes]
    started: float
    resumed: bool
    gateway: int
    """Which start of the run's gateway it began with."""

    @property
    def cell(self) -> Cell:
        return self.spec.cell

    def poll(self) -> int | None:
        return self.process.poll()

    def ask_to_stop(self, *, now: bool) -> None:
        """At the next event, or now. Not by the same signal twice: two that come at once are one."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGUSR1 if now else signal.SIGTERM)

    def end(self) -> None:
        """Kill what is left of it and its agents, and confirm."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        end_marked(self.spec.mark)


def start_trial(spec: AttemptSpec, *, resumed: bool, gateway: int = 1) -> RunningTrial:
    """Must be called in the main thread: a trial is told of its parent's death, and for the kernel that is a thread."""
    log = spec.folder / "trial.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ralphbench.trial", str(spec.folder)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            # A trial that outlives its run is found and ended by its mark, and so is every git and gate that it starts.
            env={**os.environ, OWNER: spec.mark},
            start_new_session=True,
        )
    return RunningTrial(spec, process, time.time(), resumed, gateway)


def log_tail(folder: Path, lines: int = 3) -> str:
    with contextlib.suppress(OSError):
        text = (folder / "trial.log").read_text(encoding="utf-8", errors="replace").strip()
        return " | ".join(text.splitlines()[-lines:])
    return ""
