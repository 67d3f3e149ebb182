"""How each endpoint is reached. The only place that ever holds a key; scripted and recorded endpoints are served here too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientTimeout, TCPConnector
from yarl import URL

from ralphbench.endpoints import Embedded, EmbeddedServer, Endpoint, Upstream, load_endpoint
from ralphbench.gateway.requests import Habits
from ralphbench.gateway.secrets import Redactor
from ralphbench.model import GATEWAY_OPTIONS, CallStarted, EndpointSpec, codec

_IDLE = 3.0
"""Seconds that a connection is kept for the next call: servers close theirs after 5, and a call into a closing one fails."""
_CONNECT = 10.0
_STALL = 600.0
"""Seconds without a byte after which a server is given up: a cold load and a long prefill fit in. `options.stall_seconds`."""
_HOSTED = 16
_REPLAYED: Mapping[str, Any] = {"retries": 1, "load_max_seconds": 0.0}
"""Options of a recorded attempt's endpoint: what was recorded is what came of all the trying again."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint, ready to be called. Its repr shows no header."""

    spec: EndpointSpec
    endpoint: Endpoint
    upstream: Upstream
    dialect: str
    habits: Habits
    base: str
    timeout: ClientTimeout
    session: ClientSession
    server: EmbeddedServer | None = None
    """What the gateway serves itself: a script, a recorded attempt."""
    _urls: dict[str, URL] = field(default_factory=dict)

    def url(self, path: str) -> URL:
        """`path`: a dialect's, with its slash."""
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self.base + path)
        return url


class Routes:
    """All endpoints of a run. Made in, and used from, the gateway's event loop."""

    def __init__(self, redactor: Redactor, busy: Callable[[str], bool]) -> None:
        """`busy`: whether an attempt has a stage open."""
        self._redactor = redactor
        self._busy = busy
        self._known: dict[tuple[str, bytes], asyncio.Task[Route]] = {}
        self._near = self._session(trust_env=False)
        self._far: ClientSession | None = None

    async def of(self, spec: EndpointSpec, attempt: str) -> Route:
        """Raises EndpointError where a key is missing or an endpoint cannot be used.

        A server is shared by all attempts. One that the gateway brings along remembers what it has answered, so each
        attempt has its own: what one contender met must be there for the next.
        """
        embedded = spec.base_url is None and spec.script is not None
        key = (attempt if embedded else "", codec.canonical(spec))
        task = self._known.pop(key, None)
        if task is None or (task.done() and task.exception() is not None):
            task = asyncio.create_task(self._make(spec))
        self._known[key] = task  # the latest last
        if embedded:
            await self._end_oldest()
        return await asyncio.shield(task)

    async def _end_oldest(self) -> None:
        """Servers of attempts that are over are let go, a few at hand excepted."""
        mine = [key for key in self._known if key[0]]
        for key in mine[:-_HOSTED]:
            # Another stage may be opened while a server ends, and let go of the same ones.
            task = self._known.get(key)
            if task is not None and task.done() and not self._busy(key[0]):
                del self._known[key]
                if task.exception() is None and (server := task.result().server) is not None:
                    await server.stop()

    async def _make(self, spec: EndpointSpec) -> Route:
        own = {name: value for name, value in spec.options.items() if name not in GATEWAY_OPTIONS}
        endpoint, server = await self._standing(replace(spec, options=own))
        upstream = await asyncio.to_thread(endpoint.upstream)
        self._redactor.learn(upstream.headers)
        base = upstream.base_url.rstrip("/")
        if spec.kind == "replay":
            spec = replace(spec, options={**_REPLAYED, **spec.options})
        return Route(
            spec=spec,
            endpoint=endpoint,
            upstream=upstream,
            dialect=endpoint.dialect(),
            habits=_habits(spec, upstream, base),
            base=base,
            timeout=ClientTimeout(
                total=None,
                sock_connect=float(spec.options.get("connect_seconds", _CONNECT)),
                sock_read=float(spec.options.get("stall_seconds", _STALL)),
            ),
            session=self._session_for(base),
            server=server,
        )

    async def _standing(self, spec: EndpointSpec) -> tuple[Endpoint, EmbeddedServer | None]:
        """The endpoint, its server started in this very event loop where it brings one along."""
        endpoint = load_endpoint(spec)
        if spec.base_url is not None or not isinstance(endpoint, Embedded):
            return endpoint, None
        server = await asyncio.to_thread(endpoint.open_server)
        base = await server.start()
        return load_endpoint(replace(spec, base_url=base)), server

    def _session_for(self, base: str) -> ClientSession:
        """Loopback is never reached through a proxy; everything else as the environment says."""
        if urlsplit(base).hostname in _LOOPBACK:
            return self._near
        if self._far is None:
            self._far = self._session(trust_env=True)
        return self._far

    @staticmethod
    def _session(*, trust_env: bool) -> ClientSession:
        connector = TCPConnector(limit=0, keepalive_timeout=_IDLE)
        return ClientSession(connector=connector, trust_env=trust_env, auto_decompress=True, read_bufsize=2**18)

    async def close(self) -> None:
        for session in (self._near, self._far):
            if session is not None:
                await session.close()
        for task in self._known.values():
            if task.done() and not task.cancelled() and task.exception() is None:
                server = task.result().server
                if server is not None:
                    await server.stop()


def _habits(spec: EndpointSpec, upstream: Upstream, base: str) -> Habits:
    field: Any = spec.options.get("output_field")
    if field is None and urlsplit(base).hostname == "api.openai.com":
        field = "max_completion_tokens"  # its reasoning models refuse the older name; all its models know this one
    return Habits(upstream.usage_option, upstream.reported_cost, field)


def replay_headers(spec: EndpointSpec, call: CallStarted, stage: str) -> dict[str, str]:
    """A recorded attempt is matched by what only the gateway knows of a call; real servers are not told. `stage`: the
    stage's id in an attempt that was never cut off.
    """
    if spec.kind != "replay":
        return {}
    told = {
        "x-ralphbench-stage": call.stage,
        "x-ralphbench-stage-id": stage,
        "x-ralphbench-parent-session": call.parent_session,
        "x-ralphbench-ordinal": str(call.ordinal),
    }
    return {name: value for name, value in told.items() if value is not None}
