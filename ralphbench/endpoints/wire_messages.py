"""Anthropic messages: the input's usage at the start, blocks one after the other, the output's usage at the end."""

from __future__ import annotations

from typing import Any

from ralphbench.endpoints.answers import Answer, Called, Used, pieces, tokens
from ralphbench.model import codec

_FINISH = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}


class MessagesWire:
    """`message_start`, blocks (thinking, text, tool use), `message_delta`, `message_stop`."""

    def head(self, answer: Answer) -> list[bytes]:
        message = {**_message(answer, []), "stop_reason": None, "usage": _usage(answer.used, output=1)}
        return [_event("message_start", message=message), _event("ping")]

    def body(self, answer: Answer) -> list[tuple[bytes, int]]:
        events: list[tuple[bytes, int]] = []
        if answer.reasoning:
            block = {"type": "thinking", "thinking": "", "signature": ""}
            deltas: list[dict[str, str]] = [
                {"type": "thinking_delta", "thinking": p} for p in pieces(answer.reasoning, answer.chunk)
            ]
            signed = {"type": "signature_delta", "signature": answer.seed}
            events += _block(0, block, [*deltas, signed])
        if answer.text:
            deltas = [{"type": "text_delta", "text": p} for p in pieces(answer.text, answer.chunk)]
            events += _block(int(bool(answer.reasoning)), {"type": "text", "text": ""}, deltas)
        before = bool(answer.reasoning) + bool(answer.text)
        for call in answer.tools:
            opened: dict[str, Any] = {**_call(answer, call), "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": p} for p in pieces(call.arguments, answer.chunk)]
            events += _block(before + call.number, opened, deltas)
        return events

    def tail(self, answer: Answer, sent: int) -> list[bytes]:
        if answer.finish is None:
            return [_event("message_stop")] if answer.end == "done" else []
        delta = {"stop_reason": _FINISH[answer.finish], "stop_sequence": None}
        usage = {} if answer.used is None else {"output_tokens": answer.used.output}
        return [_event("message_delta", delta=delta, usage=usage), _event("message_stop")]

    def whole(self, answer: Answer) -> bytes:
        blocks: list[dict[str, Any]] = []
        if answer.reasoning:
            blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": answer.seed})
        if answer.text:
            blocks.append({"type": "text", "text": answer.text})
        blocks += [{**_call(answer, call), "input": _parsed(call.arguments)} for call in answer.tools]
        body = _message(answer, blocks)
        body["stop_reason"] = None if answer.finish is None else _FINISH[answer.finish]
        body["usage"] = _usage(answer.used, output=None if answer.used is None else answer.used.output)
        return codec.dumps(body)

    def error(self, message: str, kind: str) -> bytes:
        return _event("error", error={"type": kind, "message": message})


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + codec.dumps({"type": kind, **data}) + b"\n\n"


def _block(index: int, block: dict[str, Any], deltas: list[dict[str, str]]) -> list[tuple[bytes, int]]:
    events = [(_event("content_block_start", index=index, content_block=block), 0)]
    for delta in deltas:
        said = next(value for key, value in delta.items() if key != "type")
        count = 0 if delta["type"] == "signature_delta" else tokens(said)
        events.append((_event("content_block_delta", index=index, delta=delta), count))
    return [*events, (_event("content_block_stop", index=index), 0)]


def _message(answer: Answer, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.seed}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_sequence": None,
    }


def _call(answer: Answer, call: Called) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{answer.seed}_{call.number}", "name": call.name}


def _parsed(arguments: str) -> Any:
    """The arguments as a value; a text where they are not JSON, which no client takes for an object."""
    try:
        return codec.loads_any(arguments)
    except ValueError:
        return arguments


def _usage(used: Used | None, *, output: int | None) -> dict[str, Any]:
    """`input_tokens` leaves out what the cache served or took, as Anthropic counts."""
    if used is None:
        return {}
    cached = (used.cache_read or 0) + (used.cache_write or 0)
    usage: dict[str, Any] = {"input_tokens": used.input - cached}
    if used.cache_read is not None:
        usage["cache_read_input_tokens"] = used.cache_read
    if used.cache_write is not None:
        usage["cache_creation_input_tokens"] = used.cache_write
    return {**usage, "output_tokens": output}
