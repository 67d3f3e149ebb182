"""A turn of the script as one answer of a server: what is said, in which pieces, and what it is said to have used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from zlib import crc32

from ralphbench.endpoints.asked import BYTES_A_TOKEN, Asked
from ralphbench.endpoints.matching import Chosen
from ralphbench.endpoints.scripts import ScriptedModel, Turn
from ralphbench.model import codec

CREATED = 1_767_225_600
"""The time that every answer says it was made: equal requests get equal bytes."""

_CHUNK_WITHOUT_SPEED = 8


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call as it goes out."""

    number: int
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens and cost as the server says them; None: it does not say. `input` holds the cached parts, `output` the reasoning."""

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """As llama.cpp says them."""

    cached: int
    prompt: int
    prompt_ms: float
    predicted: int
    predicted_ms: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a dialect renders."""

    seed: str
    """Makes ids: the same for the same place in a conversation, another for any other."""
    model: str
    text: str
    reasoning: str
    tools: tuple[Called, ...]
    finish: str | None
    """`stop`, `tool_calls`, `length`, `content_filter`; None: the stream ends without one."""
    used: Used | None
    chunk: int
    """Tokens an event."""
    include_usage: bool
    reasoning_field: str = "reasoning_content"
    timings: Timings | None = None
    created: int = CREATED
    end: str = "done"
    """For a stream without a finish reason: `done` or `eof`."""


def tokens(text: str) -> int:
    """A token is four characters here."""
    return -(-len(text) // BYTES_A_TOKEN)


def pieces(text: str, chunk: int) -> list[str]:
    """The text in pieces of `chunk` tokens."""
    size = chunk * BYTES_A_TOKEN
    return [text[i : i + size] for i in range(0, len(text), size)]


def make_answer(asked: Asked, chosen: Chosen, model: ScriptedModel) -> Answer:
    """What the turn answers to this request, faults of content included."""
    turn = chosen.turn
    text = turn.text if turn.json is None else codec.dumps(turn.json).decode()
    speed = turn.speed if turn.speed is not None else model.speed
    answer = Answer(
        seed=_seed(asked, chosen),
        model=model.id,
        text=text,
        reasoning=turn.reasoning,
        tools=_tools(turn),
        finish=turn.finish or ("tool_calls" if turn.tools else "stop"),
        used=None,
        chunk=model.chunk or (1 if speed else _CHUNK_WITHOUT_SPEED),
        include_usage=asked.include_usage,
        reasoning_field=model.reasoning_field,
    )
    answer = _cut(_spoil(answer, turn), _most(asked, model))
    used = _used(answer, turn, asked, model)
    timings = _timings(used, speed) if model.timings and used is not None else None
    return replace(answer, used=used, timings=timings)


def _seed(asked: Asked, chosen: Chosen) -> str:
    place = f"{chosen.rule} {sorted(asked.marker.items())}"
    return f"{crc32(place.encode()):08x}{asked.turn:04x}"


def _tools(turn: Turn) -> tuple[Called, ...]:
    def text(arguments: object) -> str:
        return arguments if isinstance(arguments, str) else codec.dumps(arguments).decode()

    return tuple(Called(i, tool.name, text(tool.arguments)) for i, tool in enumerate(turn.tools))


def _spoil(answer: Answer, turn: Turn) -> Answer:
    """The faults that are said in a healthy stream."""
    fault = turn.fault
    match fault.name if fault is not None else None:
        case "malformed_arguments":
            tools = answer.tools or (Called(0, "bash", '{"command":"true"}'),)
            broken = tuple(replace(t, arguments=t.arguments[: max(1, len(t.arguments) - 2)]) for t in tools)
            return replace(answer, tools=broken, finish="tool_calls")
        case "wrong_model":
            assert fault is not None
            return replace(answer, model=fault.model)
        case "empty_answer":
            return replace(answer, text="", reasoning="", tools=(), finish="stop")
        case "overflow_empty":
            return replace(answer, text="", reasoning="", tools=(), finish=None)
        case "length":
            half = answer.text[: len(answer.text) // 2]
            return replace(answer, text=half, tools=(), finish="length")
        case "no_finish":
            assert fault is not None
            return replace(answer, finish=None, end=fault.end)
    return answer


def _most(asked: Asked, model: ScriptedModel) -> int | None:
    """Tokens that an answer may have: what was asked for, and what the window leaves."""
    room = None if model.context is None or asked.estimate >= model.context else model.context - asked.estimate
    limits = [limit for limit in (asked.max_tokens, room) if limit is not None]
    return min(limits, default=None)


def _cut(answer: Answer, limit: int | None) -> Answer:
    """Not more than so many tokens: reasoning first, then text, then whole calls."""
    if limit is None or _length(answer) <= limit:
        return answer
    reasoning = answer.reasoning[: limit * BYTES_A_TOKEN]
    text = answer.text[: max(0, limit - tokens(reasoning)) * BYTES_A_TOKEN]
    finish = None if answer.finish is None else "length"
    return replace(answer, reasoning=reasoning, text=text, tools=(), finish=finish)


def _length(answer: Answer) -> int:
    called = sum(tokens(t.name) + tokens(t.arguments) for t in answer.tools)
    return tokens(answer.reasoning) + tokens(answer.text) + called


def _used(answer: Answer, turn: Turn, asked: Asked, model: ScriptedModel) -> Used | None:
    said = turn.usage
    if said.omit:
        return None
    prompt = asked.estimate if said.input is None else said.input
    if turn.fault is not None and turn.fault.name == "truncated_usage":
        prompt = max(1, min(prompt // 5, model.context or prompt))
    reasoning = said.reasoning if said.reasoning is not None else (tokens(answer.reasoning) or None)
    return Used(
        input=prompt,
        output=_length(answer) if said.output is None else said.output,
        cache_read=said.cache_read,
        cache_write=said.cache_write,
        reasoning=reasoning,
        cost=said.cost,
    )


def _timings(used: Used, speed: float | None) -> Timings:
    """As if the prompt were read fifty times as fast as the answer is written."""
    rate = speed or 1000.0
    cached = used.cache_read or 0
    return Timings(
        cached=cached,
        prompt=used.input - cached,
        prompt_ms=round(1000 * (used.input - cached) / (50 * rate), 3),
        predicted=used.output,
        predicted_ms=round(1000 * used.output / rate, 3),
    )
