"""A trial's side of the leases: ask before a stage, give back after it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from ralphbench.control import Channel
from ralphbench.model import IntervalKind, Pause, StageModel


class LeaseClient:
    """The connection doubles as the trial's life line: when it breaks, the scheduler is gone."""

    def __init__(self, path: Path) -> None:
        # A lease may be waited for as long as other attempts run: no time-out.
        self._channel = Channel(path, timeout=10.0)
        self._channel.settimeout(None)

    @contextlib.contextmanager
    def lease(self, model: StageModel) -> Iterator[tuple[Pause, ...]]:
        """Hold a slot of the model's endpoint. Yields the pauses that it took: waiting, and loading where that was needed.

        Raises GatewayLost where the scheduler is gone, ChannelError where the model cannot be loaded.
        """
        endpoint, label = model.model.endpoint, str(model.model)
        since = time.monotonic()
        granted = self._channel.call("lease", endpoint=endpoint, model=model)
        until = time.monotonic()
        kinds = {IntervalKind.QUEUE: granted["queued"], IntervalKind.LOAD: granted["loaded"]}
        # For the clock both are one stretch: which part of it was which is for the record.
        pauses = [
            Pause(what, bounds[0], bounds[1], label, since, until)
            for what, bounds in kinds.items()
            if bounds is not None
        ]
        try:
            yield tuple(pauses)
        finally:
            self._channel.call("release", endpoint=endpoint)

    def alive(self) -> bool:
        return self._channel.alive()

    def close(self) -> None:
        self._channel.close()
