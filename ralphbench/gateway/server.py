"""The gateway's process: agents are served on loopback and on a unix socket, its own run on the control socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from ralphbench import __version__
from ralphbench.control import bind
from ralphbench.errors import RunError
from ralphbench.gateway.client import StageGrant
from ralphbench.gateway.control import Connection, ControlServer
from ralphbench.gateway.paths import Frontend
from ralphbench.gateway.prices import table_version
from ralphbench.gateway.secrets import Redactor
from ralphbench.gateway.stages import Stages
from ralphbench.model import GatewayAddress, codec

log = logging.getLogger(__name__)
MAX_BODY = 64 * 1024 * 1024
MAX_HEADER = 64 * 1024
ORPHAN = 30.0
"""Seconds that a gateway waits for somebody to own it."""


class Gateway:
    """Everything that one run needs between agents and models. `run` returns when the owner is gone or asks for it."""

    def __init__(self, control: Path, agents: Path) -> None:
        """`control`: path of the control socket, in a folder of its own; `agents`: the socket that sandboxes may show."""
        self.redactor = Redactor()
        self._control = ControlServer(control, self._handle, self._closed)
        self._socket = agents
        self._over = asyncio.Event()
        self._owner: Connection | None = None
        self._started = time.time()
        self._server: web.Server | None = None
        self._listeners: list[asyncio.Server] = []
        self.port = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        self.stages = Stages(self.redactor)
        self._frontend = Frontend(self.stages)
        orphan = loop.call_later(ORPHAN, self._end_if_orphan)
        try:
            await self._listen()
            await self._control.start()
            await self._over.wait()
        finally:
            orphan.cancel()
            await self._shut_down()

    async def _listen(self) -> None:
        server = web.Server(
            self._frontend.handle,
            request_factory=_request_factory(asyncio.get_running_loop()),
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=600.0,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
        )
        loop = asyncio.get_running_loop()
        tcp = await loop.create_server(server, "127.0.0.1", 0, backlog=512)
        self._listeners.append(tcp)
        self.port = tcp.sockets[0].getsockname()[1]
        self._socket.parent.mkdir(parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bind(listener, self._socket)
        unix = await loop.create_unix_server(server, sock=listener, backlog=512)
        self._server = server
        self._listeners.append(unix)

    def _end_if_orphan(self) -> None:
        if self._owner is None:
            log.error("nobody owned this gateway for %.0f s", ORPHAN)
            self._over.set()

    async def _shut_down(self) -> None:
        """Open calls get their end in the record before anything is closed."""
        for listener in self._listeners:
            listener.close()
        await self.stages.close_all("gateway_closed")
        if self._server is not None:
            await self._server.shutdown(1.0)
        await self.stages.routes.close()
        await self._control.close()
        with contextlib.suppress(OSError):
            self._socket.unlink(missing_ok=True)

    # -- control --------------------------------------------------------------------------------------------------

    async def _handle(self, connection: Connection, op: str, fields: dict[str, Any]) -> Any:
        match op:
            case "own":
                if self._owner is not None:
                    raise RunError("this gateway has an owner")
                self._owner = connection
                return True
            case "open_stage":
                return await self._open_stage(connection, codec.convert(fields["grant"], StageGrant))
            case "poll":
                return self._stage(connection, str(fields["token"])).traffic()
            case "close_stage":
                return await self._close_stage(connection, str(fields["token"]))
            case "describe":
                return self._describe()
            case "shutdown":
                # After the answer has gone out.
                asyncio.get_running_loop().call_soon(self._over.set)
                return True
        raise RunError(f"unknown question {op!r}")

    async def _open_stage(self, connection: Connection, grant: StageGrant) -> GatewayAddress:
        stage = await self.stages.open(grant)
        connection.tokens.add(stage.token)
        return GatewayAddress(
            url=f"http://127.0.0.1:{self.port}/t/{stage.token}/v1",
            socket=self._socket,
            token=stage.token,
            dialect=stage.route.dialect,
        )

    def _stage(self, connection: Connection, token: str) -> Any:
        stage = self.stages.by_token(token) if token in connection.tokens else None
        if stage is None:
            raise RunError("no such stage: it is closed, or was opened by somebody else")
        return stage

    async def _close_stage(self, connection: Connection, token: str) -> Any:
        self._stage(connection, token)
        connection.tokens.discard(token)
        return await self.stages.close(token)

    async def _closed(self, connection: Connection) -> None:
        """Whoever held these stages is gone, however it died: so are its agents, or soon."""
        for token in connection.tokens:
            with contextlib.suppress(OSError):
                await self.stages.close(token, why="owner_gone", grace=0.0)
        if connection is self._owner:
            self._over.set()

    def _describe(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "pid": os.getpid(),
            "url": f"http://127.0.0.1:{self.port}",
            "socket": str(self._socket),
            "prices": table_version(),
            "stages": len(self.stages),
            "stages_opened": self.stages.opened,
            "calls": self._frontend.calls,
            "seconds": round(time.time() - self._started, 3),
        }


def _request_factory(loop: asyncio.AbstractEventLoop) -> Any:
    def make(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)

    return make
