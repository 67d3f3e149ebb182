"""OpenAI chat completions, as OpenAI, LM Studio and llama.cpp stream them."""

from __future__ import annotations

from typing import Any

from ralphbench.endpoints.answers import Answer, Called, Timings, Used, pieces, tokens
from ralphbench.model import codec

DONE = b"data: [DONE]\n\n"


class ChatWire:
    """First the role, then text or calls in pieces (index, id and name first), the finish reason, the usage, `[DONE]`."""

    def head(self, answer: Answer) -> list[bytes]:
        return [_chunk(answer, [_choice({"role": "assistant", "content": ""}, None)])]

    def body(self, answer: Answer) -> list[tuple[bytes, int]]:
        events: list[tuple[bytes, int]] = []
        for field, text in ((answer.reasoning_field, answer.reasoning), ("content", answer.text)):
            for piece in pieces(text, answer.chunk):
                events.append((_chunk(answer, [_choice({field: piece}, None)]), tokens(piece)))
        for call in answer.tools:
            opening = {"index": call.number, **_call(answer, call, "")}
            events.append((_chunk(answer, [_choice({"tool_calls": [opening]}, None)]), tokens(call.name)))
            for piece in pieces(call.arguments, answer.chunk):
                more = {"index": call.number, "function": {"arguments": piece}}
                events.append((_chunk(answer, [_choice({"tool_calls": [more]}, None)]), tokens(piece)))
        return events

    def tail(self, answer: Answer, sent: int) -> list[bytes]:
        events = []
        extra = {} if answer.timings is None else {"timings": _timings(answer.timings)}
        usage = answer.include_usage and answer.used is not None
        if answer.finish is not None:
            events.append(_chunk(answer, [_choice({}, answer.finish)], **({} if usage else extra)))
        if usage:
            assert answer.used is not None
            events.append(_chunk(answer, [], usage=_usage(answer.used), **extra))
        if answer.finish is not None or answer.end == "done":
            events.append(DONE)
        return events

    def whole(self, answer: Answer) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
        if not answer.tools:
            message["content"] = answer.text
        if answer.reasoning:
            message[answer.reasoning_field] = answer.reasoning
        if answer.tools:
            message["tool_calls"] = [_call(answer, call, call.arguments) for call in answer.tools]
        body: dict[str, Any] = {
            "id": f"chatcmpl-{answer.seed}",
            "object": "chat.completion",
            "created": answer.created,
            "model": answer.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}],
        }
        if answer.used is not None:
            body["usage"] = _usage(answer.used)
        if answer.timings is not None:
            body["timings"] = _timings(answer.timings)
        return codec.dumps(body)

    def error(self, message: str, kind: str) -> bytes:
        return b"data: " + codec.dumps({"error": {"message": message, "type": kind}}) + b"\n\n"


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _chunk(answer: Answer, choices: list[dict[str, Any]], **more: Any) -> bytes:
    body = {
        "id": f"chatcmpl-{answer.seed}",
        "object": "chat.completion.chunk",
        "created": answer.created,
        "model": answer.model,
        "choices": choices,
        **more,
    }
    return b"data: " + codec.dumps(body) + b"\n\n"


def _call(answer: Answer, call: Called, arguments: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": arguments}
    return {"id": f"call_{answer.seed}_{call.number}", "type": "function", "function": function}


def _usage(used: Used) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.input + used.output,
    }
    cached = {"cached_tokens": used.cache_read, "cache_write_tokens": used.cache_write}
    if details := {key: value for key, value in cached.items() if value is not None}:
        usage["prompt_tokens_details"] = details
    if used.reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": used.reasoning}
    if used.cost is not None:
        usage["cost"] = used.cost
    return usage


def _timings(timings: Timings) -> dict[str, Any]:
    def rate(count: int, ms: float) -> float | None:
        return round(1000 * count / ms, 3) if ms else None

    return {
        "cache_n": timings.cached,
        "prompt_n": timings.prompt,
        "prompt_ms": timings.prompt_ms,
        "prompt_per_second": rate(timings.prompt, timings.prompt_ms),
        "predicted_n": timings.predicted,
        "predicted_ms": timings.predicted_ms,
        "predicted_per_second": rate(timings.predicted, timings.predicted_ms),
    }
