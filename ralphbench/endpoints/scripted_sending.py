"""How a scripted answer leaves: at its pace, in its pieces, and broken where a fault says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from ralphbench.endpoints.answers import Answer
from ralphbench.endpoints.asked import Asked
from ralphbench.endpoints.loopback import drop, reply
from ralphbench.endpoints.problems import Problem, crashed, overflow
from ralphbench.endpoints.scripts import Fault, ScriptedModel, Turn
from ralphbench.endpoints.wire import WIRES, Wire

_STREAM = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
_IN_STREAM = ("overflow_in_stream", "crash", "reset", "stall")


@dataclass(frozen=True, slots=True)
class Sending:
    """One answer on its way."""

    request: web.BaseRequest
    asked: Asked
    answer: Answer
    turn: Turn
    model: ScriptedModel

    async def whole(self) -> web.StreamResponse:
        """Where no stream was asked for: after the time that the stream would have taken."""
        speed = self.turn.speed or self.model.speed
        used = self.answer.used
        await asyncio.sleep(self.model.first_token + (used.output / speed if speed and used else 0.0))
        fault = self._in_stream()
        if fault is not None and fault.name == "reset":
            drop(self.request, reset=True)
        elif fault is not None and fault.name == "stall":
            await asyncio.sleep(fault.seconds)
        elif fault is not None:
            return reply({"error": self._problem(fault).error})
        return web.Response(body=self._wire.whole(self.answer), content_type="application/json")

    async def stream(self, events: list[tuple[bytes, int]], joined: bytes) -> web.StreamResponse:
        """Head at once, the content at its pace, then finish reason, usage and end."""
        response = web.StreamResponse(headers=_STREAM)
        await response.prepare(self.request)
        fault = self._in_stream()
        empty = self.turn.fault is not None and self.turn.fault.name == "overflow_empty"
        head = [] if empty and self.asked.dialect == "chat" else self._wire.head(self.answer)
        if fault is not None:
            return await self._broken(response, head, events, fault)
        tail = b"".join(self._wire.tail(self.answer, len(head) + len(events)))
        if not self._paced:
            await response.write(b"".join((*head, joined, tail)))
        else:
            await self._write(response, head, events)
            await response.write(tail)
        await response.write_eof()
        return response

    async def _write(self, response: web.StreamResponse, head: list[bytes], events: list[tuple[bytes, int]]) -> None:
        """By a timetable, so that a late event does not make all later ones late."""
        if head:
            await response.write(b"".join(head))
        loop = asyncio.get_running_loop()
        due = loop.time() + self.model.first_token
        speed = self.turn.speed or self.model.speed
        for event, tokens in events:
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            await response.write(event)
            due += tokens / speed if speed else 0.0

    async def _broken(
        self, response: web.StreamResponse, head: list[bytes], events: list[tuple[bytes, int]], fault: Fault
    ) -> web.StreamResponse:
        at = len(events) // 2 if fault.at is None else fault.at
        if fault.at == 0:
            head = []
        await self._write(response, head, events[:at])
        if fault.name == "reset":
            drop(self.request, reset=True)
            return response
        if fault.name == "stall":
            await asyncio.sleep(fault.seconds)
            rest = [event for event, _ in events[at:]] + self._wire.tail(self.answer, len(head) + len(events))
            await response.write(b"".join(rest))
        else:
            problem = self._problem(fault)
            await response.write(self._wire.error(problem.message, problem.kind))
        await response.write_eof()
        return response

    @property
    def _wire(self) -> Wire:
        return WIRES[self.asked.dialect]

    @property
    def _paced(self) -> bool:
        return bool(self.turn.speed or self.model.speed or self.model.first_token)

    def _in_stream(self) -> Fault | None:
        fault = self.turn.fault
        return fault if fault is not None and fault.name in _IN_STREAM else None

    def _problem(self, fault: Fault) -> Problem:
        if fault.name == "crash":
            return Problem(400, fault.message or crashed())
        problem = overflow(fault.style, self.asked.estimate, self.model.context)
        return problem if fault.message is None else Problem(problem.status, fault.message)
