"""Which overflows in a row are one too many."""

from __future__ import annotations

import json
from typing import Any

from ralphbench.gateway.overflows import HOPELESS, Overflows


def test_a_prompt_that_does_not_get_shorter_is_counted() -> None:
    seen = Overflows()
    assert [seen.met("s", prompt) for prompt in (7266.0, 7685.0, 7685.0)] == [1, 2, 3]


def test_a_summary_between_two_overflows_is_no_progress_and_two_answers_are() -> None:
    seen = Overflows()
    seen.met("s", 100.0)
    seen.answered("s")
    assert seen.met("s", 100.0) == 2
    seen.answered("s")
    seen.answered("s")
    assert seen.met("s", 100.0) == 1


def test_a_prompt_that_gets_shorter_may_fit_the_next_time() -> None:
    seen = Overflows()
    assert [seen.met("s", prompt) for prompt in (100.0, 80.0, 60.0, 59.5)] == [1, 1, 1, 2]


def test_sessions_are_counted_apart_and_the_oldest_forgotten() -> None:
    seen = Overflows()
    assert [seen.met(session, 10.0) for session in ("a", None, "a", None)] == [1, 1, 2, 2]
    for number in range(100):
        seen.met(f"s{number}", 10.0)
    assert seen.met("a", 10.0) == 1
    seen.answered("never heard of")


def test_a_stage_is_through_its_context_where_no_prompt_fits_any_more(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    said = json.dumps({"error": {"message": "request (9000 tokens) exceeds the available context size (8192 tokens)"}})
    upstream.gives(answer([said.encode()], status=400, chunked=False))
    one = stage()
    assert [one.ask().status for _ in range(HOPELESS + 1)] == [400] * (HOPELESS - 1) + [402] * 2
    traffic = one.poll()
    assert traffic.stop == "context"
    assert "3 prompts in a row did not fit" in traffic.detail
    assert len(upstream.seen) == HOPELESS


def test_overflows_with_work_between_them_do_not_end_a_stage(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    said = json.dumps({"error": {"message": "request (9000 tokens) exceeds the available context size (8192 tokens)"}})
    full = answer([said.encode()], status=400, chunked=False)
    fine = answer(chat.stream("hi"))
    upstream.gives(full, fine, fine, full, fine, fine, full, fine)
    one = stage(chat)
    assert [one.ask().status for _ in range(8)] == [400, 200, 200, 400, 200, 200, 400, 200]
    assert one.poll().stop is None
