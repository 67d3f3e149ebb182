"""OpenAI responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ralphbench.gateway import sse
from ralphbench.gateway.dialects.base import Dialect, Problem, as_object, set_keys
from ralphbench.gateway.dialects.chat import error_body
from ralphbench.gateway.meter import Flow, Meter, count
from ralphbench.model import Sampling, codec


class _Event(msgspec.Struct):
    type: Any = None
    sequence_number: Any = None
    output_index: Any = None
    delta: Any = None
    item: Any = None
    response: Any = None
    error: Any = None
    message: Any = None
    timings: Any = None


_decode = msgspec.json.Decoder(_Event).decode
_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_CALLS = ("function_call", "custom_tool_call")


class ResponsesMeter(Meter):
    """`response.completed`, `.incomplete` or `.failed` ends a stream; each holds the whole answer once more."""

    def body(self, data: bytes) -> None:
        answer = codec.loads_any(data)
        if not isinstance(answer, dict):
            raise msgspec.ValidationError("expected an object")
        for place, item in enumerate(answer.get("output") or ()):
            self._item(place, item)
        self._answer(answer)

    def _event(self, name: bytes, data: bytes) -> Flow:
        try:
            event = _decode(data)
        except msgspec.DecodeError:
            if name == b"error":
                self._failed(data.decode(errors="replace"))
            return Flow.PASS
        if isinstance(event.sequence_number, int):
            self.sequence = event.sequence_number
        kind = event.type if isinstance(event.type, str) else ""
        if kind == "error" or name == b"error" or (not kind and event.error is not None):
            self._failed(event.error if event.error is not None else event.message or data.decode(errors="replace"))
        elif kind.endswith(".delta"):
            self._delta(kind, event)
        elif kind == "response.output_item.added" and isinstance(event.item, dict):
            if event.item.get("type") in _CALLS:
                self._argument(event.output_index, None)
        elif isinstance(event.response, dict) and (kind in _ENDS or kind == "response.created"):
            self._answer(event.response, ended=kind in _ENDS)
        self._server_timings(event.timings, None, None)
        return Flow.PASS

    def _delta(self, kind: str, event: _Event) -> None:
        if kind == "response.function_call_arguments.delta":
            self._argument(event.output_index, event.delta)
        else:
            self._content(event.delta)

    def _item(self, place: int, item: Any) -> None:
        if not isinstance(item, dict):
            return
        if item.get("type") in _CALLS:
            self._argument(place, item.get("arguments"))
        for part in [*(item.get("content") or ()), *(item.get("summary") or ())]:
            if isinstance(part, dict):
                self._content(part.get("text") or part.get("refusal"))

    def _answer(self, answer: dict[str, Any], *, ended: bool = True) -> None:
        model, status = answer.get("model"), answer.get("status")
        if isinstance(model, str) and model:
            self.served = model
        if ended:
            self.finish = _finish(answer, status)
        if answer.get("error") is not None or status == "failed":
            self._failed(answer.get("error") or "response.failed")
        if isinstance(answer.get("usage"), dict):
            self._usage(answer["usage"])
        self._server_timings(answer.get("timings"), answer.get("metrics"), answer.get("stats"))

    def _usage(self, usage: dict[str, Any]) -> None:
        counts = self.counts
        counts.input = count(usage.get("input_tokens"))
        counts.output = count(usage.get("output_tokens"))
        prompt, answer = usage.get("input_tokens_details"), usage.get("output_tokens_details")
        counts.cache_read = count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None
        counts.reasoning = count(answer.get("reasoning_tokens")) if isinstance(answer, dict) else None
        cost = usage.get("cost")
        if isinstance(cost, int | float) and not isinstance(cost, bool):
            self.cost_reported = float(cost)


def _finish(answer: dict[str, Any], status: Any) -> str | None:
    details = answer.get("incomplete_details")
    if isinstance(details, dict) and isinstance(details.get("reason"), str):
        return str(details["reason"])
    return status if isinstance(status, str) else None


def _sampling(sampling: Sampling, nested: Mapping[str, Any]) -> dict[str, Any]:
    keys = set_keys(sampling, ("temperature", "top_p", "top_k", "min_p", "seed"))
    if sampling.reasoning_effort is not None:
        keys["reasoning"] = {**as_object(nested.get("reasoning")), "effort": sampling.reasoning_effort}
    return keys


def _error_event(problem: Problem, sequence: int) -> bytes:
    error = {
        "type": "error",
        "code": problem.code,
        "message": problem.message,
        "param": None,
        "sequence_number": sequence + 1,
    }
    return sse.event(codec.dumps(error), "error")


RESPONSES = Dialect(
    name="responses",
    path="/responses",
    meter=ResponsesMeter,
    sampling=_sampling,
    output_fields=("max_output_tokens",),
    least_output=lambda _: 16,
    error_body=error_body,
    error_event=_error_event,
)
