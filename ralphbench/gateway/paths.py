"""What agents may ask for: `/t/<token>/v1/...`, with the `v1` once, twice or not at all, as SDKs put it together."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import ClientError, web

from ralphbench.gateway import headers
from ralphbench.gateway.admission import Stop
from ralphbench.gateway.call import Call
from ralphbench.gateway.dialects import BY_PATH, CHAT, MESSAGES, Dialect, Problem
from ralphbench.gateway.refusals import error_response, refuse
from ralphbench.gateway.requests import AgentRequest, BadBody, read_request
from ralphbench.gateway.stage import OpenStage
from ralphbench.gateway.stages import Stages
from ralphbench.gateway.texts import quiet
from ralphbench.model import StageEnding, codec

log = logging.getLogger(__name__)
_UPLOAD = 120.0
"""Seconds that an agent may take to send its request."""
_COUNT = "messages/count_tokens"


class Frontend:
    """Answers every request of every agent."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self.calls = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        token, path = _split(request.rel_url.raw_path)
        stage = self._stages.by_token(token) if token else None
        if stage is None:
            # The same words for a token that never was and for one that has ended.
            return error_response(
                _dialect(path), 404, Problem("There is nothing at this address.", "invalid_request_error", "not_found")
            )
        task = asyncio.current_task()
        assert task is not None
        stage.tasks.add(task)
        try:
            return await self._answer(stage, path, request)
        except Exception as error:
            # An agent would try again on a plain 500, some for ever.
            log.exception("a request could not be handled")
            stop = Stop(StageEnding.HARNESS, f"the gateway failed: {type(error).__name__}: {error}", cap=False)
            stage.end(stop)
            if request.writer.output_size and request.transport is not None:
                request.transport.abort()  # in the middle of an answer there is no status left to say it with
            return refuse(_dialect(path), stop)
        finally:
            stage.tasks.discard(task)

    async def _answer(self, stage: OpenStage, path: str, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return _models(stage, path)
        dialect = _dialect(path)
        if request.method != "POST" or not (path in BY_PATH or path == _COUNT):
            return _not_served(dialect, f"{request.method} /v1/{path} is not served here")
        if dialect.name not in stage.route.upstream.dialects:
            spoken = ", ".join(stage.route.upstream.dialects)
            return _not_served(
                dialect, f"endpoint {stage.grant.endpoint.name} does not speak {dialect.name} (it speaks {spoken})"
            )
        try:
            asked = read_request(await _body(request))
        except BadBody as error:
            return error_response(dialect, 400, Problem(quiet(str(error)), "invalid_request_error", "bad_request"))
        except web.HTTPRequestEntityTooLarge:
            return error_response(
                dialect, 413, Problem("The request is larger than 64 MiB.", "invalid_request_error", "too_large")
            )
        except TimeoutError:
            return error_response(
                dialect, 400, Problem("The request did not arrive.", "invalid_request_error", "bad_request")
            )
        if path == _COUNT:
            return await _count_tokens(stage, dialect, asked, request)
        await self._stages.bodies.room()
        self.calls += 1
        return await Call(stage, dialect, asked, request).answer()


async def _body(request: web.BaseRequest) -> bytes:
    """All of it. Raises TimeoutError where it does not come, BadBody where it is not what its headers say it is (such as
    compressed), HTTPRequestEntityTooLarge past the server's limit.
    """
    try:
        if request.content.is_eof():
            return await request.read()
        async with asyncio.timeout(_UPLOAD):
            if "expect" in request.headers:
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return await request.read()
    except web.RequestPayloadError as error:
        raise BadBody(f"the body cannot be read as its headers say: {error}") from error


def _split(path: str) -> tuple[str, str]:
    """(token, path behind `/v1`); an empty token where the address is not one of ours."""
    parts = [part for part in path.split("/") if part]
    if len(parts) < 2 or parts[0] != "t":
        return "", ""
    rest = parts[2:]
    while rest and rest[0] == "v1":
        rest.pop(0)
    return parts[1], "/".join(rest)


def _dialect(path: str) -> Dialect:
    """In whose shape errors are told there."""
    return MESSAGES if path == _COUNT else BY_PATH.get(path, CHAT)


def _models(stage: OpenStage, path: str) -> web.Response:
    """The stage's model and no other: what else the endpoint has is not for this contender. In both APIs' shape."""
    name = stage.grant.model.model.model
    wanted = path.partition("models")[2].strip("/")
    entry = {
        "id": name,
        "object": "model",
        "type": "model",
        "display_name": name,
        "created": 0,
        "created_at": "1970-01-01T00:00:00Z",
        "owned_by": stage.grant.endpoint.name,
    }
    if stage.window is not None:
        entry |= {"context_length": stage.window, "max_model_len": stage.window}
    if path == "models":
        page = {"object": "list", "data": [entry], "has_more": False, "first_id": name, "last_id": name}
        return web.Response(body=codec.dumps(page), content_type="application/json")
    if path.startswith("models/") and wanted == name:
        return web.Response(body=codec.dumps(entry), content_type="application/json")
    return _not_served(CHAT, f"GET /v1/{path} is not served here")


def _not_served(dialect: Dialect, text: str) -> web.Response:
    return error_response(dialect, 404, Problem(quiet(text), "not_found_error", "not_found"))


def _counted(answer: bytes) -> bool:
    """Some servers say 200 to a path that they do not know."""
    try:
        value = codec.loads_any(answer)
    except ValueError:
        return False
    return isinstance(value, dict) and isinstance(value.get("input_tokens"), int)


async def _count_tokens(
    stage: OpenStage, dialect: Dialect, asked: AgentRequest, request: web.BaseRequest
) -> web.Response:
    """Counting costs nothing and is no call of the model: passed on, not recorded."""
    if stage.stop is not None:
        return refuse(dialect, stage.stop)
    route = stage.route
    sent = headers.to_upstream(request.headers, route.upstream.headers, passthrough=route.spec.auth == "passthrough")
    stage.activity += 1
    wire = asked.edited({"model": stage.grant.model.model.model})
    try:
        async with route.session.post(
            route.url("/messages/count_tokens"), data=wire, headers=sent, timeout=route.timeout, allow_redirects=False
        ) as response:
            answer = await response.read()
            if response.status == 200 and _counted(answer):
                return web.Response(body=answer, headers=headers.to_agent(response.headers))
    except (ClientError, TimeoutError):
        pass
    return _not_served(dialect, "this endpoint does not count tokens")
