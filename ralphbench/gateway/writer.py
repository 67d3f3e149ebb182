"""The gateway's way to the disk. Bodies go by a thread, in batches; lines at once, from the loop while the disk keeps up.

A line is some microseconds of a write into the page cache, and a thread that is waited for costs ten times that: so
lines are written where they arise. But a disk can stall (others sync on it all the time, it spins up, it is remote), and
on the loop it would stall every stream with it. So one slow line sends all lines through a thread, until the disk has been
quick for a while.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

BACKLOG = 64 * 1024 * 1024
"""Bytes of bodies that may wait for the disk: past that, calls wait for it too."""
_BATCH = 0.03
"""Seconds: what a kill of this process can cost at most of the bodies; lines are not delayed."""
SLOW = 0.05
"""Seconds that a line may take before the disk counts as slow. On a busy processor some milliseconds are only the wait for
one's turn, which a thread would have to wait for as well.
"""
CALM = 5.0
"""Seconds without a slow line after which it does not any more."""


class Bodies:
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


class Lines:
    """Writes short lines for the event loop, which must not be kept waiting by a disk."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lines")
        self._slow_until = 0.0
        self._pending = 0
        """Writes in the thread: while there is one, the next goes behind it."""

    async def write(self, work: Callable[[], None]) -> None:
        """Returns when it is done; raises what it raises."""
        if self._quick():
            self._timed(work)
            return
        self._pending += 1
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._timed, work)
        finally:
            self._pending -= 1

    def write_later(self, work: Callable[[], None]) -> None:
        """Does not wait. `work` must not raise."""
        if self._quick():
            self._timed(work)
            return
        self._pending += 1
        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._pool, self._timed, work).add_done_callback(self._written)

    def _written(self, future: asyncio.Future[None]) -> None:
        self._pending -= 1

    def _quick(self) -> bool:
        return self._pending == 0 and time.monotonic() >= self._slow_until

    def _timed(self, work: Callable[[], None]) -> None:
        began = time.monotonic()
        try:
            work()
        finally:
            now = time.monotonic()
            if now - began > SLOW:
                self._slow_until = now + CALM

    async def after_all(self) -> None:
        """Wait for everything that was written before."""
        await asyncio.get_running_loop().run_in_executor(self._pool, int)

    def close(self) -> None:
        self._pool.shutdown(wait=True)
