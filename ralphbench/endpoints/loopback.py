"""What the servers that come along share: listening on loopback, a table of paths, and a memory of what was asked."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from ralphbench.endpoints.asked import Asked
from ralphbench.endpoints.problems import Problem
from ralphbench.model import codec


def reply(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=codec.dumps(value), content_type="application/json")


def refuse(problem: Problem, dialect: str = "chat") -> web.Response:
    body = problem.body(dialect)
    return web.Response(status=problem.status, body=body, content_type="application/json", headers=problem.headers)


def drop(request: web.BaseRequest, *, reset: bool = False) -> None:
    """End the connection in the middle of an answer; `reset`: with a TCP reset, else as if the server were gone."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if reset and sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


@dataclass(slots=True)
class Served:
    """One request, as the server saw it. For those who test against it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    asked: Asked | None = None
    rule: str | None = None
    """The rule that answered; None: none did."""
    turn: int | None = None
    fault: str | None = None
    status: int | None = None
    """None while nothing was answered."""
    cancelled: bool = False
    """The client hung up."""
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None

    def json(self) -> Any:
        return codec.loads_any(self.body)


Handler = Callable[[web.BaseRequest, Served], Awaitable[web.StreamResponse]]


class LoopbackServer:
    """Lives in the caller's event loop, from `start` to `stop`, or as an asynchronous context manager."""

    def __init__(self, *, keep: int) -> None:
        self.served: deque[Served] = deque(maxlen=keep)
        """The latest requests, bodies included."""
        self.base_url: str | None = None
        self._runner: web.ServerRunner | None = None
        self._routes = self.routes()

    def routes(self) -> dict[tuple[str, str], Handler]:
        """(method, path) to what answers it."""
        return {}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen. Returns the base URL, up to and including `/v1`. Raises OSError where the port is taken."""
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        address = self._runner.addresses[0]
        self.base_url = f"http://{host}:{address[1]}/v1"
        return self.base_url

    async def stop(self) -> None:
        """Stop listening and end what is being answered."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        served = Served(request.method, request.path, request.headers, body)
        self.served.append(served)
        handler = self._routes.get((request.method, request.path.rstrip("/")))
        try:
            response = self.unknown_path(request) if handler is None else await handler(request, served)
            served.status = response.status
            return response
        except (asyncio.CancelledError, ConnectionError):
            served.cancelled = True
            raise
        finally:
            served.ended = time.monotonic()

    def unknown_path(self, request: web.BaseRequest) -> web.StreamResponse:
        missing = {"message": f"no such path: {request.method} {request.path}", "type": "invalid_request_error"}
        return refuse(Problem(404, missing))
