"""Sick answers, each really sent by a server: what the agent is told, and what the record and the stage say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

OPENCODE_OVERFLOW = re.compile(r"maximum context length is \d+ tokens|reduce the length of the messages")
OPENCODE_RETRIES = re.compile(
    r"429|500|502|503|504|524|rate.?limit|too many requests|overloaded|exhausted|unavailable|internal error|try again",
    re.IGNORECASE,
)

OVERFLOWS = {
    "llama.cpp": "request (20023 tokens) exceeds the available context size (1024 tokens), try increasing it",
    "lmstudio": (
        "Trying to keep the first 15028 tokens when context the overflows. However, the model is loaded with context "
        "length of only 7424 tokens, which is not enough."
    ),
    "lmstudio n_keep": (
        "The number of tokens to keep from the initial prompt is greater than the context length "
        "(n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length"
    ),
    "lmstudio truncate": "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)",
    "mlx": "Context size has been exceeded",
    "ollama": "the prompt is longer than the context length currently available to the model; shorten the prompt",
    "vllm": "This model's maximum context length is 50000 tokens. However, your request has 8 input tokens plus 50029",
    "anthropic": "prompt is too long: 208310 tokens > 200000 maximum",
}


def problem(reply: Any) -> dict[str, Any]:
    found: dict[str, Any] = reply.json["error"]
    return found


@pytest.mark.parametrize("server", OVERFLOWS)
@pytest.mark.parametrize("shape", ["object", "text"])
def test_every_servers_overflow_becomes_one_clear_error(
    server: str, shape: str, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    error = OVERFLOWS[server] if shape == "text" else {"message": OVERFLOWS[server], "type": "x"}
    upstream.gives(answer([json.dumps({"error": error}).encode()], status=400, chunked=False))
    one = stage(context=None)
    reply = one.ask()
    assert reply.status == 400
    assert problem(reply)["code"] == "context_length_exceeded"
    assert OPENCODE_OVERFLOW.search(problem(reply)["message"])
    assert not OPENCODE_RETRIES.search(reply.body.decode())
    assert ("type" in reply.json) == (tongue.name == "messages")
    ended = one.call()
    assert (ended.error, ended.status, ended.mends) == ("overflow", 400, ("overflow_rewritten",))
    assert OVERFLOWS[server][:40] in ended.error_text
    assert one.poll().stop is None
    assert one.poll().last_error == "overflow"
    assert len(upstream.seen) == 1


def test_an_overflow_in_the_stream_becomes_an_http_error(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    """LM Studio: 200, then the error as the first event."""
    upstream.gives(answer([tongue.error(OVERFLOWS["lmstudio"])]))
    one = stage()
    reply = one.ask()
    assert (reply.status, problem(reply)["code"]) == (400, "context_length_exceeded")
    assert "7424" in problem(reply)["message"]
    assert one.call().mends == ("error_in_answer",)


def test_an_overflow_behind_the_role_mark_becomes_an_http_error(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer([tongue.stream()[0], b": ping\n\n", tongue.error(OVERFLOWS["mlx"])], gap=0.02))
    reply = stage(context=8192).ask()
    assert (reply.status, problem(reply)["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize("what", ["nothing at all", "no content, unfinished", "no content, finished"])
def test_an_empty_stream_with_a_full_window_is_an_overflow(
    what: str, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    """LM Studio with GGUF: 200, no delta, usage present, no error."""
    events = {
        "nothing at all": [],
        "no content, unfinished": tongue.broken(tongue.stream()),
        "no content, finished": tongue.stream(prompt=4090),
    }[what]
    upstream.gives(answer(events))
    one = stage(context=4096)
    reply = one.ask(tongue.ask("word " * 3300))
    assert (reply.status, problem(reply)["code"]) == (400, "context_length_exceeded")
    assert one.call().mends == ("empty_answer",)
    assert one.poll().stop is None


def test_an_empty_stream_without_that_evidence_is_tried_again_and_then_the_providers_fault(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer([]))
    one = stage(context=4096, options={"retries": 3})
    reply = one.ask()
    assert reply.status == 402
    assert len(upstream.seen) == 3
    ended = one.call()
    assert (ended.error, ended.retries, ended.mends) == ("provider_error", 2, ("empty_answer",))
    assert one.poll().stop == "provider_error"


def test_a_model_that_has_nothing_to_say_may_say_so(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    events = tongue.stream()
    upstream.gives(answer(events))
    one = stage(context=4096)
    assert one.ask().body == b"".join(events)
    assert one.call().error is None


@pytest.mark.parametrize("end", ["eof", "done", "cut", "reset"])
def test_a_stream_without_a_finish_reason_ends_in_an_error(
    end: str, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    """opencode asks again without end where such a stream ends cleanly."""
    events = tongue.broken(tongue.stream("Hel", "lo"))
    more = [b"data: [DONE]\n\n"] if end == "done" else []
    upstream.gives(answer([*events, *more], end={"eof": "whole", "done": "whole"}.get(end, end)))
    one = stage()
    reply = one.ask()
    assert reply.status == 200
    assert reply.body.startswith(b"".join(events))
    told = reply.events()[-1]
    assert b"[DONE]" not in reply.body
    if tongue.name == "chat":
        assert told["error"]["message"]
    else:
        assert told["type"] == "error"
        assert b"event: error\n" in reply.body
    assert not OPENCODE_RETRIES.search(reply.body[len(b"".join(events)) :].decode())
    assert not reply.torn
    ended = one.call()
    mend = "no_finish_reason" if end in ("eof", "done") else "reset_mid_stream"
    assert (ended.error, ended.status, ended.mends) == ("provider_error", 200, (mend,))
    assert one.poll().stop == "provider_error"
    assert len(upstream.seen) == 1


def test_anthropics_end_without_a_stop_reason_is_no_end(stage: Any, upstream: Any, answer: Any, tongue: Any) -> None:
    if tongue.name != "messages":
        pytest.skip("of the messages dialect")
    events = tongue.stream("Hel", "lo")
    upstream.gives(answer([*events[:-2], events[-1]]))
    one = stage()
    reply = one.ask()
    assert b"message_stop" not in reply.body
    assert reply.events()[-1]["type"] == "error"
    upstream.gives(answer(events[:-1]))
    assert stage().ask().events()[-1]["type"] == "error"


def test_a_torn_event_does_not_reach_the_agent(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    events = tongue.broken(tongue.stream("Hel", "lo"))
    upstream.gives(answer([*events[:-1], events[-1][:-20]], end="reset"))
    reply = stage().ask()
    assert all(isinstance(event, dict) for event in reply.events())
    assert reply.body.startswith(b"".join(events[:-1]))


def test_a_reset_behind_the_finish_reason_costs_nothing(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    events = chat.stream("hi")[:-1]
    upstream.gives(answer(events, end="cut"))
    one = stage(chat)
    reply = one.ask()
    assert (reply.body, reply.torn) == (b"".join(events), False)
    ended = one.call()
    assert (ended.error, ended.mends, ended.usage.input) == (None, ("reset_after_finish",), 10)
    assert one.poll().stop is None


def test_an_error_in_mid_stream_passes_and_stops_the_stage(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    events = [
        *tongue.broken(tongue.stream("Hel")),
        tongue.error("The model has crashed without additional information. (Exit code: 1)"),
    ]
    upstream.gives(answer(events))
    one = stage()
    reply = one.ask()
    assert reply.body == b"".join(events)
    assert one.call().error == "crashed"
    assert one.poll().stop == "provider_error"


def test_a_tool_call_that_its_server_cannot_read_is_the_models_own_mistake(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    """Nothing is wrong with the infrastructure: the attempt is not void for it."""
    words = "The model produced output that does not match the expected peg-native format"
    upstream.gives(answer([*tongue.broken(tongue.stream("Hel")), tongue.error(words)]))
    one = stage()
    one.ask()
    assert one.poll().stop is None
    assert (one.call().error, words in one.call().error_text) == ("bad_request", True)


def test_an_overflow_in_mid_stream_ends_the_stage_through_its_context(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer([*tongue.broken(tongue.stream("Hel")), tongue.error(OVERFLOWS["mlx"])]))
    one = stage()
    one.ask()
    assert one.call().error == "overflow"
    assert one.poll().stop == "context"


def test_json_where_a_stream_was_asked_for_is_an_error(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer([tongue.whole("hi")], chunked=False))
    one = stage(options={"retries": 1})
    assert one.ask().status == 402
    assert one.call().mends == ("not_a_stream",)


def test_an_error_with_status_200_is_an_error(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer([b'{"error": {"message": "Context size has been exceeded"}}'], chunked=False))
    assert stage().ask(tongue.ask(stream=False)).status == 400


@pytest.mark.parametrize("stream", [True, False])
def test_another_model_than_the_one_asked_for_stops_the_stage_before_a_token(
    stream: bool, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    pieces = tongue.stream("hi", model="other-model") if stream else [tongue.whole("hi", model="other-model")]
    upstream.gives(answer(pieces, chunked=stream))
    one = stage()
    reply = one.ask(tongue.ask(stream=stream))
    assert reply.status == 402
    ended = one.call()
    assert (ended.error, ended.served, ended.status) == ("wrong_model", "other-model", 402)
    traffic = one.poll()
    assert (traffic.stop, traffic.served) == ("wrong_model", "other-model")
    assert "'other-model'" in traffic.detail
    assert len(upstream.seen) == 1


def test_a_server_that_names_no_model_is_not_doubted(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    events = [event.replace(b'"model"', b'"other"') for event in tongue.stream("hi")]
    upstream.gives(answer(events))
    one = stage()
    assert one.ask().body == b"".join(events)
    assert (one.call().served, one.poll().served, one.poll().stop) == (None, None, None)


def test_a_name_that_the_user_declares_is_the_same_model(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("hi", model="internal-7")))
    one = stage(options={"served_as": {"model-one": "internal-7"}})
    assert one.ask().status == 200
    assert one.call().served == "internal-7"


@pytest.mark.parametrize(
    ("status", "text", "stop"),
    [
        (404, "model_not_found: there is no model 'x'", "model_missing"),
        (404, "No models loaded. Please load a model in the developer page", "model_missing"),
        (500, "CUDA error: out of memory", "out_of_memory"),
        (400, 'Failed to load model "x". Error: Operation canceled.', "model_load"),
        (401, "Incorrect API key provided", "provider_error"),
        (404, "404 page not found", "provider_error"),
        (302, "Moved", "provider_error"),
        (402, "Your credit balance is too low", "rate_limited"),
    ],
)
def test_what_trying_again_cannot_mend_stops_the_stage_at_once(
    status: int, text: str, stop: str, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer([json.dumps({"error": {"message": text}}).encode()], status=status, chunked=False))
    one = stage()
    reply = one.ask()
    assert reply.status == 402
    assert reply.headers["x-should-retry"] == "false"
    assert not OPENCODE_RETRIES.search(reply.body.decode())
    traffic = one.poll()
    assert traffic.stop == stop
    assert text[:20] in traffic.detail
    assert len(upstream.seen) == 1
    assert (traffic.spent.calls, traffic.spent.input, traffic.spent.unknown_calls) == (1, 0, 0)


def test_an_error_that_comes_in_pieces_is_read_whole(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    body = json.dumps({"error": {"message": OVERFLOWS["llama.cpp"]}}).encode()
    upstream.gives(answer([body[:30], body[30:50], body[50:]], status=400, gap=0.05))
    one = stage()
    assert problem(one.ask())["code"] == "context_length_exceeded"
    one.close()
    assert one.body(one.calls()[0].ended.response) == body


def test_an_agents_own_mistake_is_told_without_words_that_it_would_try_again_on(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    text = "tools[3].parameters: invalid schema at offset 15028; please try again later"
    upstream.gives(answer([json.dumps({"error": {"message": text}}).encode()], status=400, chunked=False))
    one = stage()
    reply = one.ask()
    assert reply.status == 400
    assert "invalid schema at offset" in problem(reply)["message"]
    assert not OPENCODE_RETRIES.search(reply.body.decode())
    assert (one.call().error, one.call().mends) == ("bad_request", ("retry_words_removed",))
    assert one.poll().stop is None


def test_after_a_stop_every_request_is_refused_and_none_forwarded(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi", model="other-model")))
    one = stage()
    for _ in range(3):
        assert one.ask().status == 402
    assert len(upstream.seen) == 1
    assert len(one.calls()) == 1
