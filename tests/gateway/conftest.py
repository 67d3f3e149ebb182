"""Real upstreams on real sockets, and real gateway processes in front of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ralphbench.gateway import GatewayClient, StageGrant
from ralphbench.gateway.process import GatewayProcess
from ralphbench.model import (
    Call,
    EndpointSpec,
    GatewayAddress,
    Limits,
    ModelRef,
    Spent,
    Stage,
    StageModel,
)
from ralphbench.record import BodyStore, read_calls

MODEL = "model-one"


@dataclass
class Answer:
    """What an upstream sends to one request, byte for byte. `end`: `whole`, `cut` (no terminator), `reset`, `stall`."""

    pieces: Sequence[bytes] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    end: str = "whole"
    gap: float = 0.0
    delay: float = 0.0
    chunked: bool = True


@dataclass
class Seen:
    """A request as the upstream got it."""

    path: str
    headers: dict[str, str]
    body: bytes
    hung_up: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Upstream:
    """A server in a thread, which gives its answers in turn and the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer | Callable[[Seen], Answer]] = []
        self.seen: list[Seen] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def gives(self, *answers: Answer | Callable[[Seen], Answer]) -> None:
        self.answers = list(answers)

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                seen = await _request(reader)
                self.seen.append(seen)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if callable(answer):
                    answer = answer(seen)
                try:
                    if not await self._reply(answer, seen, reader, writer):
                        break
                except ConnectionError:
                    seen.hung_up = True
                    break
        writer.close()

    async def _reply(
        self, answer: Answer, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        await asyncio.sleep(answer.delay)
        if answer.status == 0:  # hang up without a word
            return False
        head = {"content-type": "text/event-stream" if answer.chunked else "application/json", **answer.headers}
        if answer.chunked:
            head["transfer-encoding"] = "chunked"
        else:
            head["content-length"] = str(sum(map(len, answer.pieces)))
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"HTTP/1.1 {answer.status} X\r\n{lines}\r\n".encode())
        for number, piece in enumerate(answer.pieces):
            if number and answer.gap:
                await asyncio.sleep(answer.gap)
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
            await writer.drain()
        if answer.end == "stall":
            # Until the other side hangs up.
            seen.hung_up = not await reader.read(1)
            return False
        if answer.end == "reset":
            await asyncio.sleep(0.05)  # a reset overtakes what was not read yet
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if answer.end == "whole" and answer.chunked:
            writer.write(b"0\r\n\r\n")
        return answer.end == "whole"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


async def _request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in head[1:] if ":" in line}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(head[0].split(" ")[1], headers, body)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()


# -- what healthy servers say, by dialect ------------------------------------------------------------------------------


def sse(data: Any, name: str | None = None) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


@dataclass(frozen=True)
class Tongue:
    """One dialect: how it asks, answers, ends and fails."""

    name: str
    path: str
    kind: str
    stream: Callable[..., list[bytes]]
    """(texts, model=, prompt=, output=, finish=) -> events"""
    whole: Callable[..., bytes]
    broken: Callable[[list[bytes]], list[bytes]]
    """The events of a stream without those that say how it ended."""
    error: Callable[[str], bytes]
    """An error as an event."""
    output_field: str

    def ask(self, text: str = "hello", *, stream: bool = True, **more: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": text}]
        turn = {"input": messages} if self.name == "responses" else {"messages": messages}
        limit = {"max_tokens": 1000} if self.name == "messages" else {}
        return {"model": "whatever", **turn, "stream": stream, **limit, **more}


def _chat_stream(
    *texts: str, model: str = MODEL, prompt: int = 10, output: int = 3, finish: str = "stop"
) -> list[bytes]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        return sse({"id": "c", "model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    usage = {"prompt_tokens": prompt, "completion_tokens": output, "prompt_tokens_details": {"cached_tokens": 4}}
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": text}) for text in texts),
        chunk({}, finish),
        sse({"id": "c", "model": model, "choices": [], "usage": usage}),
        sse("[DONE]"),
    ]


def _chat_whole(text: str, model: str = MODEL, prompt: int = 10, output: int = 3) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": output, "prompt_tokens_details": {"cached_tokens": 4}}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "c", "model": model, "choices": [choice], "usage": usage}).encode()


def _messages_stream(
    *texts: str, model: str = MODEL, prompt: int = 10, output: int = 3, finish: str = "end_turn"
) -> list[bytes]:
    usage = {
        "input_tokens": prompt - 4,
        "cache_read_input_tokens": 4,
        "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }
    message = {"id": "m", "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    return [
        sse({"type": "message_start", "message": message}, "message_start"),
        sse(block, "content_block_start"),
        sse({"type": "ping"}, "ping"),
        *(
            sse(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
                "content_block_delta",
            )
            for text in texts
        ),
        sse({"type": "content_block_stop", "index": 0}, "content_block_stop"),
        sse(
            {"type": "message_delta", "delta": {"stop_reason": finish}, "usage": {"output_tokens": output}},
            "message_delta",
        ),
        sse({"type": "message_stop"}, "message_stop"),
    ]


def _messages_whole(text: str, model: str = MODEL, prompt: int = 10, output: int = 3) -> bytes:
    usage = {"input_tokens": prompt - 4, "cache_read_input_tokens": 4, "output_tokens": output}
    content = [{"type": "text", "text": text}]
    return json.dumps(
        {
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": "end_turn",
            "usage": usage,
        }
    ).encode()


def _responses_stream(
    *texts: str, model: str = MODEL, prompt: int = 10, output: int = 3, finish: str = "completed"
) -> list[bytes]:
    numbers = itertools.count()

    def event(kind: str, **more: Any) -> bytes:
        return sse({"type": kind, "sequence_number": next(numbers), **more}, kind)

    usage = {"input_tokens": prompt, "output_tokens": output, "input_tokens_details": {"cached_tokens": 4}}
    return [
        event("response.created", response={"id": "r", "status": "in_progress", "model": model}),
        event("response.output_item.added", output_index=0, item={"type": "message", "content": []}),
        *(event("response.output_text.delta", output_index=0, delta=text) for text in texts),
        event(f"response.{finish}", response={"id": "r", "status": finish, "model": model, "usage": usage}),
    ]


def _responses_whole(text: str, model: str = MODEL, prompt: int = 10, output: int = 3) -> bytes:
    usage = {"input_tokens": prompt, "output_tokens": output, "input_tokens_details": {"cached_tokens": 4}}
    item = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    return json.dumps({"id": "r", "status": "completed", "model": model, "output": [item], "usage": usage}).encode()


CHAT = Tongue(
    "chat",
    "/chat/completions",
    "openai",
    _chat_stream,
    _chat_whole,
    lambda events: events[:-3],
    lambda text: sse({"error": {"message": text}}),
    "max_tokens",
)
MESSAGES = Tongue(
    "messages",
    "/messages",
    "anthropic",
    _messages_stream,
    _messages_whole,
    lambda events: events[:-2],
    lambda text: sse({"type": "error", "error": {"type": "api_error", "message": text}}, "error"),
    "max_tokens",
)
RESPONSES = Tongue(
    "responses",
    "/responses",
    "openai",
    _responses_stream,
    _responses_whole,
    lambda events: events[:-1],
    lambda text: sse({"type": "error", "message": text, "code": "x"}, "error"),
    "max_output_tokens",
)


@pytest.fixture(params=[CHAT, MESSAGES, RESPONSES], ids=lambda tongue: str(tongue.name))
def tongue(request: pytest.FixtureRequest) -> Tongue:
    found: Tongue = request.param
    return found


@pytest.fixture
def chat() -> Tongue:
    return CHAT


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


# -- the gateway -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One process for all tests that do not end it."""
    with GatewayProcess.start(tmp_path_factory.mktemp("gateway")) as process:
        yield process


@dataclass
class Reply:
    """What an agent got. `torn`: the connection ended before the answer did."""

    status: int
    headers: dict[str, str]
    body: bytes
    torn: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        found = []
        for block in self.body.decode().split("\n\n"):
            data = [line[5:].strip() for line in block.splitlines() if line.startswith("data:")]
            if data:
                found.append("[DONE]" if data == ["[DONE]"] else json.loads("\n".join(data)))
        return found


class StageUnderTest:
    """An open stage, an agent that asks through it, and its record."""

    def __init__(self, client: GatewayClient, grant: StageGrant, tongue: Tongue) -> None:
        self.client = client
        self.grant = grant
        self.tongue = tongue
        self.address: GatewayAddress = client.open_stage(grant)
        self.closed = False

    def ask(self, body: Any = None, *, headers: dict[str, str] | None = None, path: str | None = None) -> Reply:
        parts = urlsplit(self.address.url)
        assert parts.hostname is not None
        sent = body if isinstance(body, bytes) else json.dumps(self.tongue.ask() if body is None else body).encode()
        connection = HTTPConnection(parts.hostname, parts.port, timeout=30)
        try:
            where = parts.path + (self.tongue.path if path is None else path)
            connection.request("POST", where, sent, {"content-type": "application/json", **(headers or {})})
            response = connection.getresponse()
            torn = False
            try:
                data = response.read()
            except IncompleteRead as error:
                data, torn = error.partial, True
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, data, torn)
        except RemoteDisconnected:
            return Reply(0, {}, b"", True)
        finally:
            connection.close()

    def poll(self) -> Any:
        return self.client.poll(self.address.token)

    def close(self) -> Any:
        self.closed = True
        return self.client.close_stage(self.address.token)

    def calls(self) -> list[Call]:
        return read_calls(self.grant.folder)

    def call(self) -> Any:
        """The end of the last call, as recorded; the line is written when the agent's answer is over, or just after."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            calls = self.calls()
            if calls and calls[-1].ended is not None:
                return calls[-1].ended
            time.sleep(0.01)
        raise AssertionError("the call has no end")

    def body(self, reference: str | None) -> bytes:
        assert reference is not None
        store = BodyStore(self.grant.folder / "bodies")
        try:
            return store.read(reference)
        finally:
            store.close()


_attempts = itertools.count(1)


@pytest.fixture
def stage(
    gateway: GatewayProcess, upstream: Upstream, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., StageUnderTest]]:
    """Opens stages; keywords are fields of the grant, of its model or of its endpoint."""
    made: list[StageUnderTest] = []
    client = GatewayClient(gateway.control)

    def open_one(tongue: Tongue | None = None, **more: Any) -> StageUnderTest:
        if tongue is None:
            tongue = request.getfixturevalue("tongue") if "tongue" in request.fixturenames else CHAT
        number = next(_attempts)
        options = {"retry_base_seconds": 0.01, **more.pop("options", {})}
        if tongue.name == "responses" and more.get("kind", "openai") == "openai":
            options["dialect"] = "responses"
        endpoint: dict[str, Any] = {"base_url": upstream.url, "auth": "none", "local": True, "options": options}
        for key in ("base_url", "auth", "local", "api_key_env", "price", "script"):
            if key in more:
                endpoint[key] = more.pop(key)
        model: dict[str, Any] = {key: more.pop(key) for key in ("context", "output", "sampling") if key in more}
        name = more.pop("model", MODEL)
        fields: dict[str, Any] = {
            "attempt": f"test/{number}/a1",
            "folder": tmp_path / f"a{number}",
            "stage": Stage.BUILD,
            "stage_id": "1-build-1",
            "iteration": 1,
            "limits": Limits(),
            "spent": Spent(),
            "next_call": 1,
            "model": StageModel(ModelRef(f"up{number}", name), "builtin", **model),
            "endpoint": EndpointSpec(f"up{number}", more.pop("kind", tongue.kind), **endpoint),
        }
        made.append(StageUnderTest(more.pop("client", client), StageGrant(**{**fields, **more}), tongue))
        return made[-1]

    yield open_one
    for one in made:
        if not one.closed and one.client is client:
            one.close()
    client.close()
