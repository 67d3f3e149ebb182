"""A model server that answers from a script, streamed as real servers stream, faults included."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from ralphbench.endpoints.answers import CREATED, Answer, make_answer
from ralphbench.endpoints.asked import BYTES_A_TOKEN, DIALECTS, Asked, read_request
from ralphbench.endpoints.loopback import Handler, LoopbackServer, Served, refuse, reply
from ralphbench.endpoints.matching import Chosen, Matcher
from ralphbench.endpoints.problems import Problem, from_fault, model_missing
from ralphbench.endpoints.script_file import load_script
from ralphbench.endpoints.scripted_sending import Sending
from ralphbench.endpoints.scripts import Fault, FaultName, ScriptedModel, Turn
from ralphbench.endpoints.wire import WIRES

_DEFAULT_TIMES = {"loading": 2}
_OVERFLOWS: dict[str, FaultName] = {
    "400": "overflow_400",
    "in_stream": "overflow_in_stream",
    "empty": "overflow_empty",
}
_CACHED = 256


class ScriptedServer(LoopbackServer):
    """Serves a script on loopback, in the caller's event loop. The answer is a function of request and script alone;
    only `times` of a fault and a model's load are remembered, and only by this process.

    Raises ConfigError where the script cannot be used.
    """

    def __init__(self, script: Path | Mapping[str, Any], *, keep: int = 64) -> None:
        self.script = load_script(script)
        self.matcher = Matcher(self.script)
        self._struck: dict[tuple[Any, ...], int] = {}
        self._ready: dict[str, float] = {}
        self._bodies: dict[tuple[Any, ...], tuple[list[tuple[bytes, int]], bytes]] = {}
        super().__init__(keep=keep)

    def routes(self) -> dict[tuple[str, str], Handler]:
        table: dict[tuple[str, str], Handler] = {
            ("GET", "/v1/models"): self._list_models,
            ("GET", "/health"): self._health,
            ("POST", "/v1/messages/count_tokens"): self._count_tokens,
        }
        for path, dialect in DIALECTS.items():
            table["POST", "/v1" + path] = self._answering(dialect)
        return table

    async def _health(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        return reply({"status": "ok"})

    async def _list_models(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        def entry(model: ScriptedModel) -> dict[str, Any]:
            shown = {} if model.context is None else {"context_length": model.context}
            return {"id": model.id, "object": "model", "created": CREATED, "owned_by": "scripted", **shown}

        return reply({"object": "list", "data": [entry(m) for m in self.script.models]})

    async def _count_tokens(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        return reply({"input_tokens": -(-len(served.body) // BYTES_A_TOKEN)})

    def _answering(self, dialect: str) -> Handler:
        async def answer(request: web.BaseRequest, served: Served) -> web.StreamResponse:
            try:
                asked = read_request(dialect, served.body)
            except ValueError as error:
                return refuse(
                    Problem(400, {"message": f"not a {dialect} request: {error}", "type": "invalid_request_error"})
                )
            served.asked = asked
            return await self._answer(request, served, asked)

        return answer

    async def model_for(self, asked: Asked) -> ScriptedModel | Problem:
        """Who answers a request, once it is ready to."""
        model = self.matcher.models.get(asked.model)
        if model is None:
            return model_missing(asked.model, self.script.models[0].id)
        if model.load:
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, self._ready.setdefault(model.id, now + model.load) - now))
        return model

    async def _answer(self, request: web.BaseRequest, served: Served, asked: Asked) -> web.StreamResponse:
        model = await self.model_for(asked)
        if isinstance(model, Problem):
            return refuse(model, asked.dialect)
        chosen = self.matcher.choose(asked)
        if chosen is None:
            said = " ".join(f"{key}={value}" for key, value in asked.marker.items()) or "no stage prompt in it"
            text = f"the script has no rule for this request (model {asked.model}, {said})"
            return refuse(
                Problem(400, {"message": text, "type": "invalid_request_error", "code": "no_rule"}), asked.dialect
            )
        chosen = replace(chosen, turn=self._fault_left(asked, chosen, model))
        fault = chosen.turn.fault
        served.rule, served.turn = chosen.name, chosen.index
        served.fault = None if fault is None else fault.name
        if chosen.turn.delay:
            await asyncio.sleep(chosen.turn.delay)
        if fault is not None and (problem := from_fault(fault, asked, model)) is not None:
            return refuse(problem, asked.dialect)
        answer = make_answer(asked, chosen, model)
        sending = Sending(request, asked, answer, chosen.turn, model)
        return await (sending.stream(*self._body(asked, answer, chosen)) if asked.stream else sending.whole())

    def _fault_left(self, asked: Asked, chosen: Chosen, model: ScriptedModel) -> Turn:
        """The turn with the fault that strikes now: the script's, while its `times` last, or an overflow of the window."""
        turn = chosen.turn
        if (fault := turn.fault) is not None:
            times = fault.times if fault.times is not None else _DEFAULT_TIMES.get(fault.name)
            key = (chosen.rule, chosen.index, *sorted(asked.marker.items()))
            struck = self._struck.get(key, 0)
            if times is None or struck < times:
                self._struck[key] = struck + 1
                return turn
            turn = replace(turn, fault=None)
        if model.context is not None and asked.estimate > model.context:
            return replace(turn, fault=Fault(_OVERFLOWS[model.overflow], style=model.style, at=0))
        return turn

    def _body(self, asked: Asked, answer: Answer, chosen: Chosen) -> tuple[list[tuple[bytes, int]], bytes]:
        """The events with content, apart and in one piece; rendered once for equal answers."""
        key = (asked.dialect, answer.seed, answer.model, chosen.index, answer.text, answer.reasoning, answer.tools)
        found = self._bodies.get(key)
        if found is None:
            events = WIRES[asked.dialect].body(answer)
            found = events, b"".join(event for event, _ in events)
            if len(self._bodies) >= _CACHED:
                self._bodies.clear()
            self._bodies[key] = found
        return found
