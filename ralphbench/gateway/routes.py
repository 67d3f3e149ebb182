"""How each endpoint is reached. The only place that ever holds a key; scripted and recorded endpoints are served here too."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientTimeout, TCPConnector
from yarl import URL

from ralphbench.endpoints import Embedded, EmbeddedServer, Endpoint, Upstream, load_endpoint
from ralphbench.gateway.requests import Habits
from ralphbench.gateway.secrets import Redactor
from ralphbench.model import CallStarted, EndpointSpec, codec
from ralphbench.model.profile import GATEWAY_OPTIONS

_IDLE = 3.0
"""Seconds that a connection is kept for the next call: servers close theirs after 5, and a call into a closing one fails."""
_CONNECT = 10.0
_STALL = 600.0
"""Seconds without a byte after which a server is given up: a cold load and a long prefill fit in. `options.stall_seconds`."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint, ready to be called. Its repr shows no header."""

    spec: EndpointSpec
    upstream: Upstream
    dialect: str
    local: bool
    habits: Habits
    base: str
    timeout: ClientTimeout
    session: ClientSession
    _urls: dict[str, URL] = field(default_factory=dict)

    def url(self, path: str) -> URL:
        """`path`: a dialect's, with its slash."""
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self.base + path)
        return url


class Routes:
    """All endpoints of a run. Made in, and used from, the gateway's event loop."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._known: dict[bytes, asyncio.Task[Route]] = {}
        self._hosted: list[EmbeddedServer] = []
        self._near = self._session(trust_env=False)
        self._far: ClientSession | None = None

    async def of(self, spec: EndpointSpec) -> Route:
        """Raises EndpointError where a key is missing or an endpoint cannot be used."""
        identity = codec.canonical(spec)
        task = self._known.get(identity)
        if task is None or (task.done() and task.exception() is not None):
            task = self._known[identity] = asyncio.create_task(self._make(spec))
        return await asyncio.shield(task)

    async def _make(self, spec: EndpointSpec) -> Route:
        own = {name: value for name, value in spec.options.items() if name not in GATEWAY_OPTIONS}
        endpoint = await self._standing(replace(spec, options=own))
        upstream = await asyncio.to_thread(endpoint.upstream)
        self._redactor.learn(upstream.headers)
        base = upstream.base_url.rstrip("/")
        return Route(
            spec=spec,
            upstream=upstream,
            dialect=endpoint.dialect(),
            local=endpoint.local(),
            habits=_habits(spec, upstream, base),
            base=base,
            timeout=ClientTimeout(
                total=None,
                sock_connect=float(spec.options.get("connect_seconds", _CONNECT)),
                sock_read=float(spec.options.get("stall_seconds", _STALL)),
            ),
            session=self._session_for(base),
        )

    async def _standing(self, spec: EndpointSpec) -> Endpoint:
        """The endpoint, its server started in this very event loop where it brings one along."""
        endpoint = load_endpoint(spec)
        if spec.base_url is not None or not isinstance(endpoint, Embedded):
            return endpoint
        server = await asyncio.to_thread(endpoint.open_server)
        base = await server.start()
        self._hosted.append(server)
        return load_endpoint(replace(spec, base_url=base))

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
        for server in self._hosted:
            await server.stop()


def _habits(spec: EndpointSpec, upstream: Upstream, base: str) -> Habits:
    field: Any = spec.options.get("output_field")
    if field is None and urlsplit(base).hostname == "api.openai.com":
        field = "max_completion_tokens"  # its reasoning models refuse the older name; all its models know this one
    return Habits(upstream.usage_option, upstream.reported_cost, field)


def replay_headers(spec: EndpointSpec, call: CallStarted) -> dict[str, str]:
    """A recorded attempt is matched by what only the gateway knows of a call; real servers are not told."""
    if spec.kind != "replay":
        return {}
    told = {
        "x-ralphbench-stage": call.stage,
        "x-ralphbench-stage-id": call.stage_id,
        "x-ralphbench-parent-session": call.parent_session,
        "x-ralphbench-ordinal": str(call.ordinal),
    }
    return {name: value for name, value in told.items() if value is not None}
