"""The three dialects, as the built-in agent speaks them: a conversation in, one answer out, streamed."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx2
import openai

from ralphbench.agents.builtin_session import Call, Item, Session
from ralphbench.agents.builtin_tools import SCHEMAS


class ModelError(Exception):
    """The model did not answer. `kind`: `overflow`, `api`, `connection`, `stream`."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(slots=True)
class Answer:
    """`finish`: `stop`, `tool-calls`, `length`, or the server's own word; None: the stream ended without one."""

    text: str = ""
    reasoning: str = ""
    calls: list[Call] = field(default_factory=list)
    finish: str | None = None


class Model(Protocol):
    def ask(self, session: Session) -> Answer:
        """Raises ModelError."""


def open_model(dialect: str, base_url: str, key: str, model: str, output: int) -> Model:
    """Raises ValueError for a dialect that is not spoken."""
    kinds: dict[str, type[Chat] | type[Responses] | type[Messages]] = {
        "chat": Chat,
        "responses": Responses,
        "messages": Messages,
    }
    if dialect not in kinds:
        raise ValueError(f"builtin speaks {', '.join(kinds)}; the endpoint speaks {dialect!r}")
    return kinds[dialect](base_url, key, model, output)


class _OpenAI(ABC):
    def __init__(self, base_url: str, key: str, model: str, output: int) -> None:
        # retries and time-outs are the gateway's and the harness's, who record them
        self._client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=None)
        self._model = model
        self._output = output

    def ask(self, session: Session) -> Answer:
        try:
            return self._ask(session)
        except openai.APIStatusError as error:
            raise _status_error(error.status_code, error.code, error.message) from error
        except openai.APIConnectionError as error:
            raise ModelError("connection", str(error.__cause__ or error)) from error
        except openai.OpenAIError as error:
            raise ModelError("stream", str(error)) from error
        except httpx2.HTTPError as error:
            raise ModelError("connection", f"the stream broke off: {error}") from error

    @abstractmethod
    def _ask(self, session: Session) -> Answer: ...


class Chat(_OpenAI):
    """OpenAI chat completions."""

    def _ask(self, session: Session) -> Answer:
        messages: list[Any] = [{"role": "system", "content": session.system}, *map(_chat_item, session.items)]
        tools: list[Any] = [{"type": "function", "function": schema} for schema in SCHEMAS]
        stream = self._client.chat.completions.create(
            model=self._model,
            messages=messages,
            tools=tools,
            max_tokens=self._output,
            stream=True,
            stream_options={"include_usage": True},
        )
        answer = Answer()
        calls: dict[int, list[str]] = {}
        for chunk in stream:
            for choice in chunk.choices:
                delta = choice.delta
                answer.text += delta.content or ""
                extra = delta.model_extra or {}
                answer.reasoning += extra.get("reasoning_content") or extra.get("reasoning") or ""
                for part in delta.tool_calls or ():
                    call = calls.setdefault(part.index, ["", "", ""])
                    call[0] = part.id or call[0]
                    if part.function is not None:
                        call[1] += part.function.name or ""
                        call[2] += part.function.arguments or ""
                answer.finish = choice.finish_reason or answer.finish
        answer.calls = [Call(id_ or f"call_{index}", *rest) for index, (id_, *rest) in sorted(calls.items())]
        answer.finish = {"tool_calls": "tool-calls"}.get(answer.finish or "", answer.finish)
        return answer


def _chat_item(item: Item) -> dict[str, Any]:
    if item.role == "tool":
        return {"role": "tool", "tool_call_id": item.call_id, "content": item.text}
    if item.calls:
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in item.calls
        ]
        return {"role": "assistant", "content": item.text or None, "tool_calls": calls}
    return {"role": item.role, "content": item.text}


class Responses(_OpenAI):
    """OpenAI responses; the conversation is sent whole, the server keeps nothing."""

    def _ask(self, session: Session) -> Answer:
        given: list[Any] = [part for item in session.items for part in _response_items(item)]
        tools: list[Any] = [{"type": "function", "strict": False, **schema} for schema in SCHEMAS]
        stream = self._client.responses.create(
            model=self._model,
            instructions=session.system,
            input=given,
            tools=tools,
            max_output_tokens=self._output,
            store=False,
            stream=True,
        )
        answer = Answer()
        for event in stream:
            if event.type == "response.output_text.delta":
                answer.text += event.delta
            elif event.type in ("response.reasoning_text.delta", "response.reasoning_summary_text.delta"):
                answer.reasoning += event.delta
            elif event.type == "response.output_item.done" and event.item.type == "function_call":
                answer.calls.append(Call(event.item.call_id, event.item.name, event.item.arguments))
            elif event.type == "response.completed":
                answer.finish = "tool-calls" if answer.calls else "stop"
            elif event.type == "response.incomplete":
                details = event.response.incomplete_details
                reason = None if details is None else details.reason
                answer.finish = "length" if reason == "max_output_tokens" else reason
            elif event.type == "response.failed":
                error = event.response.error
                raise ModelError("stream", "the response failed" if error is None else error.message)
            elif event.type == "error":
                raise ModelError("stream", event.message)
        return answer


def _response_items(item: Item) -> Iterator[dict[str, Any]]:
    if item.role == "tool":
        yield {"type": "function_call_output", "call_id": item.call_id, "output": item.text}
        return
    if item.text:
        yield {"role": item.role, "content": item.text}
    for call in item.calls:
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}


class Messages:
    """Anthropic messages, over plain HTTP."""

    def __init__(self, base_url: str, key: str, model: str, output: int) -> None:
        self._url = f"{base_url}/messages"
        self._client = httpx2.Client(timeout=None, headers={"x-api-key": key, "anthropic-version": "2023-06-01"})
        self._model = model
        self._output = output

    def ask(self, session: Session) -> Answer:
        body = {
            "model": self._model,
            "max_tokens": self._output,
            "system": session.system,
            "messages": _merged(session.items),
            "tools": [
                {"name": s["name"], "description": s["description"], "input_schema": s["parameters"]} for s in SCHEMAS
            ],
            "stream": True,
        }
        try:
            with self._client.stream("POST", self._url, json=body) as response:
                if response.status_code != 200:
                    raise _refusal(response.status_code, response.read())
                return _message(_events(response))
        except httpx2.HTTPError as error:
            raise ModelError("connection", str(error)) from error


def _merged(items: list[Item]) -> list[dict[str, Any]]:
    """Blocks of one role after the other in one message, as this dialect wants the results of parallel calls."""
    messages: list[dict[str, Any]] = []
    for item in items:
        role = "assistant" if item.role == "assistant" else "user"
        if not messages or messages[-1]["role"] != role:
            messages.append({"role": role, "content": []})
        messages[-1]["content"] += _blocks(item)
    return messages


def _blocks(item: Item) -> list[dict[str, Any]]:
    if item.role == "tool":
        return [{"type": "tool_result", "tool_use_id": item.call_id, "content": item.text or "[no output]"}]
    text = [{"type": "text", "text": item.text}] if item.text.strip() else []
    return text + [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": _object(call.arguments)} for call in item.calls
    ]


def _object(text: str) -> dict[str, Any]:
    """This dialect takes only objects back, also where the model wrote none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {"invalid": text}
    return value if isinstance(value, dict) else {"invalid": text}


def _events(response: httpx2.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data:"):
            try:
                event = json.loads(line[5:])
            except ValueError as error:
                raise ModelError("stream", f"not JSON in the stream: {line[:200]}") from error
            if event.get("type") == "error":
                raise ModelError("stream", str(event.get("error", {}).get("message", event)))
            yield event


def _message(events: Iterator[dict[str, Any]]) -> Answer:
    answer = Answer()
    for event in events:
        kind = event.get("type")
        if kind == "content_block_start" and event["content_block"]["type"] == "tool_use":
            answer.calls.append(Call(event["content_block"]["id"], event["content_block"]["name"], ""))
        elif kind == "content_block_delta":
            delta = event["delta"]
            answer.text += delta.get("text", "")
            answer.reasoning += delta.get("thinking", "")
            if "partial_json" in delta:
                last = answer.calls[-1]
                answer.calls[-1] = Call(last.id, last.name, last.arguments + delta["partial_json"])
        elif kind == "message_delta":
            reason = event["delta"].get("stop_reason")
            words = {"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool-calls", "max_tokens": "length"}
            answer.finish = words.get(reason, reason)
    answer.calls = [Call(call.id, call.name, call.arguments or "{}") for call in answer.calls]
    return answer


def _refusal(status: int, body: bytes) -> ModelError:
    try:
        error = json.loads(body)["error"]
        return _status_error(status, error.get("code"), str(error.get("message", error)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _status_error(status, None, body[:500].decode(errors="replace"))


def _status_error(status: int, code: object, text: str) -> ModelError:
    """The gateway turns every server's overflow into one form."""
    overflow = code == "context_length_exceeded" or "maximum context length" in text or "prompt is too long" in text
    return ModelError("overflow" if overflow else "api", f"HTTP {status}: {text}")
