"""Trying again is the gateway's: how often, how long, and whose time it is."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest
from support.hand_clock import HandClock
from support.waiting import until

from ralphbench.gateway.faults import Fault, Patience, http_fault, retry_after
from ralphbench.model import Usage

BUSY = json.dumps({"error": {"message": "Rate limit reached, please try again later"}}).encode()
ROUNDED = 0.01
"""Seconds by which figures of two clocks may differ, rounded as they are."""


def test_a_busy_server_is_asked_again_and_the_wait_is_a_pause(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    events = tongue.stream("hi")
    upstream.gives(
        answer([BUSY], status=429, chunked=False, headers={"retry-after": "0.3"}),
        answer([b"oops"], status=500, chunked=False),
        answer(events),
    )
    one = stage()
    began, since = time.time(), time.monotonic()
    reply = one.ask()
    assert (reply.status, reply.body) == (200, b"".join(events))
    ended = one.call()
    assert (ended.retries, ended.status, ended.error) == (2, 200, None)
    [pause] = one.poll().pauses
    assert pause.what == "retry"
    assert began <= pause.start < pause.end <= time.time()
    assert since <= pause.since < pause.until <= time.monotonic()
    assert 0.3 <= ended.retry_seconds <= pause.end - pause.start + ROUNDED
    assert ended.timing.first_token <= ended.timing.total - ended.retry_seconds + ROUNDED, "it is of the last try alone"
    assert [seen.body for seen in upstream.seen] == [upstream.seen[0].body] * 3


def test_a_pause_that_goes_on_ends_now(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(
        answer([BUSY], status=429, chunked=False, headers={"retry-after": "100"}),
        answer(chat.stream("hi", model="other-model")),
    )
    one = stage(chat)
    asking = threading.Thread(target=one.ask)
    asking.start()
    until(lambda: one.poll().pauses)
    assert one.poll().stop is None
    for _ in range(3):
        before, clock = time.time(), time.monotonic()
        [pause] = one.poll().pauses
        assert before <= pause.end <= time.time()
        assert clock <= pause.until <= time.monotonic()
    one.ask()  # its answer stops the stage, and with it the wait
    asking.join()
    assert one.poll().pauses == one.poll().pauses


@pytest.mark.parametrize(
    ("status", "body", "stop"),
    [(429, BUSY, "rate_limited"), (500, b"oops", "provider_error"), (529, b"", "provider_error")],
)
def test_what_stays_so_voids_the_attempt(
    status: int, body: bytes, stop: str, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer([body], status=status, chunked=False))
    one = stage(options={"retries": 3})
    reply = one.ask()
    assert reply.status == 402
    assert "retry-after" not in reply.headers
    assert len(upstream.seen) == 3
    ended = one.call()
    assert (ended.error, ended.retries, ended.status) == (stop, 2, 402)
    traffic = one.poll()
    assert traffic.stop == stop
    assert str(status) in traffic.detail
    assert (traffic.spent.calls, traffic.spent.input, traffic.spent.unknown_calls) == (1, 0, 0)


def test_a_wait_longer_than_our_patience_is_not_begun(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer([BUSY], status=429, chunked=False, headers={"retry-after": "3600"}))
    one = stage(chat)
    assert one.ask().status == 402
    assert (one.poll().stop, one.poll().pauses, one.call().retries) == ("rate_limited", (), 0)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("You exceeded your current quota. Please retry in 0.2s.", 0.2),
        ("Rate limit reached for tokens per min. Please try again in 150ms.", 0.15),
        ("Rate limit reached. Please try again in 1m2.5s.", 62.5),
        ("try again in 2h3m", 7380.0),
        ("please try again in 6 seconds", 6.0),
        ("please try again later", None),
        ("Try again in the morning", None),
    ],
)
def test_a_wait_is_read_out_of_the_words_where_no_header_says_it(text: str, wait: float | None) -> None:
    fault = http_fault(429, json.dumps({"error": {"message": text}}).encode(), {})
    assert fault.kind == "rate_limited"
    assert fault.retry_after == (None if wait is None else pytest.approx(wait))


def test_a_quota_of_a_minute_is_waited_for(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    said = b'{"error": {"message": "You exceeded your current quota. Please retry in 0.2s."}}'
    upstream.gives(answer([said], status=429, chunked=False), answer(chat.stream("hi")))
    one = stage(chat)
    assert one.ask().status == 200
    assert one.call().retries == 1


@pytest.mark.parametrize(
    "text", ["You exceeded your current quota (insufficient_quota). Retry in 1s", "You exceeded your current quota"]
)
def test_a_quota_that_stays_exhausted_is_not_waited_for(
    text: str, stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    upstream.gives(answer([json.dumps({"error": text}).encode()], status=429, chunked=False))
    one = stage(chat)
    assert one.ask().status == 402
    assert (one.poll().stop, one.call().retries) == ("rate_limited", 0)


def test_a_server_that_is_not_there_is_down(stage: Any, chat: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        one = stage(chat, base_url=f"http://127.0.0.1:{port}/v1", options={"retries": 2})
        assert one.ask().status == 402
    assert one.poll().stop == "endpoint_down"
    assert one.call().error == "endpoint_down"


def test_a_connection_that_the_server_closed_is_replaced_at_once(
    stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    upstream.gives(answer(status=0), answer(chat.stream("hi")))
    one = stage(chat, options={"retry_base_seconds": 3600.0, "retry_max_seconds": 3600.0})
    assert one.ask().status == 200
    assert one.call().retries == 1


def test_a_break_before_the_first_token_is_tried_again(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream()[:1], end="reset"), answer(tongue.stream("hi")))
    one = stage()
    assert one.ask().body == b"".join(tongue.stream("hi"))
    assert one.call().retries == 1


def test_a_try_that_was_lost_in_the_middle_is_charged_as_far_as_it_is_known(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    """Anthropic says at once how long the prompt was; whoever does not leaves the sum unknown."""
    upstream.gives(answer(tongue.stream()[:1], end="reset"), answer(tongue.stream("hi")))
    one = stage(local=False, price={"input": 3.0, "output": 15.0})
    assert one.ask().status == 200
    ended = one.call()
    assert (ended.usage.input, ended.usage.output, ended.lost.output, ended.cost) == (10, 3, None, None)
    spent = one.poll().spent
    assert spent.input == (20 if tongue.name == "messages" else None)
    assert (spent.output, spent.cost, spent.unknown_calls) == (None, None, 1)


def test_a_server_that_falls_silent_before_its_first_byte_has_used_nobody_knows_what(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(end="stall", delay=9))
    one = stage(options={"stall_seconds": 0.2, "retries": 2}, local=False, price={"input": 3.0, "output": 15.0})
    assert one.ask().status == 402
    traffic = one.poll()
    assert (traffic.stop, traffic.spent.calls, traffic.spent.input, traffic.spent.cost) == (
        "provider_error",
        1,
        None,
        None,
    )
    assert len(upstream.seen) == 2


@pytest.mark.parametrize("bad", ["refused", "closed", "down"])
def test_a_try_that_nobody_worked_on_costs_nothing(
    bad: str, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    failed = answer([b"oops"], status=503, chunked=False) if bad == "refused" else answer(status=0)
    upstream.gives(failed, answer(tongue.stream("hi")))
    more = {"base_url": "http://127.0.0.1:9/v1"} if bad == "down" else {}
    one = stage(local=False, price={"input": 3.0, "output": 15.0}, options={"retries": 2}, **more)
    one.ask()
    ended = one.call()
    assert (ended.retries, ended.lost) == (1, Usage(0, 0, 0, 0, 0))
    spent = one.poll().spent
    assert (spent.input, spent.output, spent.unknown_calls) == ((0, 0, 0) if bad == "down" else (10, 3, 0))
    assert spent.cost == pytest.approx(0.0 if bad == "down" else 75e-6)


def test_a_model_that_is_being_loaded_is_waited_for(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    loading = json.dumps({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}).encode()
    upstream.gives(answer([loading], status=503, chunked=False), answer(chat.stream("hi")))
    one = stage(chat, options={"retries": 1})
    assert one.ask().status == 200
    [pause] = one.poll().pauses
    assert (pause.what, pause.end - pause.start >= 1) == ("load", True)


def test_a_load_that_takes_too_long_is_a_failed_load(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    loading = json.dumps({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}).encode()
    upstream.gives(answer([loading], status=503, chunked=False))
    one = stage(chat, options={"load_max_seconds": 0.5})
    assert one.ask().status == 402
    assert one.poll().stop == "model_load"


def test_a_server_that_falls_silent_is_given_up(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.broken(tongue.stream("Hel")), end="stall"))
    one = stage(options={"stall_seconds": 0.3})
    reply = one.ask()
    assert reply.events()[-1].get("type", "error") == "error"
    assert one.call().mends == ("reset_mid_stream",)
    assert one.poll().stop == "provider_error"


def test_a_stop_wakes_who_waits(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    """Two calls at once: one waits for its next try when the other stops the stage."""
    upstream.gives(
        answer([BUSY], status=429, chunked=False, headers={"retry-after": "60"}),
        answer(chat.stream("hi", model="other-model")),
    )
    one = stage(chat)
    replies: list[Any] = []
    waiting = threading.Thread(target=lambda: replies.append(one.ask()))
    waiting.start()
    until(lambda: one.poll().pauses)
    assert one.ask().status == 402
    waiting.join()
    assert replies[0].status == 402
    assert one.poll().stop == "wrong_model"


def test_waits_double_and_vary_within_bounds() -> None:
    patience = Patience(retries=9, retry_max_seconds=1000, retry_base_seconds=1.0)
    waits = [patience.wait(Fault("provider_error", "x", status=500), 0.0) for _ in range(9)]
    assert waits[-1] is None
    for number, wait in enumerate(waits[:-1]):
        assert wait is not None
        assert 0.75 * 2**number <= wait <= 1.25 * 2**number


def test_patience_ends_with_its_time() -> None:
    patience = Patience(retry_max_seconds=10)
    assert patience.wait(Fault("provider_error", "x"), 100.0) is not None
    assert patience.wait(Fault("provider_error", "x"), 110.0) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "7"}, 7.0), ({"retry-after-ms": "250"}, 0.25), ({}, None), ({"retry-after": "soon"}, None)],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_date_to_wait_for_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    from email.utils import formatdate

    clock = HandClock(now=1_700_000_000)
    monkeypatch.setattr("ralphbench.gateway.faults.time", clock)
    assert retry_after({"retry-after": formatdate(clock.now + 30, usegmt=True)}) == 30
    assert retry_after({"retry-after": formatdate(clock.now - 30, usegmt=True)}) == 0
