"""Trial processes: one an attempt, started by the scheduler's main thread and waited for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
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
            env=trial_environment(spec, os.environ),
            start_new_session=True,
        )
    return RunningTrial(spec, process, time.time(), resumed, gateway)


_GIVEN = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP"),
        *("LD_LIBRARY_PATH", "VIRTUAL_ENV"),
    )
)
_GIVEN_BEGINNINGS = ("LC_", "XDG_", "PYTHON", "RALPHBENCH_")


def trial_environment(spec: AttemptSpec, of: Mapping[str, str]) -> dict[str, str]:
    """What a trial gets of the run's environment: what its own program needs, and no key, whatever it is called.

    An agent on the host can read the environment of every process of its user that is started for it.
    """
    keys = {endpoint.api_key_env for endpoint in spec.endpoints.values()}
    env = {name: value for name, value in of.items() if name in _GIVEN or name.startswith(_GIVEN_BEGINNINGS)}
    # A trial that outlives its run is found and ended by its mark, and so is every git and gate that it starts.
    return {name: value for name, value in env.items() if name not in keys} | {OWNER: spec.mark}


def log_tail(folder: Path, lines: int = 3) -> str:
    with contextlib.suppress(OSError):
        text = (folder / "trial.log").read_text(encoding="utf-8", errors="replace").strip()
        return " | ".join(text.splitlines()[-lines:])
    return ""
