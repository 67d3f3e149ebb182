"""However a stream is cut into chunks, the agent gets the same bytes and the record the same figures."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ralphbench.gateway.dialects import CHAT, MESSAGES, RESPONSES, Dialect
from ralphbench.gateway.relay import Ending, Opening, Relay
from ralphbench.gateway.sse import MAX_EVENT, EventSplitter, EventTooLong, parse

DIALECTS = {"chat": CHAT, "messages": MESSAGES, "responses": RESPONSES}
LINE_ENDS = [b"\n", b"\r\n", b"\r"]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(edges)] or [b""]


def run(dialect: Dialect, chunks: list[bytes], lost: str | None = None) -> tuple[bytes, dict[str, Any]]:
    """What a relay passes and what its meter knows, as the gateway drives it."""
    meter = dialect.meter()
    relay = Relay(meter)
    out = b""
    for chunk in chunks:
        if relay.opening is Opening.FAILED or relay.broken:
            break
        out += relay.feed(chunk, 1.0)
    if lost is None and relay.opening is not Opening.FAILED:
        out += relay.eof(1.0)
    elif lost is not None:
        relay.lost(lost)
    ending = relay.ending()
    known = {
        "ending": ending,
        "opening": relay.opening,
        "usage": meter.counts.usage(),
        "served": meter.served,
        "finish": meter.finish,
        "error": meter.error,
        "contents": meter.contents,
        "text": meter.text,
        "malformed": meter.malformed_arguments(),
        "cost": meter.cost_reported,
        "late": relay.late_reset,
    }
    return out + (relay.release() if ending is Ending.EMPTY else b""), known


def event(data: Any, name: str = "", end: bytes = b"\n", comment: bool = False) -> bytes:
    lines = ([b": ping"] if comment else []) + ([b"event: " + name.encode()] if name else [])
    return end.join([*lines, b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode())]) + end + end


texts = st.text(max_size=12)
ends = st.sampled_from(LINE_ENDS)
usages = st.fixed_dictionaries({"prompt_tokens": st.integers(0, 99), "completion_tokens": st.integers(0, 99)})


@st.composite
def chat_events(draw: st.DrawFn) -> Any:
    kind = draw(
        st.sampled_from(["text", "text", "reasoning", "tool", "finish", "usage", "error", "done", "junk", "comment"])
    )
    base: dict[str, Any] = {"id": "c", "model": draw(st.sampled_from(["m", "n"]))}
    text = draw(texts)
    match kind:
        case "text":
            base["choices"] = [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
        case "reasoning":
            base["choices"] = [{"index": 0, "delta": {"reasoning_content": text}}]
        case "tool":
            call = {"index": draw(st.integers(0, 2)), "function": {"name": "f", "arguments": text}}
            base["choices"] = [{"index": 0, "delta": {"tool_calls": [call]}}]
        case "finish":
            base["choices"] = [{"index": 0, "delta": {}, "finish_reason": draw(st.sampled_from(["stop", "length"]))}]
        case "usage":
            base |= {"choices": [], "usage": draw(usages)}
        case "error":
            base = {"error": {"message": text or "x"}}
        case "done":
            return b"[DONE]"
        case "junk":
            return draw(st.sampled_from([b"{", b"[1]", b'"x"', b"null", b"\xff", b'{"choices": 7}']))
        case "comment":
            return None
    return base


@st.composite
def other_events(draw: st.DrawFn, dialect: str) -> Any:
    text = draw(texts)
    if dialect == "messages":
        return draw(
            st.sampled_from(
                [
                    {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 5}}},
                    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "f"}},
                    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
                    {"type": "content_block_delta", "index": 1, "delta": {"partial_json": text}},
                    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
                    {"type": "message_stop"},
                    {"type": "ping"},
                    {"type": "error", "error": {"message": text}},
                ]
            )
        )
    answer = {"id": "r", "model": "m", "status": "completed", "usage": {"input_tokens": 3, "output_tokens": 4}}
    return draw(
        st.sampled_from(
            [
                {"type": "response.created", "sequence_number": 0, "response": {"model": "m"}},
                {"type": "response.output_text.delta", "sequence_number": 1, "delta": text},
                {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": text},
                {"type": "response.completed", "sequence_number": 9, "response": answer},
                {"type": "response.failed", "response": {**answer, "error": {"message": text}, "status": "failed"}},
                {"type": "error", "message": text},
            ]
        )
    )


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, bytes]:
    dialect = draw(st.sampled_from(sorted(DIALECTS)))
    events = chat_events() if dialect == "chat" else other_events(dialect)
    pieces = []
    for one in draw(st.lists(events, max_size=10)):
        end = draw(ends)
        name = one["type"] if isinstance(one, dict) and "type" in one else ""
        pieces.append(b": ping" + end + end if one is None else event(one, name, end, draw(st.booleans())))
    tail = draw(st.sampled_from([b"", b"data: {", b"\n", b"data: [DONE]", b"data: {}\n"]))
    return dialect, b"".join(pieces) + tail


@settings(max_examples=150, deadline=None)
@given(streams(), st.lists(st.integers(0, 10_000), max_size=30), st.sampled_from([None, "reset"]))
def test_any_chunking_gives_the_same_bytes_and_the_same_figures(
    stream: tuple[str, bytes], places: list[int], lost: str | None
) -> None:
    name, data = stream
    whole_bytes, whole = run(DIALECTS[name], [data], lost)
    some_bytes, some = run(DIALECTS[name], cut(data, places), lost)
    every_bytes, every = run(DIALECTS[name], [data[i : i + 1] for i in range(len(data))], lost)
    assert some == whole
    assert every == whole
    assert some_bytes == every_bytes == whole_bytes
    assert data.startswith(whole_bytes) or (whole_bytes.startswith(data) and whole_bytes[len(data) :].strip() == b"")


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_whole_stream_passes_whole(dialect: str, end: bytes) -> None:
    events = {
        "chat": [
            {"model": "m", "choices": [{"index": 0, "delta": {"content": "x"}}]},
            {"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            b"[DONE]",
        ],
        "messages": [
            {"type": "content_block_delta", "index": 0, "delta": {"text": "x"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
        ],
        "responses": [
            {"type": "response.output_text.delta", "delta": "x"},
            {"type": "response.completed", "response": {"status": "completed"}},
        ],
    }[dialect]
    data = b"".join(event(one, "", end) for one in events)
    for number in range(len(data)):
        out, known = run(DIALECTS[dialect], [data[:number], data[number:]])
        assert (out, known["ending"]) == (data, Ending.WHOLE)


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("kept", [0, 1])
def test_a_last_event_that_an_agent_would_drop_is_completed(end: bytes, kept: int) -> None:
    """An agent throws away an event that has no blank line, and with it the finish reason."""
    told = [
        {"model": "m", "choices": [{"index": 0, "delta": {"content": "x"}}]},
        {"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    data = b"".join(event(one, "", end) for one in told).removesuffix(end * (2 - kept))
    relay = Relay(CHAT.meter())
    out = relay.feed(data, 0.0) + relay.eof(0.0)
    assert (relay.ending(), relay.completed) == (Ending.WHOLE, True)
    splitter = EventSplitter()
    assert len(splitter.feed(out)) == 2
    assert (out.startswith(data), splitter.rest()) == (True, b"")


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_with_any_line_ends_are_told_apart(size: int) -> None:
    events = [b"event: error\r\ndata: {}\r\n\r\n", b"data: a\r\r", b"data: b\n\n", b"data: c\r\n\n"]
    data, splitter = b"".join(events), EventSplitter()
    found = [one for at in range(0, len(data), size) for one in splitter.feed(data[at : at + size])]
    assert found == events


@given(st.lists(st.binary(max_size=30), max_size=12))
def test_events_joined_are_the_stream(chunks: list[bytes]) -> None:
    splitter = EventSplitter()
    events = [one for chunk in chunks for one in splitter.feed(chunk)]
    assert b"".join(events) + splitter.rest() == b"".join(chunks)


@pytest.mark.parametrize(
    ("raw", "parsed"),
    [
        (b"data: {}\n\n", (b"", b"{}")),
        (b"data:{}\n\n", (b"", b"{}")),
        (b"event: x\r\ndata: a\r\ndata: b\r\n\r\n", (b"x", b"a\nb")),
        (b": only a comment\n\n", (b"", b"")),
        (b"id: 4\nretry: 9\ndata: z\n\n", (b"", b"z")),
        (b"\n\n", (b"", b"")),
    ],
)
def test_events_are_read_as_the_standard_has_it(raw: bytes, parsed: tuple[bytes, bytes]) -> None:
    assert parse(raw) == parsed


def test_an_event_without_end_is_given_up() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b"x" * MAX_EVENT) == []
    with pytest.raises(EventTooLong):
        splitter.feed(b"x")
    relay = Relay(CHAT.meter())
    relay.feed(b"x" * (MAX_EVENT + 1), 0.0)
    assert relay.broken is not None
    assert relay.eof(0.0) == b""
