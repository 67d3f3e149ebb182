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
