"""Trying again is the gateway's: how often, how long, and whose time it is."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest

from ralphbench.gateway.faults import Fault, Patience, retry_after

BUSY = json.dumps({"error": {"message": "Rate limit reached, please try again later"}}).encode()


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
    began = time.time()
    reply = one.ask()
    assert (reply.status, reply.body) == (200, b"".join(events))
    ended = one.call()
    assert (ended.retries, ended.status, ended.error) == (2, 200, None)
    assert 0.3 <= ended.retry_seconds < 5
    assert ended.timing.first_token < 0.3 < ended.timing.total
    [pause] = one.poll().pauses
    assert pause.what == "retry"
    assert began - 0.1 < pause.start < pause.end < time.time()
    assert pause.end - pause.start == pytest.approx(ended.retry_seconds, abs=0.1)
    assert [seen.body for seen in upstream.seen] == [upstream.seen[0].body] * 3


def test_a_pause_that_goes_on_ends_now(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer([BUSY], status=429, chunked=False, headers={"retry-after": "1"}), answer(chat.stream("hi")))
    one = stage(chat)
    asking = threading.Thread(target=one.ask)
    asking.start()
    lengths = []
    for _ in range(3):
        time.sleep(0.2)
        [pause] = one.poll().pauses
        lengths.append(pause.end - pause.start)
        assert abs(time.time() - pause.end) < 0.1
    asking.join()
    assert lengths == sorted(lengths)
    assert one.poll().stop is None


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
    began = time.monotonic()
    assert one.ask().status == 402
    assert time.monotonic() - began < 20
    assert one.poll().stop == "rate_limited"


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
    one = stage(chat, options={"retry_base_seconds": 30.0})
    began = time.monotonic()
    assert one.ask().status == 200
    assert time.monotonic() - began < 20
    assert one.call().retries == 1


def test_a_break_before_the_first_token_is_tried_again(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream()[:1], end="reset"), answer(tongue.stream("hi")))
    one = stage()
    assert one.ask().body == b"".join(tongue.stream("hi"))
    assert one.call().retries == 1


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
    time.sleep(0.3)
    assert one.ask().status == 402
    waiting.join(5)
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


def test_a_date_to_wait_for_is_understood() -> None:
    from email.utils import formatdate

    wait = retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert wait is not None
    assert 25 < wait < 31
