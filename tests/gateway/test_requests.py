"""What is set in a request: the limit on its answer above all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ralphbench.gateway.estimate import raw_tokens
from ralphbench.model import Limits


@pytest.mark.parametrize("more", [{"limits": Limits(tokens=1_000_000)}, {"context": 200_000}], ids=["cap", "window"])
def test_a_limit_that_nobody_stated_is_not_set_where_it_is_far(
    more: dict[str, Any], stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    """A model refuses more than it can put out, and nobody knows how much that is."""
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(**more)
    body = tongue.ask()
    body.pop(tongue.output_field, None)
    one.ask(body)
    assert tongue.output_field not in upstream.seen[0].json


@pytest.mark.parametrize(
    "more",
    [{"limits": Limits(tokens=8_000)}, {"context": 8_000}, {"output": 100_000}],
    ids=["cap", "window", "profile"],
)
def test_a_limit_that_nobody_stated_is_set_where_it_is_near_and_the_profiles_always(
    more: dict[str, Any], stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(**more)
    body = tongue.ask()
    body.pop(tongue.output_field, None)
    one.ask(body)
    assert upstream.seen[0].json[tongue.output_field] > 4_000


@pytest.mark.parametrize("asked", [-1, 0, None, True, "many", 0.5, 10**30])
def test_what_is_no_limit_does_not_defeat_a_cap(
    asked: Any, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(limits=Limits(tokens=1000))
    one.ask(tongue.ask(**{tongue.output_field: asked}))
    assert 900 < upstream.seen[0].json[tongue.output_field] < 1000


def test_a_limit_may_be_written_with_a_point(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(output=5000)
    one.ask(tongue.ask(**{tongue.output_field: 300.0}))
    assert upstream.seen[0].json[tongue.output_field] == 300


def test_what_is_no_limit_is_left_where_there_is_none_to_set(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    upstream.gives(answer(chat.stream("hi")))
    one = stage(chat)
    one.ask(chat.ask(max_tokens=-1))
    assert upstream.seen[0].json["max_tokens"] == -1


@pytest.mark.parametrize("limits", [Limits(tokens=4_000), Limits(cost=0.04)], ids=["tokens", "cost"])
def test_an_answer_is_not_told_to_be_shorter_than_its_thinking(
    limits: Limits, stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    """A server refuses such a limit, and the agent would be told of a mistake that it did not make."""
    if tongue.name != "messages":
        pytest.skip("of this dialect")
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(limits=limits, price={"input": 3.0, "output": 15.0})
    thinking = {"type": "enabled", "budget_tokens": 2_000}
    assert one.ask(tongue.ask(max_tokens=32_000, thinking=thinking)).status == 200
    assert 2_000 < upstream.seen[0].json["max_tokens"] < 4_000
    thinking["budget_tokens"] = 16_000
    assert one.ask(tongue.ask(max_tokens=32_000, thinking=thinking)).status == 402
    assert one.poll().stop in ("tokens", "cost")
    assert len(upstream.seen) == 1


def test_thinking_between_tool_calls_may_be_longer_than_the_answer(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    if tongue.name != "messages":
        pytest.skip("of this dialect")
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(limits=Limits(tokens=4_000))
    assert one.ask(tongue.ask(max_tokens=8_000, thinking={"budget_tokens": 8_000})).status == 200


def test_a_full_window_does_not_shorten_an_answer_below_its_thinking(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    """Whether it still fits is for the server to say, in words that the agent knows."""
    if tongue.name != "messages":
        pytest.skip("of this dialect")
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(context=10_000)
    assert one.ask(tongue.ask(max_tokens=32_000, thinking={"budget_tokens": 16_000})).status == 200
    assert upstream.seen[0].json["max_tokens"] == 16_001


def test_a_response_has_at_least_sixteen_tokens(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    body = tongue.ask()
    one = stage(limits=Limits(tokens=int(raw_tokens(json.dumps(body).encode())) + 10))
    status = one.ask(body).status
    assert (status, len(upstream.seen)) == ((402, 0) if tongue.name == "responses" else (200, 1))
