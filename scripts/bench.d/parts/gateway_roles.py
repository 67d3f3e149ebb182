#!/usr/bin/env python3
"""The processes of the gateway's bench beside the contenders: a tiny upstream, a bare pass-through, a load client.

gateway_roles.py upstream PORT CHUNKS GAP | bare PORT UPSTREAM | load JSON
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import sys
import time
from typing import Any

FIRST = (
    b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
)
LAST = (
    b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[],"usage":'
    b'{"prompt_tokens":9,"completion_tokens":9}}\n\n'
    b"data: [DONE]\n\n"
)
WHOLE = (
    b'{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}'
)


# -- the upstream: raw asyncio, as little as can answer ----------------------------------------------------------------


class Upstream(asyncio.Protocol):
    """HTTP/1.1 with keep-alive; `chunks` events of a stream, `gap` seconds apart."""

    chunks = 1
    gap = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        body = bytes(self.buffer[end + 4 : end + 4 + length])
        del self.buffer[: end + 4 + length]
        if b'"stream":true' in body or b'"stream": true' in body:
            task = asyncio.ensure_future(self.stream())
            task.add_done_callback(lambda _: None)
        else:
            head_out = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(WHOLE)
            self.transport.write(head_out + WHOLE)

    async def stream(self) -> None:
        def framed(data: bytes) -> bytes:
            return b"%x\r\n%s\r\n" % (len(data), data)

        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + framed(FIRST)
        )
        for _ in range(self.chunks - 1):
            await asyncio.sleep(self.gap)
            self.transport.write(framed(FIRST))
        self.transport.write(framed(LAST) + b"0\r\n\r\n")


async def serve_upstream(port: int, chunks: int, gap: float) -> None:
    Upstream.chunks, Upstream.gap = chunks, gap
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


# -- the bare pass-through: what aiohttp costs by itself ---------------------------------------------------------------


async def serve_bare(port: int, upstream: str) -> None:
    from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

    session = ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(total=None), auto_decompress=False)

    async def forward(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with session.post(
            upstream + request.path, data=body, headers={"content-type": "application/json"}
        ) as answer:
            out = web.StreamResponse(status=answer.status, headers={"content-type": answer.headers["content-type"]})
            if "content-length" in answer.headers:
                out.content_length = int(answer.headers["content-length"])
            await out.prepare(request)
            async for chunk in answer.content.iter_any():
                await out.write(chunk)
            await out.write_eof()
            return out

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/{path:.*}", forward)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


# -- the load client ---------------------------------------------------------------------------------------------------


class Client:
    """One connection, one request at a time; knows when the first content came and how many events."""

    def __init__(self, port: int, path: str, body: bytes, auth: str) -> None:
        self.port = port
        head = (
            f"POST {path}/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {auth}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.request = head.encode() + body
        self.reader: asyncio.StreamReader | None = None

    async def once(self) -> tuple[float, float, int]:
        """(seconds to the first content, seconds in all, content events)."""
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        began = time.perf_counter()
        self.writer.write(self.request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            raise RuntimeError(f"{head!r} {(await self.reader.read(500))!r}")
        low = head.lower()
        first, events = 0.0, 0
        if b"chunked" not in low:
            await self.reader.readexactly(int(low.split(b"content-length:")[1].split(b"\r\n", 1)[0]))
            first = time.perf_counter() - began
        else:
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                chunk = await self.reader.readexactly(size + 2)
                found = chunk.count(b'"content":"x"')
                events += found
                if found and not first:
                    first = time.perf_counter() - began
            await self.reader.readexactly(2)
        return first, time.perf_counter() - began, events


async def load(target: dict[str, Any], size: int, *, stream: bool, at_once: int, total: int) -> dict[str, Any]:
    text = "the quick brown fox jumps over the lazy dog; "
    message = {"role": "user", "content": (text * (size // len(text) + 1))[:size]}
    body = json.dumps({"model": "m", "messages": [message], "stream": stream, "max_tokens": 100}).encode()
    clients = [Client(target["port"], target["path"], body, target.get("key", "none")) for _ in range(at_once)]
    firsts: list[float] = []
    wholes: list[float] = []
    events = 0
    left = total

    async def work(client: Client) -> None:
        nonlocal left, events
        while left > 0:
            left -= 1
            first, whole, seen = await client.once()
            firsts.append(first)
            wholes.append(whole)
            events += seen

    await asyncio.gather(*(client.once() for client in clients))  # connections are made before the clock runs
    began = time.perf_counter()
    await asyncio.gather(*(work(client) for client in clients))
    seconds = time.perf_counter() - began
    return {
        "p50": statistics.median(wholes),
        "first_p50": statistics.median(firsts),
        "rate": total / seconds,
        "events": events,
        "events_rate": events / seconds,
    }


def main(name: str, arguments: list[str]) -> None:
    if name == "upstream":
        asyncio.run(serve_upstream(int(arguments[0]), int(arguments[1]), float(arguments[2])))
    elif name == "bare":
        asyncio.run(serve_bare(int(arguments[0]), arguments[1]))
    else:
        target, size, options = json.loads(arguments[0])
        print(json.dumps(asyncio.run(load(target, size, **options))))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1], sys.argv[2:])
