"""A recorded attempt, written by hand, and a client that asks for it as the gateway does."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from ralphbench.endpoints.replay import ReplayServer
from ralphbench.model import CallEnded, CallStarted, EventKind, Usage
from ralphbench.record import AttemptFolder, BodyStore, CallLog, EventLog

STREAM = (
    b'data: {"choices":[{"delta":{"content":"%s"},"index":0}],"model":"m"}\n\n'
    b'data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"model":"m"}\n\ndata: [DONE]\n\n'
)


def asking(text: str, *, stream: bool = True) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream}


class Recording:
    """An attempt's record, written call by call as the gateway does it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = AttemptFolder(folder).create()
        self.log, self.bodies, self.count = CallLog(paths), BodyStore(paths.bodies), 0
        self.events = EventLog(paths)

    def add(
        self,
        asked: dict[str, Any],
        answer: bytes | None,
        *,
        stage: str = "1-build-1",
        parent: str | None = None,
        ordinal: int = 0,
        **ended: Any,
    ) -> str:
        name = f"c{self.count}"
        self.count += 1
        thread = f"{stage}/{parent}"
        request = self.bodies.add(name, "request", json.dumps(asked).encode(), thread=thread)
        self.log.started(
            CallStarted(
                id=name,
                attempt="e/t/p/r1/a1",
                stage=stage.split("-")[1],
                stage_id=stage,
                iteration=1,
                t=1.0,
                dialect="chat",
                endpoint="e",
                requested="m",
                wire="m",
                local=True,
                stream=bool(asked.get("stream")),
                estimate=10,
                parent_session=parent,
                ordinal=ordinal,
                request=request,
            )
        )
        response = None if answer is None else self.bodies.add(name, "response", answer, thread=thread)
        told = {"status": 200, "usage": Usage(), "response": response, **ended}
        self.log.ended(CallEnded(id=name, t=2.0, **told))
        return name

    def began(self, stage: str) -> None:
        self.events.append(EventKind.STAGE_STARTED, stage=stage.split("-")[1], stage_id=stage)

    def ended(self, stage: str, ending: str) -> None:
        self.events.append(EventKind.STAGE_ENDED, stage=stage.split("-")[1], stage_id=stage, ending=ending)

    def close(self) -> Path:
        self.events.close()
        self.log.close()
        self.bodies.close()
        return self.folder


def headers(stage: str = "1-build-1", ordinal: int | None = 0, parent: str | None = None) -> dict[str, str]:
    told = {"x-ralphbench-stage": stage.split("-")[1], "x-ralphbench-stage-id": stage}
    told |= {} if ordinal is None else {"x-ralphbench-ordinal": str(ordinal)}
    return told | ({} if parent is None else {"x-ralphbench-parent-session": parent})


def replayed(server: ReplayServer, *requests: tuple[dict[str, Any], dict[str, str]]) -> list[tuple[int, str, bytes]]:
    async def run() -> list[tuple[int, str, bytes]]:
        got = []
        async with server, aiohttp.ClientSession() as session:
            for asked, told in requests:
                url = f"{server.base_url}/chat/completions"
                async with session.post(url, json=asked, headers=told) as response:
                    got.append((response.status, response.content_type, await response.read()))
        return got

    return asyncio.run(run())


@contextlib.asynccontextmanager
async def posting(
    server: ReplayServer, asked: dict[str, Any], told: dict[str, str]
) -> AsyncIterator[aiohttp.ClientResponse]:
    url = f"{server.base_url}/chat/completions"
    async with aiohttp.ClientSession() as session, session.post(url, json=asked, headers=told) as response:
        yield response


async def read_until(response: aiohttp.ClientResponse, end: bytes) -> bytes:
    got = b""
    while not got.endswith(end):
        chunk = await response.content.readany()
        assert chunk, f"it ended after {got!r}"
        got += chunk
    return got


async def hung_up_on(server: ReplayServer) -> None:
    """Returns once the server has noticed that its client is gone."""
    while not server.served[-1].cancelled:
        await asyncio.sleep(0.01)
