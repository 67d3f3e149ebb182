"""A real client reads what the scripted server streams: the `openai` package, which checks shapes and puts pieces together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from ralphbench.endpoints.embedded import serve_in_thread
from ralphbench.endpoints.scripted import ScriptedServer

TURN = {
    "reasoning": "first think",
    "text": "I call a tool now.",
    "tools": [
        {"name": "bash", "arguments": {"command": "echo 'ü \"quoted\"'"}},
        {"name": "read", "arguments": {"filePath": "a.py", "limit": 3}},
    ],
}
SCRIPT: dict[str, Any] = {
    "models": [{"id": "m", "chunk": 1}, {"id": "broken"}],
    "rules": [
        {"when": {"model": "broken"}, "turns": [{"fault": {"name": "rate_limit", "retry_after": 0}}], "after": "last"},
        {"turns": [TURN, "Done with it."]},
    ],
}
ASKED: list[Any] = [{"role": "user", "content": "go"}]
TOOLS: list[Any] = [{"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}]


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    with (
        serve_in_thread(ScriptedServer(SCRIPT)) as url,
        openai.OpenAI(base_url=url, api_key="none", max_retries=0) as made,
    ):
        yield made


def test_chat_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="m", messages=ASKED, stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        whole = stream.get_final_completion()
    [choice] = whole.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == TURN["text"]
    calls = choice.message.tool_calls or []
    assert [(c.function.name, json.loads(c.function.arguments)) for c in calls] == [
        (tool["name"], tool["arguments"])
        for tool in TURN["tools"]  # type: ignore[index]
    ]
    assert whole.usage is not None
    assert whole.usage.completion_tokens > 0


def test_chat_goes_on_with_what_the_client_put_together(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(model="m", messages=ASKED, tools=TOOLS)
    message = first.choices[0].message
    results = [{"role": "tool", "tool_call_id": c.id, "content": "ok"} for c in message.tool_calls or []]
    talk: list[Any] = [*ASKED, message.to_dict(), *results]
    assert client.chat.completions.create(model="m", messages=talk).choices[0].message.content == "Done with it."


def test_responses_stream_and_go_on(client: openai.OpenAI) -> None:
    with client.responses.stream(model="m", input=ASKED) as stream:
        kinds = [event.type for event in stream]
        whole = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert whole.output_text == TURN["text"]
    calls = [item for item in whole.output if item.type == "function_call"]
    assert [json.loads(c.arguments) for c in calls] == [t["arguments"] for t in TURN["tools"]]  # type: ignore[index]
    talk: list[Any] = [*ASKED, *(item.to_dict() for item in whole.output)]
    talk += [{"type": "function_call_output", "call_id": c.call_id, "output": "ok"} for c in calls]
    assert client.responses.create(model="m", input=talk).output_text == "Done with it."


def test_an_error_is_the_clients_own_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError, match="Rate limit reached"):
        client.chat.completions.create(model="broken", messages=ASKED)
    with pytest.raises(openai.NotFoundError, match="Invalid model identifier"):
        client.chat.completions.create(model="none", messages=ASKED)


def test_models(client: openai.OpenAI) -> None:
    assert [m.id for m in client.models.list()] == ["m", "broken"]
