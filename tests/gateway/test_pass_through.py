"""A healthy answer passes unaltered, and what it used is known."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ralphbench.gateway.requests import read_request
from ralphbench.model import Limits, Sampling, Usage


def test_a_stream_passes_byte_for_byte_and_is_metered(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    events = tongue.stream("Hel", "lo ", "wörld")
    upstream.gives(answer(events, gap=0.1))
    one = stage()
    reply = one.ask()
    assert (reply.status, reply.body, reply.torn) == (200, b"".join(events), False)
    ended = one.call()
    assert ended.status == 200
    assert ended.usage == Usage(input=10, output=3, cache_read=4, cache_write=ended.usage.cache_write)
    assert ended.served == "model-one"
    assert ended.finish in ("stop", "end_turn", "completed")
    assert (ended.error, ended.mends, ended.retries) == (None, (), 0)
    assert 0 < ended.timing.first_byte <= ended.timing.first_token <= ended.timing.total
    assert ended.timing.gap_p50 is not None
    assert 0.005 < ended.timing.gap_p50 <= ended.timing.gap_max


def test_an_answer_that_is_no_stream_passes_byte_for_byte(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    body = tongue.whole("hello")
    upstream.gives(answer([body], chunked=False))
    one = stage()
    reply = one.ask(tongue.ask(stream=False))
    assert (reply.status, reply.body) == (200, body)
    ended = one.call()
    assert (ended.usage.input, ended.usage.output, ended.usage.cache_read) == (10, 3, 4)
    assert (ended.served, ended.error) == ("model-one", None)


def test_both_forms_of_the_request_and_the_answer_are_recorded(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    events = tongue.stream("hi")
    upstream.gives(answer(events))
    one = stage(output=50, sampling=Sampling(temperature=0.25, seed=7, extra={"chat_template_kwargs": {"a": 1}}))
    original = json.dumps(tongue.ask("Grüße", user="x"), indent=1).encode()
    one.ask(original)
    one.close()
    [call] = one.calls()
    assert one.body(call.started.request) == original
    assert read_request(original).edited(call.started.edits) == upstream.seen[0].body
    assert one.body(call.ended.response) == b"".join(events)
    sent = upstream.seen[0].json
    assert sent["model"] == "model-one"
    assert sent[tongue.output_field] == 50
    assert (sent["temperature"], sent["seed"], sent["chat_template_kwargs"]) == (0.25, 7, {"a": 1})
    assert sent["user"] == "x"
    assert ("stream_options" in sent) == (tongue.name == "chat")


def test_options_that_the_agent_set_are_kept_where_ours_are_added(
    stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    upstream.gives(answer(chat.stream("hi")))
    one = stage(chat)
    one.ask(chat.ask(stream_options={"extra": 1}, max_completion_tokens=5, max_tokens=7))
    sent = upstream.seen[0].json
    assert sent["stream_options"] == {"extra": 1, "include_usage": True}
    assert sent["max_tokens"] == 5
    assert "max_completion_tokens" not in sent


def test_an_answers_limit_is_put_under_the_name_that_the_server_takes(
    stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    upstream.gives(answer(chat.stream("hi")))
    one = stage(chat, output=99, options={"output_field": "max_completion_tokens"})
    one.ask(chat.ask(max_tokens=500))
    sent = upstream.seen[0].json
    assert sent["max_completion_tokens"] == 99
    assert "max_tokens" not in sent


def test_an_answer_is_left_what_room_the_window_has(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(context=4000, output=3900)
    one.ask(tongue.ask("word " * 1600, **{tongue.output_field: 9000}))  # about 2,000 tokens
    assert 1500 < upstream.seen[0].json[tongue.output_field] < 2100


def test_sampling_takes_each_dialects_own_place_for_reasoning(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(sampling=Sampling(reasoning_effort="low"))
    one.ask(tongue.ask(reasoning={"summary": "auto"}) if tongue.name == "responses" else tongue.ask())
    sent = upstream.seen[0].json
    found = {
        "chat": sent.get("reasoning_effort"),
        "messages": sent.get("output_config"),
        "responses": sent.get("reasoning"),
    }[tongue.name]
    assert (
        found
        == {"chat": "low", "messages": {"effort": "low"}, "responses": {"summary": "auto", "effort": "low"}}[
            tongue.name
        ]
    )


def test_the_upstreams_key_replaces_the_agents(
    stage: Any, upstream: Any, tongue: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shared gateway was started without the variable, so the key comes from a process of its own: see test_process."""
    upstream.gives(answer(tongue.stream("hi")))
    one = stage()
    one.ask(
        headers={"authorization": "Bearer agents-own", "x-api-key": "agents-own", "x-session-id": "s1", "x-custom": "y"}
    )
    seen = upstream.seen[0].headers
    assert "authorization" not in seen
    assert "x-api-key" not in seen
    assert seen["x-custom"] == "y"
    assert seen["accept-encoding"] == "identity"


def test_a_login_of_the_agents_own_goes_through_where_that_is_said(
    stage: Any, upstream: Any, answer: Any, request: pytest.FixtureRequest, tongue: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(auth="passthrough")
    one.ask(headers={"authorization": "Bearer agents-own"})
    assert upstream.seen[0].headers["authorization"] == "Bearer agents-own"


def test_an_agents_login_that_is_refused_comes_back_to_it(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    """It may hold a fresh one."""
    upstream.gives(answer([b'{"error":{"message":"token expired"}}'], status=401, chunked=False))
    one = stage(chat, auth="passthrough")
    assert one.ask().status == 401
    assert one.poll().stop is None


@pytest.mark.parametrize("status", [401, 500])
def test_a_login_that_a_server_quotes_is_not_recorded(
    status: int, stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    said = b'{"error":{"message":"the token oat-secret-1234 is not valid"}}'
    upstream.gives(answer([said], status=status, chunked=False))
    one = stage(chat, auth="passthrough", options={"retries": 1})
    one.ask(headers={"authorization": "Bearer oat-secret-1234"})
    assert "oat-secret" not in one.call().error_text + one.poll().detail
    assert "[key]" in one.call().error_text


def test_calls_are_numbered_from_the_grant_and_by_session(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer(chat.stream("hi")))
    one = stage(chat, next_call=12)
    one.ask(headers={"x-session-id": "main"})
    one.ask(headers={"x-session-id": "sub", "x-parent-session-id": "main"})
    one.ask(headers={"x-session-id": "main"})
    traffic = one.close()
    started = [call.started for call in one.calls()]
    assert [s.id for s in started] == ["c12", "c13", "c14"]
    assert [(s.session, s.parent_session, s.ordinal) for s in started] == [
        ("main", None, 0),
        ("sub", "main", 0),
        ("main", None, 1),
    ]
    assert traffic.next_call == 15
    assert (traffic.spent.calls, traffic.spent.input, traffic.spent.output, traffic.spent.cost) == (3, 30, 9, 0.0)


def test_activity_grows_while_bytes_come(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer(chat.stream("hi")))
    one = stage(chat)
    seen = [one.poll().activity]
    for _ in range(3):
        one.ask()
        seen.append(one.poll().activity)
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "/v1/v1/chat/completions"])
def test_sdks_may_put_the_version_into_the_path_themselves(
    path: str, stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    upstream.gives(answer(chat.stream("hi")))
    one = stage(chat)
    one.address = type(one.address)(one.address.url.removesuffix("/v1"), one.address.socket, one.address.token, "chat")
    assert one.ask(path=path).status == 200
    assert upstream.seen[0].path == "/v1/chat/completions"


def test_a_compressed_answer_is_read_and_passed_on_plain(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    """It was not asked for; some proxies compress all the same."""
    import gzip

    body = chat.whole("hello")
    upstream.gives(answer([gzip.compress(body)], chunked=False, headers={"content-encoding": "gzip"}))
    one = stage(chat)
    reply = one.ask(chat.ask(stream=False))
    assert reply.body == body
    assert "content-encoding" not in reply.headers
    assert one.call().usage.input == 10


def test_no_word_about_waiting_reaches_the_agent(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    headers = {
        "retry-after": "3600",
        "retry-after-ms": "9",
        "x-ratelimit-reset": "9",
        "x-should-retry": "true",
        "x-id": "7",
    }
    upstream.gives(answer([chat.whole("hi")], chunked=False, headers=headers))
    reply = stage(chat).ask(chat.ask(stream=False))
    assert set(headers) & set(reply.headers) == {"x-id"}


def test_server_timings_are_kept(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    timings = {"prompt_ms": 1500.0, "predicted_ms": 250.0, "predicted_per_second": 40.0}
    events = chat.stream("hi")
    last = json.loads(events[-2][6:])
    events[-2] = b"data: " + json.dumps({**last, "timings": timings}).encode() + b"\n\n"
    upstream.gives(answer(events))
    one = stage(chat)
    one.ask()
    ended = one.call()
    assert (ended.timing.server_prompt, ended.timing.server_decode) == (1.5, 0.25)
    assert one.poll().output_rate == 40.0


def test_vllm_says_usage_twice_and_reasoning_apart(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    def chunk(**more: Any) -> bytes:
        return b"data: " + json.dumps({"model": "model-one", **more}).encode() + b"\n\n"

    first = {"prompt_tokens": 20, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}}
    second = {"prompt_tokens": 20, "completion_tokens": 6, "prompt_tokens_details": {"cached_tokens": 16}}
    metrics = {"time_to_first_token_ms": 300.0, "queue_time_ms": 100.0, "generation_time_ms": 500.0}
    upstream.gives(
        answer(
            [
                chunk(choices=[{"index": 0, "delta": {"reasoning_content": "hm", "reasoning": "hm"}}]),
                chunk(choices=[{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}], usage=first),
                chunk(choices=[], usage=second, metrics=metrics),
                b"data: [DONE]\n\n",
            ]
        )
    )
    one = stage(chat)
    one.ask()
    ended = one.call()
    assert ended.usage == Usage(input=20, output=6, cache_read=16, reasoning=2)
    assert ended.timing.server_prompt == pytest.approx(0.2)


def test_a_server_that_does_not_count_leaves_the_sum_unknown(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    events = chat.stream("hi")
    upstream.gives(answer([*events[:-2], events[-1]]))
    one = stage(chat)
    one.ask()
    ended = one.call()
    assert ended.usage == Usage()
    spent = one.poll().spent
    assert (spent.input, spent.output, spent.unknown_calls, spent.calls) == (None, None, 1, 1)


def test_malformed_tool_arguments_are_seen(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    def chat_events(text: str) -> list[bytes]:
        call = {"index": 0, "id": "t", "function": {"name": "bash", "arguments": text}}
        delta = {"model": "model-one", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        return [b"data: " + json.dumps(delta).encode() + b"\n\n", *tongue.stream()[1:]]

    def messages_events(text: str) -> list[bytes]:
        start = {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t", "name": "b"},
        }
        delta = {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": text}}
        made = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in (start, delta)]
        return [tongue.stream()[0], *made, *tongue.stream()[-2:]]

    def responses_events(text: str) -> list[bytes]:
        delta = {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": text}
        return [b"data: " + json.dumps(delta).encode() + b"\n\n", tongue.stream()[-1]]

    make = {"chat": chat_events, "messages": messages_events, "responses": responses_events}[tongue.name]
    one = stage()
    for text, mends in (('{"command": "ls', ("malformed_arguments_seen",)), ('{"command": "ls"}', ())):
        upstream.gives(answer(make(text)))
        assert one.ask().body == b"".join(make(text))
        assert one.call().mends == mends


DEEP = "[" * 5000 + "]" * 5000


def test_arguments_nested_without_end_are_malformed_and_no_mistake_of_ours(
    stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    call = {"index": 0, "id": "t", "function": {"name": "f", "arguments": DEEP}}
    delta = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
    upstream.gives(answer([b"data: " + json.dumps(delta).encode() + b"\n\n", *chat.stream("", finish="tool_calls")]))
    one = stage(chat)
    assert one.ask().status == 200
    assert one.call().mends == ("malformed_arguments_seen",)
    assert one.poll().stop is None


def test_an_event_nested_without_end_passes_like_any_that_is_not_of_the_dialect(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    events = tongue.stream("hi")
    upstream.gives(answer([b"data: %s\n\n" % DEEP.encode(), *events]), answer([DEEP.encode()], chunked=False))
    one = stage(options={"retries": 1})
    assert one.ask().body.endswith(b"".join(events))
    assert one.poll().stop is None
    assert one.ask(tongue.ask(stream=False)).status == 402
    assert one.poll().stop == "provider_error"


@pytest.mark.parametrize("status", [400, 500])
def test_an_error_nested_without_end_is_an_error_without_words(
    status: int, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer([DEEP.encode()], chunked=False, status=status))
    one = stage(options={"retries": 1})
    assert one.ask().status == (400 if status == 400 else 402)
    assert one.poll().stop == (None if status == 400 else "provider_error")


def test_models_are_the_stages_own_and_no_other(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    import urllib.request

    one = stage(chat, context=4096)
    with urllib.request.urlopen(one.address.url + "/models") as response:
        listed = json.load(response)
    assert [entry["id"] for entry in listed["data"]] == ["model-one"]
    assert listed["data"][0]["context_length"] == 4096
    with urllib.request.urlopen(one.address.url + "/models/model-one") as response:
        assert json.load(response)["id"] == "model-one"
    assert upstream.seen == []


def test_tokens_are_counted_by_the_server_and_not_recorded(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    if tongue.name != "messages":
        pytest.skip("of the messages dialect")
    upstream.gives(answer([b'{"input_tokens": 25}'], chunked=False))
    one = stage()
    reply = one.ask(path="/messages/count_tokens")
    assert (reply.status, reply.json) == (200, {"input_tokens": 25})
    assert upstream.seen[0].json["model"] == "model-one"
    assert one.calls() == []
    upstream.gives(answer([b"nothing here"], status=404, chunked=False))
    assert one.ask(path="/messages/count_tokens").status == 404
    upstream.gives(answer([b'{"error": "Unexpected endpoint or method."}'], chunked=False))  # LM Studio says 200
    assert one.ask(path="/messages/count_tokens").status == 404


def test_what_the_provider_says_it_cost_is_kept_beside(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    body = json.loads(chat.whole("hi"))
    body["usage"]["cost"] = 0.0125
    upstream.gives(answer([json.dumps(body).encode()], chunked=False))
    one = stage(chat, local=False, price={"input": 1.0, "output": 1.0})
    one.ask(chat.ask(stream=False))
    ended = one.call()
    assert (ended.cost_reported, ended.cost) == (0.0125, pytest.approx(13e-6))


@pytest.mark.parametrize(
    "priced",
    [{"price": {"input": 3.0, "output": 15.0}}, {"options": {"price_provider": "openai"}}],
    ids=["stated", "table"],
)
def test_a_server_that_counts_more_cached_than_sent_ends_its_call_like_any_other(
    priced: dict[str, Any], stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    events = chat.stream("hi", model="gpt-4o")
    upstream.gives(answer([event.replace(b'"cached_tokens": 4', b'"cached_tokens": 4000') for event in events]))
    one = stage(chat, local=False, model="gpt-4o", limits=Limits(cost=1.0), **priced)
    assert one.ask().status == 200
    ended = one.call()
    assert (ended.error, ended.usage.cache_read, ended.cost) == (None, 4000, None)
    traffic = one.poll()
    assert (traffic.stop, traffic.open_calls, traffic.spent.calls, traffic.spent.cost) == (None, 0, 1, None)


def test_a_slow_reader_loses_nothing(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    import socket

    events = chat.stream(*["x" * 50_000] * 400)
    upstream.gives(answer(events))
    one = stage(chat)
    body = json.dumps(chat.ask()).encode()
    path = f"/t/{one.address.token}/v1/chat/completions"
    received = bytearray()
    with socket.create_connection(("127.0.0.1", int(one.address.url.split(":")[2].split("/")[0]))) as agent:
        agent.sendall(f"POST {path} HTTP/1.0\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(0.5)
        while piece := agent.recv(65536):
            received += piece
    assert received.split(b"\r\n\r\n", 1)[1] == b"".join(events)
    assert one.call().usage.input == 10


def test_a_dialect_that_the_endpoint_does_not_speak_is_refused(stage: Any, upstream: Any, chat: Any) -> None:
    reply = stage(chat).ask({"model": "x", "messages": []}, path="/messages")
    assert reply.status == 404
    assert "does not speak messages" in reply.json["error"]["message"]


def test_a_body_that_is_no_json_object_is_refused_and_not_recorded(stage: Any, upstream: Any, chat: Any) -> None:
    one = stage(chat)
    for body in (b"", b"[1]", b'{"model": ', b"\xff", b'{"stream_options": {"a": "\xff"}}', b"[" * 100_000):
        assert one.ask(body).status == 400
    assert one.calls() == []
    assert one.poll().spent.calls == 0


@pytest.mark.parametrize("megabytes", [3, 70])
def test_large_requests_pass_up_to_the_limit(megabytes: int, stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer(chat.stream("hi", prompt=megabytes * 250_000)))
    one = stage(chat)
    reply = one.ask(chat.ask("x" * (megabytes * 1_000_000)))
    if megabytes < 64:
        assert reply.status == 200
        assert len(upstream.seen[0].body) > megabytes * 1_000_000
    else:
        assert reply.status in (0, 413)
        assert upstream.seen == []


def test_one_stage_of_an_attempt_at_a_time(stage: Any, chat: Any) -> None:
    from ralphbench.errors import RunError

    one = stage(chat)
    with pytest.raises(RunError, match="has a stage open already"):
        stage(chat, attempt=one.grant.attempt)
    one.close()
    stage(chat, attempt=one.grant.attempt, limits=Limits())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content-encoding": "gzip"}, 400),
        ({"content-encoding": "deflate"}, 400),
        ({"x-session-id": "\xff"}, 200),
        ({"x-parent-session-id": "\xff"}, 200),
        ({"x-session-id": "s" * 40_000, "x-parent-session-id": "p" * 20_000}, 200),
    ],
    ids=["gzip", "deflate", "session", "parent", "length"],
)
def test_no_agent_can_void_its_own_attempt_by_an_odd_request(
    sent: dict[str, str], status: int, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage()
    assert one.ask(headers=sent).status == status
    assert (one.poll().stop, len(upstream.seen)) == (None, 1 if status == 200 else 0)
    assert one.ask().status == 200
    one.close()
    assert {(call.started.session, call.started.parent_session) for call in one.calls()} == {(None, None)}


def test_a_name_that_goes_on_for_ever_is_recorded_in_part(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer(chat.stream("hi")))
    one = stage(chat)
    assert one.ask(chat.ask(model="m" * 1_000_000)).status == 200
    one.call()
    assert set(one.calls()[0].started.requested) == {"m"}
    assert len(one.calls()[0].started.requested) < 1000
