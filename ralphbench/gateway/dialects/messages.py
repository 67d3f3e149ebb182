"""Anthropic messages, as Anthropic speaks it, and LM Studio, Ollama and llama.cpp beside their own dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ralphbench.gateway import sse
from ralphbench.gateway.dialects.base import Body, Dialect, Problem, as_object, set_keys
from ralphbench.gateway.meter import Flow, Meter, count
from ralphbench.model import Sampling, codec


class _Block(msgspec.Struct):
    type: Any = None
    text: Any = None
    thinking: Any = None
    partial_json: Any = None
    input: Any = None


class _Delta(_Block):
    stop_reason: Any = None


class _Message(msgspec.Struct):
    model: Any = None
    usage: Any = None
    stop_reason: Any = None


class _Event(msgspec.Struct):
    type: Any = None
    message: Any = None
    index: Any = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: Any = None
    error: Any = None
    timings: Any = None


class _Body(msgspec.Struct):
    model: Any = None
    content: list[_Block] | None = None
    stop_reason: Any = None
    usage: Any = None
    error: Any = None
    timings: Any = None


_decode = msgspec.json.Decoder(_Event).decode
_decode_body = msgspec.json.Decoder(_Body).decode


class MessagesMeter(Meter):
    """An answer is whole with a stop reason (in `message_delta`) and, in a stream, `message_stop`.

    `input_tokens` leaves out what came from the cache or went into it; ours holds all of the prompt.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stopped = False
        self._fresh: int | None = None

    def complete(self) -> bool:
        return self.finish is not None and self._stopped

    def body(self, data: bytes) -> None:
        body = _decode_body(data)
        for place, block in enumerate(body.content or ()):
            self._block(place, block)
        self._stopped = True
        self._head(_Message(body.model, body.usage, body.stop_reason))
        if body.error is not None:
            self._failed(body.error)
        self._server_timings(body.timings, None, None)

    def _event(self, name: bytes, data: bytes) -> Flow:
        try:
            event = _decode(data)
        except msgspec.DecodeError:
            if name == b"error":
                self._failed(data.decode(errors="replace"))
            return Flow.PASS
        if event.error is not None or event.type == "error" or name == b"error":
            self._failed(event.error if event.error is not None else data.decode(errors="replace"))
        elif event.type == "message_stop":
            self._stopped = self.finish is not None
            return Flow.PASS if self._stopped or self.error is not None else Flow.WITHHOLD
        else:
            self._of_type(event)
        return Flow.PASS

    def _of_type(self, event: _Event) -> None:
        if event.type == "content_block_delta" and event.delta is not None:
            self._block(event.index, event.delta)
        elif event.type == "content_block_start" and event.content_block is not None:
            block = event.content_block
            if block.type == "tool_use":
                self._argument(event.index, None)
            else:
                self._block(event.index, block)
        elif event.type == "message_start" and isinstance(event.message, dict):
            message = event.message
            usage = message.get("usage")
            if isinstance(usage, dict):
                # Its output tokens are a first guess: a stream that is cut off has an unknown count, not one of 1.
                usage = {key: value for key, value in usage.items() if key != "output_tokens"}
            self._head(_Message(message.get("model"), usage, message.get("stop_reason")))
        elif event.type == "message_delta":
            self._head(_Message(None, event.usage, event.delta.stop_reason if event.delta else None))
        self._server_timings(event.timings, None, None)

    def _head(self, message: _Message) -> None:
        if isinstance(message.model, str) and message.model:
            self.served = message.model
        if isinstance(message.stop_reason, str) and message.stop_reason:
            self.finish = message.stop_reason
        if isinstance(message.usage, dict):
            self._usage(message.usage)

    def _block(self, index: Any, block: _Block) -> None:
        self._content(block.text)
        self._content(block.thinking)
        if block.partial_json is not None:
            self._argument(index, block.partial_json)
        elif block.type == "tool_use":
            self._argument(index, None if block.input is None else codec.dumps(block.input).decode())

    def _usage(self, usage: dict[str, Any]) -> None:
        counts = self.counts
        for field, key in (
            ("cache_read", "cache_read_input_tokens"),
            ("cache_write", "cache_creation_input_tokens"),
            ("output", "output_tokens"),
        ):
            if (value := count(usage.get(key))) is not None:
                setattr(counts, field, value)
        fresh = count(usage.get("input_tokens"))
        # llama.cpp and others say 0 in `message_delta`, which has no prompt of its own.
        if fresh is not None and (fresh > 0 or self._fresh is None):
            self._fresh = fresh
        if self._fresh is not None:
            counts.input = self._fresh + (counts.cache_read or 0) + (counts.cache_write or 0)


def _sampling(sampling: Sampling, nested: Mapping[str, Any]) -> dict[str, Any]:
    keys = set_keys(sampling, ("temperature", "top_p", "top_k", "min_p", "seed"))
    if sampling.reasoning_effort is not None:
        keys["output_config"] = {**as_object(nested.get("output_config")), "effort": sampling.reasoning_effort}
    return keys


def _least_output(values: Body) -> int:
    """The limit must be above the thinking's budget, where that is a part of it (between tool calls it may be more)."""
    asked, thinking = count(values.get("max_tokens")), count(as_object(values.get("thinking")).get("budget_tokens"))
    return 1 if asked is None or thinking is None or thinking >= asked else thinking + 1


def _error(problem: Problem) -> bytes:
    return codec.dumps(
        {"type": "error", "error": {"type": problem.type, "message": problem.message, "code": problem.code}}
    )


def _error_event(problem: Problem, sequence: int) -> bytes:
    return sse.event(_error(problem), "error")


MESSAGES = Dialect(
    name="messages",
    path="/messages",
    meter=MessagesMeter,
    sampling=_sampling,
    output_fields=("max_tokens",),
    least_output=_least_output,
    error_body=_error,
    error_event=_error_event,
)
