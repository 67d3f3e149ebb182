"""OpenAI chat completions, as OpenAI, LM Studio, Ollama, llama.cpp, vLLM and OpenRouter speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ralphbench.gateway import sse
from ralphbench.gateway.dialects.base import Dialect, Problem, set_keys
from ralphbench.gateway.meter import Flow, Meter, count
from ralphbench.model import Sampling, codec


class _Function(msgspec.Struct):
    name: Any = None
    arguments: Any = None


class _ToolCall(msgspec.Struct):
    index: Any = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct):
    index: Any = None
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: Any = None


class _Chunk(msgspec.Struct):
    model: Any = None
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    timings: Any = None
    metrics: Any = None
    stats: Any = None
    message: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class ChatMeter(Meter):
    """`finish_reason` ends an answer. Usage may come with it, after it, or twice (vLLM)."""

    def body(self, data: bytes) -> None:
        self._chunk(_decode(data))

    def _event(self, name: bytes, data: bytes) -> Flow:
        try:
            chunk = _decode(data)
        except msgspec.DecodeError:
            # Not of this dialect: passed on as it is, the record holds it. An error may still be in it.
            if name == b"error":
                self._failed(data.decode(errors="replace"))
            return Flow.PASS
        if name == b"error" and chunk.error is None:
            self._failed(chunk.message or data.decode(errors="replace"))
        self._chunk(chunk)
        return Flow.PASS

    def _chunk(self, chunk: _Chunk) -> None:
        if isinstance(chunk.model, str) and chunk.model:
            self.served = chunk.model
        for choice in chunk.choices or ():
            self._choice(choice)
        if isinstance(chunk.usage, dict):
            self._usage(chunk.usage)
        if chunk.error is not None:
            self._failed(chunk.error)
        if chunk.timings is not None or chunk.metrics is not None or chunk.stats is not None:
            self._server_timings(chunk.timings, chunk.metrics, chunk.stats)

    def _choice(self, choice: _Choice) -> None:
        if isinstance(choice.finish_reason, str) and choice.finish_reason:
            self.finish = choice.finish_reason
            if choice.finish_reason == "error" and self.error is None:
                self._failed("finish_reason error")
        message = choice.delta or choice.message
        if message is None:
            return
        self._content(message.content)
        # The same words may stand in both fields (vLLM): they count once.
        self._content(message.reasoning_content or message.reasoning)
        self._content(message.refusal)
        for place, call in enumerate(message.tool_calls or ()):
            key = (choice.index, place if call.index is None else call.index)
            self._argument(key, call.function.arguments if call.function else None)
        if message.function_call is not None:
            self._argument((choice.index, "function"), message.function_call.arguments)

    def _usage(self, usage: dict[str, Any]) -> None:
        counts = self.counts
        prompt, completion = _details(usage, "prompt"), _details(usage, "completion")
        counts.input = _or(count(usage.get("prompt_tokens")), counts.input)
        counts.output = _or(count(usage.get("completion_tokens")), counts.output)
        cached = _or(count(prompt.get("cached_tokens")), count(usage.get("prompt_cache_hit_tokens")))
        counts.cache_read = _or(cached, counts.cache_read)
        counts.cache_write = _or(count(prompt.get("cache_write_tokens")), counts.cache_write)
        counts.reasoning = _or(count(completion.get("reasoning_tokens")), counts.reasoning)
        cost = usage.get("cost")
        if isinstance(cost, int | float) and not isinstance(cost, bool):
            self.cost_reported = float(cost)


def _details(usage: dict[str, Any], side: str) -> dict[str, Any]:
    details = usage.get(f"{side}_tokens_details")
    return details if isinstance(details, dict) else {}


def _or(new: int | None, old: int | None) -> int | None:
    return old if new is None else new


def _sampling(sampling: Sampling, nested: Mapping[str, Any]) -> dict[str, Any]:
    return set_keys(sampling, ("temperature", "top_p", "top_k", "min_p", "seed", "reasoning_effort"))


def error_body(problem: Problem) -> bytes:
    """OpenAI's shape."""
    return codec.dumps(
        {"error": {"message": problem.message, "type": problem.type, "param": None, "code": problem.code}}
    )


def _error_event(problem: Problem, sequence: int) -> bytes:
    return sse.event(error_body(problem))


CHAT = Dialect(
    name="chat",
    path="/chat/completions",
    meter=ChatMeter,
    sampling=_sampling,
    output_fields=("max_tokens", "max_completion_tokens"),
    least_output=lambda _: 1,
    error_body=error_body,
    error_event=_error_event,
)
