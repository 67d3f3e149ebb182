"""Every fault by name: what a client really sees of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, get_args

import aiohttp
import pytest
from support.planned_loop import PlannedLoop

from ralphbench.endpoints import classify, error_text, overflow_sizes
from ralphbench.endpoints.scripted import ScriptedServer
from ralphbench.endpoints.scripts import FaultName, OverflowStyle

PATHS = {"chat": "/chat/completions", "responses": "/responses", "messages": "/messages"}
TURN = {"text": "a somewhat longer answer, in more than one piece of it, so that it can break"}


def faulty(fault: Any, *, model: dict[str, Any] | None = None, after: str = "last") -> dict[str, Any]:
    return {"models": [{"id": "m", **(model or {})}], "rules": [{"turns": [{**TURN, "fault": fault}], "after": after}]}


def asking(dialect: str, *, stream: bool = True, text: str = "hi") -> dict[str, Any]:
    told = [{"role": "user", "content": text}]
    made = {"model": "m", "stream": stream, "input" if dialect == "responses" else "messages": told}
    return {**made, "max_tokens": 99} if dialect == "messages" else made


Use = Callable[[aiohttp.ClientSession, ScriptedServer], Awaitable[Any]]


def serving(script: dict[str, Any], use: Use) -> Any:
    async def run() -> Any:
        async with ScriptedServer(script) as server, aiohttp.ClientSession() as session:
            return await use(session, server)

    with asyncio.Runner(loop_factory=PlannedLoop) as runner:
        return runner.run(run())


def get(
    script: dict[str, Any], dialect: str = "chat", *, times: int = 1, stream: bool = True, text: str = "hi"
) -> list[Any]:
    """(status, headers, body) of the same request so many times."""

    async def use(session: aiohttp.ClientSession, server: ScriptedServer) -> list[Any]:
        got = []
        for _ in range(times):
            url = f"{server.base_url}{PATHS[dialect]}"
            async with session.post(url, json=asking(dialect, stream=stream, text=text)) as response:
                got.append((response.status, response.headers, await response.text()))
        return got

    return list(serving(script, use))


PLAIN = [
    ("overflow_400", 400, "overflow"),
    ("rate_limit", 429, "rate_limited"),
    ("quota", 429, "quota"),
    ("auth", 401, "auth"),
    ("server_error", 500, "provider_error"),
    ("overloaded", 503, "provider_error"),
    ("loading", 503, "model_load"),
    ("load_failed", 500, "model_load"),
    ("out_of_memory", 400, "out_of_memory"),
    ("model_missing", 404, "model_missing"),
    ("nothing_loaded", 404, "nothing_loaded"),
    ("crash", 400, "crashed"),
]


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize(("name", "status", "kind"), PLAIN)
def test_a_fault_before_the_stream_is_an_error_that_is_understood(
    dialect: str, name: str, status: int, kind: str
) -> None:
    [(got, _, text)] = get(faulty(name), dialect)
    assert got == (529 if (name, dialect) == ("overloaded", "messages") else status)
    assert classify(got, error_text(text)) == kind


@pytest.mark.parametrize("style", get_args(OverflowStyle))
def test_an_overflow_is_told_in_each_servers_words(style: str) -> None:
    script = faulty({"name": "overflow_400", "style": style}, model={"context": 5000})
    [(status, _, text)] = get(script, text="x" * 40_000)
    said = error_text(text)
    assert status == 400
    assert classify(status, said) == "overflow"
    # Two of them do not say how much is too much.
    assert overflow_sizes(said) == ((None, None) if style in ("mlx", "ollama") else (len_in_tokens(40_000), 5000))


def len_in_tokens(count: int) -> int:
    body = json.dumps(asking("chat", text="x" * count))
    return -(-len(body) // 4)


def test_the_window_of_a_model_overflows_by_itself_in_the_way_that_it_says() -> None:
    for overflow, style in (("400", "lmstudio"), ("in_stream", "lmstudio_n_keep"), ("empty", "mlx")):
        model = {"id": "m", "context": 1000, "overflow": overflow, "style": style}
        script = {"models": [model], "rules": [{"turns": ["hello"], "after": "last"}]}
        [(small, _, answer)] = get(script)
        assert small == 200
        assert "hello" in answer
        [(status, _, text)] = get(script, text="x" * 9000)
        assert "hello" not in text
        if overflow == "400":
            assert (status, classify(status, error_text(text))) == (400, "overflow")
        elif overflow == "in_stream":
            assert status == 200
            error = json.loads(text.removeprefix("data: "))
            assert classify(None, error_text(json.dumps(error))) == "overflow"
        else:
            assert (status, text) == (200, "data: [DONE]\n\n")


def test_an_answer_that_reaches_the_windows_end_is_cut() -> None:
    script = {"models": [{"id": "m", "context": 50}], "rules": [{"turns": ["q" * 2000]}]}
    [(_, _, text)] = get(script, stream=False)
    answer = json.loads(text)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["total_tokens"] == 50


@pytest.mark.parametrize("dialect", PATHS)
def test_an_overflow_in_mid_stream_is_an_event_after_a_200(dialect: str) -> None:
    [(status, _, text)] = get(faulty("overflow_in_stream"), dialect)
    assert status == 200
    assert "exceeds the available context size" in text
    assert not any(word in text for word in ('finish_reason":"stop', "message_stop", "response.completed", "[DONE]"))


@pytest.mark.parametrize("dialect", PATHS)
def test_an_empty_overflow_has_no_content_and_no_finish(dialect: str) -> None:
    [(status, _, text)] = get(faulty("overflow_empty"), dialect)
    assert status == 200
    assert not any(
        word in text for word in ("longer answer", '"finish_reason":"stop"', "end_turn", "response.completed")
    )


@pytest.mark.parametrize("fault", ["rate_limit", "server_error", "loading", "crash"])
def test_times_counts_and_then_the_turn_is_answered(fault: str) -> None:
    got = get(faulty({"name": fault, "times": 2}), times=4)
    assert [status == 200 for status, _, _ in got] == [False, False, True, True]


def test_times_counts_for_each_stage_prompt_apart() -> None:
    script = faulty({"name": "rate_limit", "times": 1})

    async def use(session: aiohttp.ClientSession, server: ScriptedServer) -> list[int]:
        got = []
        for n in (1, 1, 2, 2):
            asked = asking("chat", text=f"<!-- ralphbench stage=build iteration={n} -->")
            async with session.post(f"{server.base_url}/chat/completions", json=asked) as response:
                got.append(response.status)
        return got

    assert serving(script, use) == [429, 200, 429, 200]


def test_loading_ends_by_itself() -> None:
    assert [status for status, _, _ in get(faulty("loading"), times=4)] == [503, 503, 200, 200]


def test_retry_after_status_and_message_are_as_the_script_says() -> None:
    fault = {"name": "rate_limit", "retry_after": 3600, "message": "slow down"}
    [(status, headers, text)] = get(faulty(fault))
    assert (status, headers["Retry-After"], error_text(text).partition(" (")[0]) == (429, "3600", "slow down")
    [(status, _, text)] = get(faulty({"name": "http", "status": 418, "message": "a teapot"}))
    assert (status, error_text(text).partition(" (")[0]) == (418, "a teapot")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", PATHS)
def test_a_reset_breaks_the_connection(dialect: str, stream: bool) -> None:
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        get(faulty("reset"), dialect, stream=stream)


def test_a_reset_in_mid_stream_lets_the_first_events_through() -> None:
    async def use(session: aiohttp.ClientSession, server: ScriptedServer) -> bytes:
        got = b""
        async with session.post(f"{server.base_url}/chat/completions", json=asking("chat")) as response:
            try:
                async for line in response.content:
                    got += line
            except aiohttp.ClientError:
                return got
        raise AssertionError("the stream ended as if it were whole")

    # Slow enough that the events are on their way before the reset throws away what is not.
    got = serving(faulty({"name": "reset", "at": 3}, model={"speed": 50}), use)
    assert 1 <= got.count(b'"content"') <= 4
    assert b"[DONE]" not in got


def test_a_stall_is_silent_and_ends_with_the_client() -> None:
    async def use(session: aiohttp.ClientSession, server: ScriptedServer) -> tuple[bytes, bool]:
        got = bytearray()

        async def read() -> None:
            async with session.post(f"{server.base_url}/chat/completions", json=asking("chat")) as response:
                async for line in response.content:
                    got.extend(line)

        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(read(), 3000)
        for _ in range(1000):
            if server.served[-1].cancelled:
                break
            await asyncio.sleep(0.02)
        return bytes(got), server.served[-1].cancelled

    got, cancelled = serving(faulty({"name": "stall", "at": 1}), use)
    assert b'"content":"a somewhat' in got
    assert b"break" not in got
    assert cancelled


def test_a_stall_goes_on_where_the_script_says_so() -> None:
    [(status, _, text)] = get(faulty({"name": "stall", "seconds": 0.1}))
    assert status == 200
    assert text.endswith("[DONE]\n\n")


@pytest.mark.parametrize("end", ["done", "eof"])
def test_no_finish_ends_cleanly_without_a_finish_reason(end: str) -> None:
    [(status, _, text)] = get(faulty({"name": "no_finish", "end": end}))
    assert status == 200
    chunks = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"]) == TURN["text"]
    assert '"finish_reason":"' not in text
    assert text.endswith("data: [DONE]\n\n") is (end == "done")
    for dialect, word in (("messages", "message_delta"), ("responses", "response.completed")):
        [(_, _, text)] = get(faulty({"name": "no_finish", "end": end}), dialect)
        assert word not in text.replace("content_block", "")


def test_malformed_arguments_are_no_json() -> None:
    turn = {"tools": [{"name": "bash", "arguments": {"command": "ls"}}], "fault": "malformed_arguments"}
    script = {"models": ["m"], "rules": [{"turns": [turn]}]}
    [(_, _, text)] = get(script, stream=False)
    call = json.loads(text)["choices"][0]["message"]["tool_calls"][0]["function"]
    with pytest.raises(ValueError, match="Unterminated string"):
        json.loads(call["arguments"])


@pytest.mark.parametrize("dialect", PATHS)
def test_another_model_answers(dialect: str) -> None:
    [(_, _, text)] = get(faulty({"name": "wrong_model", "model": "qwen"}), dialect)
    assert '"model":"qwen"' in text
    assert '"model":"m"' not in text


def test_truncated_usage_counts_far_fewer_than_were_sent() -> None:
    [(_, _, text)] = get(faulty("truncated_usage"), stream=False, text="x" * 40_000)
    assert json.loads(text)["usage"]["prompt_tokens"] == len_in_tokens(40_000) // 5


@pytest.mark.parametrize("dialect", PATHS)
def test_an_empty_answer_finishes(dialect: str) -> None:
    [(_, _, text)] = get(faulty("empty_answer"), dialect)
    assert "longer answer" not in text
    assert any(word in text for word in ('"finish_reason":"stop"', "end_turn", "response.completed"))


@pytest.mark.parametrize(
    ("dialect", "word"), [("chat", '"length"'), ("messages", '"max_tokens"'), ("responses", "incomplete")]
)
def test_length_is_said_in_each_dialect(dialect: str, word: str) -> None:
    [(_, _, text)] = get(faulty("length"), dialect)
    assert word in text


def test_a_crash_in_mid_stream() -> None:
    [(status, _, text)] = get(faulty({"name": "crash", "at": 1}))
    assert status == 200
    assert "a somewhat" in text
    assert "model has crashed" in text


def test_no_fault_was_forgotten_here() -> None:
    tried = {name for name, _, _ in PLAIN} | {
        "overflow_in_stream",
        "overflow_empty",
        "http",
        "reset",
        "stall",
        "no_finish",
        "malformed_arguments",
        "wrong_model",
        "truncated_usage",
        "empty_answer",
        "length",
    }
    assert tried == set(get_args(FaultName))


def test_the_chosen_speed_is_kept() -> None:
    model = {"speed": 100, "first_token": 0.2, "chunk": 1}
    script = {"models": [{"id": "m", **model}], "rules": [{"turns": ["x" * 160]}]}  # 40 tokens: 0.4 s

    async def use(session: aiohttp.ClientSession, server: ScriptedServer) -> list[float]:
        time = asyncio.get_running_loop().time
        start, stamps = time(), []
        async with session.post(f"{server.base_url}/chat/completions", json=asking("chat")) as response:
            async for line in response.content:
                if b'"content":"x' in line:
                    stamps.append(time() - start)
        return stamps

    stamps = serving(script, use)
    assert stamps == pytest.approx([0.2 + 0.01 * number for number in range(40)])


def test_a_model_loads_once_a_process_and_all_wait_for_it() -> None:
    script = {"models": [{"id": "m", "load": 0.4}], "rules": [{"turns": ["x"]}]}

    async def use(session: aiohttp.ClientSession, server: ScriptedServer) -> list[float]:
        time = asyncio.get_running_loop().time

        async def one() -> float:
            start = time()
            async with session.post(f"{server.base_url}/chat/completions", json=asking("chat")) as response:
                await response.read()
            return time() - start

        return [*await asyncio.gather(one(), one()), await one()]

    assert serving(script, use) == pytest.approx([0.4, 0.4, 0.0])


def test_what_was_asked_is_kept_for_those_who_test() -> None:
    async def use(session: aiohttp.ClientSession, server: ScriptedServer) -> Any:
        async with session.post(f"{server.base_url}/chat/completions", json=asking("chat"), headers={"X-A": "b"}) as r:
            await r.read()
        return server.served[-1]

    served = serving({"models": ["m"], "rules": [{"name": "only", "turns": ["x"]}]}, use)
    assert (served.path, served.rule, served.turn, served.fault, served.status) == (
        "/v1/chat/completions",
        "only",
        0,
        None,
        200,
    )
    assert served.headers["x-a"] == "b"
    assert served.json()["messages"] == [{"role": "user", "content": "hi"}]
