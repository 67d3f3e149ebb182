"""OpenAI responses: numbered events, items that open, grow and close, the whole response again at the end."""

from __future__ import annotations

from typing import Any

from ralphbench.endpoints.answers import Answer, Used, pieces, tokens
from ralphbench.model import codec

_HEAD = 2


class ResponsesWire:
    """`response.created`, items (reasoning, message, function calls), `response.completed` or `.incomplete`."""

    def head(self, answer: Answer) -> list[bytes]:
        response = _response(answer, "in_progress", [])
        return [
            _event(0, "response.created", response=response),
            _event(1, "response.in_progress", response=response),
        ]

    def body(self, answer: Answer) -> list[tuple[bytes, int]]:
        events: list[tuple[str, dict[str, Any], int]] = []
        for index, item in enumerate(_items(answer)):
            events += _item_events(index, item, answer.chunk)
        return [(_event(_HEAD + n, kind, **data), count) for n, (kind, data, count) in enumerate(events)]

    def tail(self, answer: Answer, sent: int) -> list[bytes]:
        if answer.finish is None:
            return []
        status = _status(answer)
        return [_event(sent, f"response.{status}", response=_response(answer, status, _items(answer)))]

    def whole(self, answer: Answer) -> bytes:
        return codec.dumps(_response(answer, _status(answer), _items(answer)))

    def error(self, message: str, kind: str) -> bytes:
        return _event(_HEAD, "error", code=kind, message=message, param=None)


def _event(number: int, kind: str, **data: Any) -> bytes:
    body = {"type": kind, "sequence_number": number, **data}
    return f"event: {kind}\ndata: ".encode() + codec.dumps(body) + b"\n\n"


def _status(answer: Answer) -> str:
    if answer.finish is None:
        return "in_progress"
    return "incomplete" if answer.finish in ("length", "content_filter") else "completed"


def _items(answer: Answer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if answer.reasoning:
        summary = [{"type": "summary_text", "text": answer.reasoning}]
        items.append({"id": f"rs_{answer.seed}", "type": "reasoning", "summary": summary})
    if answer.text:
        content = [{"type": "output_text", "text": answer.text, "annotations": []}]
        message = {"id": f"msg_{answer.seed}", "type": "message", "status": "completed", "role": "assistant"}
        items.append({**message, "content": content})
    for call in answer.tools:
        ids = {"id": f"fc_{answer.seed}_{call.number}", "call_id": f"call_{answer.seed}_{call.number}"}
        function = {"name": call.name, "arguments": call.arguments}
        items.append({**ids, "type": "function_call", "status": "completed", **function})
    return items


def _item_events(index: int, item: dict[str, Any], chunk: int) -> list[tuple[str, dict[str, Any], int]]:
    """One item from its opening to its end: (kind, data, tokens)."""
    at = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        opened = {**item, "arguments": "", "status": "in_progress"}
        prefix, whole, text, count = "response.function_call_arguments", "arguments", item["arguments"], item["name"]
        inner: list[tuple[str, dict[str, Any], int]] = []
        close: list[tuple[str, dict[str, Any], int]] = []
    else:
        reasoning = item["type"] == "reasoning"
        part = (item["summary"] if reasoning else item["content"])[0]
        opened = {**item, "summary": []} if reasoning else {**item, "content": [], "status": "in_progress"}
        family = "response.reasoning_summary_part" if reasoning else "response.content_part"
        prefix = "response.reasoning_summary_text" if reasoning else "response.output_text"
        whole, text, count = "text", part["text"], ""
        at["summary_index" if reasoning else "content_index"] = 0
        inner = [(f"{family}.added", {**at, "part": {**part, "text": ""}}, 0)]
        close = [(f"{family}.done", {**at, "part": part}, 0)]
    events = [("response.output_item.added", {"output_index": index, "item": opened}, tokens(count)), *inner]
    events += [(f"{prefix}.delta", {**at, "delta": piece}, tokens(piece)) for piece in pieces(text, chunk)]
    events += [(f"{prefix}.done", {**at, whole: text}, 0), *close]
    return [*events, ("response.output_item.done", {"output_index": index, "item": item}, 0)]


def _response(answer: Answer, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    ended = status in ("completed", "incomplete")
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(answer.finish or "")
    return {
        "id": f"resp_{answer.seed}",
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "model": answer.model,
        "output": output,
        "usage": _usage(answer.used) if ended and answer.used is not None else None,
    }


def _usage(used: Used) -> dict[str, Any]:
    usage: dict[str, Any] = {"input_tokens": used.input, "output_tokens": used.output}
    usage["total_tokens"] = used.input + used.output
    if used.cache_read is not None:
        usage["input_tokens_details"] = {"cached_tokens": used.cache_read}
    if used.reasoning is not None:
        usage["output_tokens_details"] = {"reasoning_tokens": used.reasoning}
    return usage
