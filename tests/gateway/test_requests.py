"""What is set in a request: the limit on its answer above all."""

from __future__ import annotations

from typing import Any

import pytest

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
