"""The gateway's control socket: a run's own processes open, watch and close stages here. Agents are not answered.

Same words as `control.ChannelServer`, served from the event loop that all stages live in, so that nothing needs a lock.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ralphbench.control import bind
from ralphbench.errors import RalphbenchError
from ralphbench.model import codec

log = logging.getLogger(__name__)
MAX_LINE = 16 * 1024 * 1024
AGENT_MARK = b"RALPHBENCH_STAGE="
"""In the environment of every process that a stage's sandbox starts."""


class Connection:
    """One client: what was granted on it ends with it."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.owner = False


Handler = Callable[[Connection, str, dict[str, Any]], Awaitable[Any]]


class ControlServer:
    """Answers questions in order, connection by connection."""

    def __init__(self, path: Path, handle: Handler, closed: Callable[[Connection], Awaitable[None]]) -> None:
        self.path = path
        self._handle = handle
        self._closed = closed
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, in a folder that is private. The socket's appearance says that the gateway is ready.

        Raises PermissionError for a folder that others can enter.
        """
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if stat.S_IMODE(folder.stat().st_mode) & 0o077:
            raise PermissionError(f"{folder} must be private: chmod 700 {folder}")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bind(listener, self.path)
        listener.setblocking(False)
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=MAX_LINE)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        connection = Connection()
        try:
            if _is_agent(writer):
                log.warning("a process of an agent asked at the control socket: not answered")
            else:
                await self._serve(connection, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            log.debug("a control connection is gone")
        finally:
            self._clients.discard(task)
            writer.close()
            await self._closed(connection)

    async def _serve(self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readuntil(b"\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                return
            writer.write(await self._answer(connection, line) + b"\n")
            await writer.drain()

    async def _answer(self, connection: Connection, line: bytes) -> bytes:
        try:
            question = codec.loads_any(line)
            op = str(question.pop("op"))
            return codec.dumps({"ok": await self._handle(connection, op, question)})
        except RalphbenchError as error:
            return codec.dumps({"error": {"kind": type(error).__name__, "message": str(error)}})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return codec.dumps({"error": {"kind": "BadQuestion", "message": f"{type(error).__name__}: {error}"}})

    async def close(self) -> None:
        """Stop listening and let go of every connection, the one excepted that this is asked on."""
        if self._server is not None:
            self._server.close()
        for task in self._clients - {asyncio.current_task()}:
            task.cancel()
        self.path.unlink(missing_ok=True)


def _is_agent(writer: asyncio.StreamWriter) -> bool:
    """Whether the other side runs under a stage. A second fence: in a sandbox with walls the socket is not there at all."""
    sock = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED"):
        return False
    pid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[0]
    if pid == os.getpid():
        return False
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False  # gone already, or not ours to look at
    return any(entry.startswith(AGENT_MARK) for entry in environment.split(b"\0"))
