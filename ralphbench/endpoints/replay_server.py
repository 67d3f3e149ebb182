"""A model server that answers with what was recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from ralphbench.endpoints.answers import CREATED
from ralphbench.endpoints.asked import DIALECTS
from ralphbench.endpoints.differences import Difference, compare
from ralphbench.endpoints.loopback import Handler, LoopbackServer, Served, refuse, reply
from ralphbench.endpoints.problems import Problem
from ralphbench.endpoints.protocol import RECORDED_FAULT, Compared
from ralphbench.endpoints.recorded import Place, RecordedAttempt
from ralphbench.endpoints.recorded_answers import After, Recorded, told
from ralphbench.model import Call, StageEnding

_MOST = 1000
"""Differences that are kept; all of them are counted."""
_BEAT = 1.0
"""Seconds between two signs of life of a call that is held open."""
_TIMED = frozenset({StageEnding.STAGE_TIMEOUT, StageEnding.IDLE_TIMEOUT, StageEnding.WALL_TIME})
"""Endings that time alone decided. A replayed model answers at once, so its agent gets further until time is up."""
_TOLD = frozenset(
    {
        StageEnding.ENDPOINT_DOWN,
        StageEnding.RATE_LIMITED,
        StageEnding.PROVIDER_ERROR,
        StageEnding.MODEL_MISSING,
        StageEnding.WRONG_MODEL,
        StageEnding.MODEL_LOAD,
        StageEnding.OUT_OF_MEMORY,
    }
)
"""A stage that a fault ended before it had asked for anything (there was no lease to be had) meets it at its first call."""


class ReplayServer(LoopbackServer):
    """Serves a recorded attempt on loopback, in the caller's event loop. `strict`: a request that differs is refused, as
    one is anyway for which nothing was recorded. From then on all are, in the same words: whatever is tried again ends so.

    Raises RecordError where the folder cannot be read as an attempt.
    """

    def __init__(self, folder: Path, *, strict: bool = False, keep: int = 16) -> None:
        self.record = RecordedAttempt(folder)
        self.strict = strict
        self.different = 0
        """Requests that differed from what was recorded."""
        self._differences: list[Difference] = []
        self._failed: Difference | None = None
        """What was refused first."""
        self._used: set[str] = set()
        self._parents: dict[str, dict[str, int]] = {}
        self._counted: dict[tuple[str, int | None], int] = {}
        super().__init__(keep=keep)

    def routes(self) -> dict[tuple[str, str], Handler]:
        table: dict[tuple[str, str], Handler] = {
            ("GET", "/v1/models"): self._list_models,
            ("GET", "/differences"): self._show,
        }
        for path in DIALECTS:
            table["POST", "/v1" + path] = self._answer
        return table

    def differences(self) -> tuple[Difference, ...]:
        """Where requests differed, first to last, and at the end the recorded calls that nobody asked for."""
        return (*self._differences, *self._unasked(self.record.calls))

    def stage_over(self, stage: str) -> Compared:
        """What differed in a stage, its recorded calls that nobody asked for included. `stage` as in Place."""
        unasked = self._unasked(self.record.calls_in(stage))
        if self.strict and self._failed is None and unasked:
            self._failed = unasked[0]
        found = [d for d in self._differences if d.stage == stage] + unasked
        return Compared(tuple(map(str, found)), None if self._failed is None else _words(self._failed))

    def _unasked(self, calls: list[Call]) -> list[Difference]:
        return [
            Difference(c.started.id, c.started.stage_id, c.started.ordinal, "", "a call", "nothing")
            for c in calls
            if c.started.id not in self._used
        ][:_MOST]

    async def _show(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        return reply({"different": self.different, "differences": [str(d) for d in self.differences()]})

    async def _list_models(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        data = [
            {"id": name, "object": "model", "created": CREATED, "owned_by": "replay"} for name in self.record.models
        ]
        return reply({"object": "list", "data": data})

    async def _answer(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        try:
            asked = served.json()
            place = self._place(request)
        except ValueError as error:
            return refuse(
                Problem(400, {"message": f"not a request to replay: {error}", "type": "invalid_request_error"})
            )
        call = self.record.find(place, asked, self._used)
        if call is None:
            return await self._beyond(request, place, asked)
        served.rule = call.started.id
        self._used.add(call.started.id)
        if found := self._compare(call, place, asked):
            self._note(found)
        if self._failed is not None or (found and self.strict):
            return await self._refuse(request, self._failed or found[0])
        idle = self.record.ending(place.stage) == StageEnding.IDLE_TIMEOUT
        return await _send(request, self.record.answer(call), idle=idle)

    async def _beyond(self, request: web.BaseRequest, place: Place, asked: dict[str, Any]) -> web.StreamResponse:
        """One call more than was recorded of a stage: what its ending explains is no difference."""
        ending = self.record.ending(place.stage) if self._failed is None else None
        if ending in _TIMED:
            kind = "text/event-stream" if asked.get("stream") else "application/json"
            return await _send(request, Recorded(200, kind, (), After.HOLD), idle=ending == StageEnding.IDLE_TIMEOUT)
        if ending in _TOLD:
            return await _send(request, told(str(ending), f"the recorded stage {place.stage} ended as {ending}"))
        found = Difference(None, place.stage, place.ordinal, "", f"{self.record.count(place)} calls", "one more")
        self._note([found])
        return await self._refuse(request, found)

    async def _refuse(self, request: web.BaseRequest, found: Difference) -> web.StreamResponse:
        self._failed = self._failed or found
        return await _send(request, told("replay_difference", _words(self._failed)))

    def _place(self, request: web.BaseRequest) -> Place:
        """Raises ValueError where the headers do not tell it."""
        told = request.headers
        stage_id, ordinal = told.get("x-ralphbench-stage-id"), told.get("x-ralphbench-ordinal")
        stage = stage_id or told.get("x-ralphbench-stage")
        if not stage:
            raise ValueError("the header x-ralphbench-stage is missing; only the gateway can ask a recorded attempt")
        parent = None
        if session := told.get("x-ralphbench-parent-session"):
            known = self._parents.setdefault(stage, {})
            parent = known.setdefault(session, len(known))
        if stage_id is not None and ordinal is not None:
            return Place(stage, parent, int(ordinal))
        # A stage's name alone means all its runs, one after the other: ordinals begin anew with each, so we count.
        counted = self._counted.get((stage, parent), 0)
        self._counted[stage, parent] = counted + 1
        return Place(stage, parent, counted)

    def _compare(self, call: Call, place: Place, asked: dict[str, Any]) -> list[Difference]:
        found = compare(self.record.request(call), asked)
        return [Difference(call.started.id, place.stage, place.ordinal, *each) for each in found]

    def _note(self, found: list[Difference]) -> None:
        self.different += 1
        if len(self._differences) < _MOST:
            self._differences += found


def _words(found: Difference) -> str:
    return f"not as it was recorded: {found}"


async def _send(request: web.BaseRequest, recorded: Recorded, *, idle: bool = False) -> web.StreamResponse:
    """`idle`: a call that is held open gives no sign of life, since the stage ended for want of any."""
    marked = {} if recorded.fault is None else {RECORDED_FAULT: recorded.fault}
    if recorded.content_type == "application/json" and recorded.after is After.END:
        body = b"".join(recorded.chunks)
        return web.Response(status=recorded.status, body=body, content_type="application/json", headers=marked)
    headers = {"Content-Type": recorded.content_type, "Cache-Control": "no-cache"}
    response = web.StreamResponse(status=recorded.status, headers=headers)
    await response.prepare(request)
    for chunk in recorded.chunks:
        await response.write(chunk)
    if recorded.after is After.HOLD:
        await _hold(response, recorded, idle=idle)
    if recorded.after is After.BREAK and request.transport is not None:
        request.transport.close()
        return response
    await response.write_eof()
    return response


async def _hold(response: web.StreamResponse, recorded: Recorded, *, idle: bool) -> None:
    """Until the other side hangs up, which cancels this: it cut the call then, and will again."""
    beat = b": held\n\n" if recorded.content_type == "text/event-stream" else b"\n"
    if idle and not recorded.chunks:
        await response.write(beat)  # silence before the first byte would be the server's, not the agent's
    while True:
        await asyncio.sleep(_BEAT)
        if not idle:
            await response.write(beat)
