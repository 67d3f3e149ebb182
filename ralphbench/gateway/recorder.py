"""The record of an attempt's calls: what was asked and answered, and what it was used for."""

from __future__ import annotations

import logging
from pathlib import Path

from ralphbench.errors import DiskError, RalphbenchError
from ralphbench.gateway.admission import Held
from ralphbench.gateway.prices import Price
from ralphbench.gateway.secrets import Redactor
from ralphbench.gateway.writer import Bodies, Lines
from ralphbench.model import CallEnded, CallStarted
from ralphbench.record import AttemptFolder, BodyStore, CallLog, read_calls, used

log = logging.getLogger(__name__)


class Recorder:
    """Writes what one attempt's calls were. Opened and closed with a stage, off the loop."""

    def __init__(self, folder: Path, lines: Lines, writer: Bodies, redactor: Redactor) -> None:
        """`folder`: the attempt's. Raises DiskError."""
        paths = AttemptFolder(folder)
        self._log = CallLog(paths)
        self._bodies = BodyStore(paths.bodies)
        self._lines = lines
        self._writer = writer
        self.clean = redactor.clean
        """Takes keys out of a text."""
        self.learn_login = redactor.learn_login
        self.failed: DiskError | None = None
        """The first thing that could not be written. What is not recorded must not be spent: the stage is stopped for it."""
        self._told = False
        for damage in self._log.damages:
            log.warning("%s", damage)

    async def started(self, call: CallStarted) -> None:
        """Returns when the line is written. Raises DiskError; then the request must not be sent."""
        try:
            await self._lines.write(lambda: self._log.started(call))
        except DiskError as error:
            self.failed = self.failed or error
            raise

    def ended(self, call: CallEnded) -> None:
        """Does not wait."""

        def write() -> None:
            try:
                self._log.ended(call)
            except (DiskError, OSError) as error:
                self.failed = self.failed or DiskError(f"the end of call {call.id} could not be recorded: {error}")
                log.error("%s", self.failed)

        self._lines.write_later(write)

    def body(self, call: str, kind: str, body: bytes, thread: str) -> str:
        """Have a body stored in the background; returns the reference that it will have."""

        def store() -> None:
            try:
                self._bodies.add(call, kind, body, thread=thread)
                self._tell_damages()
            except (RalphbenchError, OSError) as error:
                self.failed = self.failed or DiskError(f"the {kind} of call {call} could not be recorded: {error}")
                log.error("%s", self.failed)

        self._writer.submit(len(body), store)
        return f"{call}.{kind}"

    def _tell_damages(self) -> None:
        """What the first body found torn: told once."""
        if not self._told:
            self._told = True
            for damage in self._bodies.damages:
                log.warning("%s", damage)

    async def close(self) -> None:
        """Everything is on the disk when this returns."""
        await self._lines.after_all()
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
        total, known = used(call.ended)
        if call.ended is not None and call.ended.estimate is not None:
            total = call.ended.estimate
        total = Held(call.started.estimate).filled(total)  # of a call without an end nothing more is known
        tokens += (total.input or 0) + (total.output or 0)
        if known is None and price is not None:
            known = price.cost(total)
        cost += known or 0.0
    return tokens, cost
