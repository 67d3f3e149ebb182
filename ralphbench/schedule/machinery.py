"""The run's own processes and sockets, for as long as there are trials."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ralphbench.model import Experiment
from ralphbench.sandbox.processes import hide_memory
from ralphbench.schedule.gateway import RunGateway
from ralphbench.schedule.leases import Leases, serve_leases
from ralphbench.schedule.places import Places
from ralphbench.schedule.runfolder import RunFolder


@dataclass(frozen=True, slots=True)
class Machinery:
    folder: RunFolder
    gateway: RunGateway


@contextlib.contextmanager
def machinery(
    experiment: Experiment, places: Places, log: Path, begin: Callable[[RunFolder], None]
) -> Iterator[Machinery]:
    """A folder, a gateway and the leases. `begin` is told of the folder before anything is started; what the
    gateway said is added to `log` when it is over, or when somebody reaps it.
    """
    hide_memory()  # this process holds the user's keys, and agents are about to run
    folder = RunFolder(places.runtime, experiment.name, log.resolve())
    try:
        begin(folder)
        gateway = RunGateway(folder.path)
        try:
            with contextlib.closing(serve_leases(folder.leases, Leases(experiment.endpoints))):
                yield Machinery(folder, gateway)
        finally:
            gateway.close()
    finally:
        folder.remove()
