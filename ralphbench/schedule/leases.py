"""Who may use which model now. Simple: as many attempts at once on a model as its endpoint has slots, first come first served.

The interface is that of design section 5: a trial asks for `lease(endpoint, model)` before each stage and is told how
long it waited and whether the model had to be loaded, so that neither is charged to the contender.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ralphbench.control import ChannelServer, Peer
from ralphbench.endpoints import Loads, load_endpoint
from ralphbench.errors import EndpointDown, RunError
from ralphbench.model import EndpointSpec, StageModel, codec

PATIENCE = 120.0
"""Seconds for a server that is away, as the gateway has it; `options.retry_max_seconds`."""
FIRST_WAIT = 1.0
LONGEST_WAIT = 10.0


@dataclass(slots=True)
class _Pool:
    """The slots of one endpoint and who waits for them."""

    slots: int
    held: int = 0
    waiting: deque[threading.Event] = field(default_factory=deque)


class Leases:
    """Slots per endpoint. A lease belongs to the connection it was taken on and ends with it."""

    def __init__(self, endpoints: Mapping[str, EndpointSpec]) -> None:
        self._pools = {name: _Pool(max(1, spec.slots)) for name, spec in endpoints.items()}
        self._specs = dict(endpoints)
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def acquire(self, endpoint: str) -> float:
        """Wait for a slot; returns the seconds waited. Raises RunError for an endpoint that the run does not have.

        A trial that dies while it waits is noticed when its turn comes, and the slot goes on to the next.
        """
        pool = self._pools.get(endpoint)
        if pool is None:
            raise RunError(f"no endpoint {endpoint!r} in this run (known: {', '.join(self._pools)})")
        began = time.monotonic()
        turn = threading.Event()
        with self._lock:
            if pool.held < pool.slots and not pool.waiting:
                pool.held += 1
                return 0.0
            pool.waiting.append(turn)
        turn.wait()
        return time.monotonic() - began

    def load(self, model: StageModel, gone: Callable[[], bool] = lambda: False) -> float | None:
        """Have the model in memory, where its endpoint does that itself; returns seconds. Called by who holds the lease.

        A server that is away is waited for as long as the gateway would wait for it, unless `gone`. Raises EndpointError.
        One at a time: a server that loads two models at once runs out of memory.
        """
        spec = self._specs[model.model.endpoint]
        endpoint = load_endpoint(spec)
        if not isinstance(endpoint, Loads):
            return None
        began, wait = time.monotonic(), FIRST_WAIT
        patience = float(spec.options.get("retry_max_seconds", PATIENCE))
        while True:
            try:
                with self._loading:
                    took = endpoint.prepare(model)
            except EndpointDown:
                if time.monotonic() - began + wait > patience or gone():
                    raise
                time.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                return took if wait == FIRST_WAIT else time.monotonic() - began

    def release(self, endpoint: str) -> None:
        pool = self._pools[endpoint]
        with self._lock:
            if pool.waiting:
                pool.waiting.popleft().set()
            else:
                pool.held -= 1

    def held(self) -> dict[str, int]:
        with self._lock:
            return {name: pool.held for name, pool in self._pools.items()}

    def waiting(self) -> dict[str, int]:
        with self._lock:
            return {name: len(pool.waiting) for name, pool in self._pools.items()}


class _LeaseSession:
    """One trial's connection."""

    def __init__(self, leases: Leases, peer: Peer) -> None:
        self._leases = leases
        self._peer = peer
        self._mine: list[str] = []

    def handle(self, op: str, fields: dict[str, Any]) -> Any:
        if op == "lease":
            endpoint = str(fields["endpoint"])
            began = time.time()
            self._leases.acquire(endpoint)
            self._mine.append(endpoint)
            granted = time.time()
            try:
                if self._peer.gone():  # before a load that takes minutes, and puts out the model of who comes next
                    raise RunError(f"who waited for {endpoint} is gone")
                loading = self._leases.load(codec.convert(fields["model"], StageModel), self._peer.gone)
            except BaseException:
                self._release(endpoint)  # who was refused holds nothing: its next try would wait for itself
                raise
            return {"queued": [began, granted], "loaded": None if loading is None else [granted, time.time()]}
        if op == "release":
            self._release(str(fields["endpoint"]))
            return True
        if op == "ping":
            return True
        raise RunError(f"unknown question {op!r}")

    def _release(self, endpoint: str) -> None:
        self._mine.remove(endpoint)
        self._leases.release(endpoint)

    def closed(self) -> None:
        for endpoint in self._mine:
            self._leases.release(endpoint)
        self._mine.clear()


def serve_leases(path: Path, leases: Leases) -> ChannelServer:
    """Answer trials on a unix socket until closed."""
    return ChannelServer(path, lambda peer: _LeaseSession(leases, peer))
