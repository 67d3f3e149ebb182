"""The record of an attempt's calls: lines at once, on the loop; bodies by a thread of their own, never on the loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ralphbench.errors import DiskError, RalphbenchError
from ralphbench.gateway.prices import Price
from ralphbench.gateway.secrets import Redactor
from ralphbench.model import CallEnded, CallStarted, Usage
from ralphbench.record import AttemptFolder, BodyStore, CallLog, read_calls

log = logging.getLogger(__name__)
BACKLOG = 64 * 1024 * 1024
"""Bytes of bodies that may wait for the disk: past that, calls wait for it too."""
_BATCH = 0.03
"""Seconds: what a kill of this process can cost at most of the bodies; lines are not delayed."""


class Writer:
    """One thread for all attempts: bodies are stored in the order in which they came, a batch every few hundredths of
    a second, since a thread that is woken for each would take the interpreter from the loop each time.

    `submit` belongs to the event loop.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="bodies")
        self._lock = threading.Lock()
        self._waiting = 0
        self._batch: list[tuple[int, Callable[[], None]]] = []

    def submit(self, size: int, work: Callable[[], None]) -> None:
        if not self._batch:
            asyncio.get_running_loop().call_later(_BATCH, self._hand_over)
        self._batch.append((size, work))
        with self._lock:
            self._waiting += size

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            self._pool.submit(self._do, batch)

    def _do(self, batch: list[tuple[int, Callable[[], None]]]) -> None:
        for size, work in batch:
            try:
                work()
            finally:
                with self._lock:
                    self._waiting -= size

    async def room(self) -> None:
        """Wait while the disk is behind."""
        while self._waiting > BACKLOG:
            await asyncio.sleep(_BATCH)

    async def after_all(self, work: Callable[[], None]) -> None:
        """Do something in the thread, behind everything that was submitted before."""
        self._hand_over()
        await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        self._hand_over()
        self._pool.shutdown(wait=True)


class Recorder:
    """Writes what one attempt's calls were. Opened and closed with a stage, off the loop."""

    def __init__(self, folder: Path, writer: Writer, redactor: Redactor) -> None:
        """`folder`: the attempt's. Raises DiskError."""
        paths = AttemptFolder(folder)
        self._log = CallLog(paths)
        self._bodies = BodyStore(paths.bodies)
        self._writer = writer
        self.clean = redactor.clean
        """Takes keys out of a text."""
        self.failed: DiskError | None = None
        """The first thing that could not be written. What is not recorded must not be spent: the stage is stopped for it."""
        for damage in self._log.damages:
            log.warning("%s: %s", damage.path, damage.what)

    def started(self, call: CallStarted) -> None:
        """Raises DiskError; then the request must not be sent."""
        try:
            self._log.started(call)
        except DiskError as error:
            self.failed = self.failed or error
            raise

    def ended(self, call: CallEnded) -> None:
        try:
            self._log.ended(call)
        except DiskError as error:
            self.failed = self.failed or error
            log.error("the end of call %s could not be recorded: %s", call.id, error)

    def body(self, call: str, kind: str, body: bytes, thread: str) -> str:
        """Have a body stored in the background; returns the reference that it will have."""

        def store() -> None:
            try:
                self._bodies.add(call, kind, body, thread=thread)
            except (RalphbenchError, OSError) as error:
                self.failed = self.failed or DiskError(f"the {kind} of call {call} could not be recorded: {error}")
                log.error("%s", self.failed)

        self._writer.submit(len(body), store)
        return f"{call}.{kind}"

    async def close(self) -> None:
        """Everything is on the disk when this returns."""
        await self._writer.after_all(self._close)

    def _close(self) -> None:
        try:
            self._bodies.sync()
            self._log.sync()
        except DiskError as error:
            log.error("the record of calls is not safe on the disk: %s", error)
        finally:
            self._bodies.close()
            self._log.close()


def estimated_spending(folder: Path, price: Price | None) -> tuple[int, float]:
    """(tokens, USD) of an attempt's calls so far, our own estimates standing in for what servers did not count.

    For the caps alone: the record itself keeps what is unknown unknown.
    """
    tokens, cost = 0, 0.0
    for call in read_calls(AttemptFolder(folder)):
        usage = call.ended.usage if call.ended is not None else Usage()
        prompt = call.started.estimate if usage.input is None else usage.input
        output = usage.output or 0
        tokens += prompt + output
        known = call.ended.cost if call.ended is not None else None
        if known is None and price is not None:
            known = price.cost(Usage(input=prompt, output=output))
        cost += known or 0.0
    return tokens, cost
