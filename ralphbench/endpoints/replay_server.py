"""A model server that answers with what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from ralphbench.endpoints.answers import CREATED
from ralphbench.endpoints.asked import DIALECTS
from ralphbench.endpoints.differences import Difference, compare
from ralphbench.endpoints.loopback import Handler, LoopbackServer, Served, drop, refuse, reply
from ralphbench.endpoints.problems import Problem
from ralphbench.endpoints.recorded import Place, Recorded, RecordedAttempt
from ralphbench.model import Call

_MOST = 1000
"""Differences that are kept; all of them are counted."""


class ReplayServer(LoopbackServer):
    """Serves a recorded attempt on loopback, in the caller's event loop. `strict`: a request that differs is refused.

    Raises RecordError where the folder cannot be read as an attempt.
    """

    def __init__(self, folder: Path, *, strict: bool = False, keep: int = 16) -> None:
        self.record = RecordedAttempt(folder)
        self.strict = strict
        self.different = 0
        """Requests that differed from what was recorded."""
        self._differences: list[Difference] = []
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
        unasked = [
            Difference(c.started.id, c.started.stage_id, c.started.ordinal, "", "a call", "nothing")
            for c in self.record.calls
            if c.started.id not in self._used
        ]
        return (*self._differences, *unasked[:_MOST])

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
            found = Difference(None, place.stage, place.ordinal, "", f"{self.record.count(place)} calls", "one more")
            self._note([found])
            return _refused(found)
        served.rule = call.started.id
        self._used.add(call.started.id)
        found_here = self._compare(call, place, asked)
        if found_here:
            self._note(found_here)
            if self.strict:
                return _refused(found_here[0])
        return await _send(request, self.record.answer(call))

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


def _refused(found: Difference) -> web.Response:
    error = {
        "message": f"not as it was recorded: {found}",
        "type": "invalid_request_error",
        "code": "replay_difference",
    }
    return refuse(Problem(400, error))


async def _send(request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
    if recorded.content_type == "application/json" and not recorded.cut:
        return web.Response(status=recorded.status, body=recorded.chunks[0], content_type="application/json")
    headers = {"Content-Type": recorded.content_type, "Cache-Control": "no-cache"}
    response = web.StreamResponse(status=recorded.status, headers=headers)
    await response.prepare(request)
    for chunk in recorded.chunks:
        await response.write(chunk)
    if recorded.cut:
        # What would have come is not known: the connection breaks where the client then left.
        drop(request)
    else:
        await response.write_eof()
    return response
