"""Caps are kept before a request is forwarded, and while an answer runs."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.errors import ConfigError
from ralphbench.gateway.admission import SLACK, TOLERANCE, Budget
from ralphbench.gateway.prices import StatedPrice
from ralphbench.model import CallEnded, CallStarted, Limits, Spent, Usage
from ralphbench.record import CallLog

PRICE = {"input": 3.0, "output": 15.0}


def test_the_last_call_of_the_cap_is_made_and_the_next_refused(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(limits=Limits(calls=5), spent=Spent(calls=3))
    assert [one.ask().status for _ in range(2)] == [200, 200]
    assert one.poll().stop is None
    reply = one.ask()
    assert reply.status == 402
    assert "its limit is reached: calls" in reply.json["error"]["message"]
    traffic = one.poll()
    assert (traffic.stop, traffic.detail) == ("calls", "5 calls of 5 are made")
    assert (len(upstream.seen), traffic.spent.calls, len(one.calls())) == (2, 5, 2)


def test_used_up_tokens_stop_the_stage_at_once(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("hi", prompt=400, output=100)))
    one = stage(limits=Limits(tokens=1000), spent=Spent(input=300, output=200))
    assert one.ask().status == 200
    one.call()
    assert one.poll().stop == "tokens"
    assert one.ask().status == 402
    assert len(upstream.seen) == 1


def test_a_prompt_that_alone_passes_the_cap_is_not_sent(stage: Any, upstream: Any, tongue: Any) -> None:
    one = stage(limits=Limits(tokens=1000))
    assert one.ask(tongue.ask("word " * 2000)).status == 402
    assert (one.poll().stop, upstream.seen) == ("tokens", [])


def test_an_answer_is_told_to_stop_where_the_cap_is(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(limits=Limits(tokens=1000), output=5000)
    one.ask(tongue.ask(**{tongue.output_field: 4000}))
    assert 900 < upstream.seen[0].json[tongue.output_field] < 1000


def test_a_server_that_does_not_stop_there_is_cut_off(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    events = tongue.stream(*["word " * 40] * 100)
    upstream.gives(answer(events, gap=0.01))
    one = stage(limits=Limits(tokens=500))
    reply = one.ask()
    assert reply.status == 200
    assert len(reply.body) < len(b"".join(events)) / 2
    told = json.dumps(reply.events()[-1])
    assert "its limit is reached: tokens" in told
    assert one.poll().stop == "tokens"
    ended = one.call()
    assert (ended.error, ended.mends) == ("cap", ("cut",))


def test_used_up_money_stops_the_stage(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("hi", prompt=1000, output=200)))
    one = stage(limits=Limits(cost=1.0), spent=Spent(cost=0.995), price=PRICE, local=False)
    assert one.ask().status == 200
    ended = one.call()
    fresh, cached = (996, 4)
    assert ended.cost == pytest.approx((fresh * 3.0 + cached * 3.0 + 200 * 15.0) / 1e6)
    assert ended.price_source == "endpoint"
    traffic = one.poll()
    assert (traffic.stop, traffic.spent.cost) == ("cost", pytest.approx(1.001))


def test_a_prompt_that_the_server_has_cached_is_admitted_at_what_that_costs(
    stage: Any, upstream: Any, chat: Any, answer: Any
) -> None:
    """In full it would cost 0.03 USD, of which 0.029 are left after the first call."""
    cached = b'"cached_tokens": 9000'
    events = chat.stream("hi", prompt=10_000, output=1)
    upstream.gives(answer([event.replace(b'"cached_tokens": 4', cached) for event in events]))
    price = {"input": 3.0, "output": 15.0, "cache_read": 0.3}
    one = stage(chat, limits=Limits(cost=0.0347), price=price, local=False)
    body = chat.ask("word " * 8_000)
    assert one.ask(body).status == 200
    assert one.call().cost == pytest.approx(0.005715)
    assert one.ask(body).status == 200
    # A conversation that has become shorter is another one.
    assert one.ask(chat.ask("word " * 7_900)).status == 402
    assert one.poll().stop == "cost"
    assert "0.0114 USD of 0.0347 are spent, and about 0.029" in one.poll().detail


def test_money_left_limits_the_answer(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("hi")))
    one = stage(limits=Limits(cost=1.0), spent=Spent(cost=0.985), price=PRICE, local=False, output=8000)
    one.ask(tongue.ask(**{tongue.output_field: 8000}))
    assert 900 < upstream.seen[0].json[tongue.output_field] <= 1000


def test_a_cost_cap_without_a_price_is_refused_with_the_remedy(stage: Any, chat: Any) -> None:
    with pytest.raises(ConfigError, match=r"price of up.*is unknown") as caught:
        stage(chat, limits=Limits(cost=1.0), local=False)
    assert "price: {input:" in str(caught.value)
    stage(chat, limits=Limits(cost=1.0), local=True)


def test_a_prompt_beyond_its_share_of_the_window_ends_the_stage(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi", prompt=700)))
    one = stage(limits=Limits(context=0.5), context=4000)
    assert one.ask(tongue.ask("word " * 500)).status == 200
    assert one.ask(tongue.ask("word " * 4000)).status == 402
    assert one.poll().stop == "context"
    assert len(upstream.seen) == 1


def test_the_servers_own_count_of_the_window_ends_the_stage_too(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    upstream.gives(answer(tongue.stream("hi", prompt=2500)))
    one = stage(limits=Limits(context=0.5), context=4000)
    assert one.ask().status == 200
    one.call()
    assert one.poll().stop == "context"
    assert "2,500 prompt tokens" in one.poll().detail


def test_a_context_cap_without_a_window_is_refused_with_the_remedy(stage: Any, chat: Any) -> None:
    with pytest.raises(ConfigError, match=r"window of up.*is unknown"):
        stage(chat, limits=Limits(context=0.5))


def test_the_price_tables_window_serves_where_the_profile_states_none(stage: Any, tongue: Any) -> None:
    if tongue.name != "messages":
        pytest.skip("of a priced provider")
    assert stage(limits=Limits(context=0.5), local=False, model="claude-sonnet-4-5").poll().stop is None


def test_two_calls_at_once_do_not_both_spend_the_last(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    """Each alone would fit; the first is held with its prompt while it runs."""
    upstream.gives(answer(chat.stream("hi", prompt=700), delay=0.5))
    one = stage(chat, limits=Limits(tokens=1000))
    replies: list[int] = []
    body = chat.ask("word " * 480)  # about 600 tokens
    threads = [threading.Thread(target=lambda: replies.append(one.ask(body).status)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replies) == [200, 402, 402]
    assert len(upstream.seen) == 1


def test_after_a_resume_what_was_not_counted_is_estimated_for_the_cap(
    stage: Any, upstream: Any, chat: Any, answer: Any, tmp_path: Any
) -> None:
    upstream.gives(answer(chat.stream("hi")))
    folder = tmp_path / "resumed"
    log = CallLog(folder / "calls.jsonl")
    started = CallStarted("c1", "a", "build", "1-build-1", 1, 0.0, "chat", "e", "m", "m", True, True, estimate=900)
    log.started(started)
    log.started(replace(started, id="c2", estimate=50))
    log.ended(CallEnded("c2", 1.0, 200, usage=Usage(input=40, output=20)))
    log.close()
    spent = Spent(calls=2, input=None, output=None, unknown_calls=1)
    one = stage(chat, folder=folder, spent=spent, next_call=3, limits=Limits(tokens=1000))
    assert one.ask().status == 200
    assert upstream.seen[0].json["max_tokens"] < 40
    assert one.poll().spent.input is None


def test_what_a_killed_attempt_streamed_counts_for_the_cap_and_what_was_refused_does_not(
    stage: Any, upstream: Any, tongue: Any, answer: Any, tmp_path: Any
) -> None:
    folder = tmp_path / "killed"
    refused = answer([b'{"error": {"message": "bad tools"}}'], status=400, chunked=False)
    cut = answer(tongue.broken(tongue.stream("word " * 800)), end="reset")  # a thousand tokens that nobody counted
    upstream.gives(refused, cut)
    first = stage(folder=folder)
    assert first.ask(tongue.ask("word " * 2000)).status == 400  # a prompt of 2,500
    assert first.ask().status == 200
    spent = first.close().spent
    assert spent.output is None
    upstream.gives(answer(tongue.stream("hi")))
    second = stage(folder=folder, spent=spent, next_call=3, limits=Limits(tokens=2000), output=5000)
    assert second.ask(tongue.ask(**{tongue.output_field: 5000})).status == 200
    assert 850 < upstream.seen[-1].json[tongue.output_field] < 1000


def test_a_lost_try_counts_for_the_cap(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    """Both tries have sent the same prompt, of 600 tokens; one of them was counted."""
    lost = answer(tongue.stream(prompt=600)[:1], end="reset")
    upstream.gives(lost, answer(tongue.stream("hi", prompt=600)))
    one = stage(limits=Limits(tokens=1100))
    assert one.ask(tongue.ask("word " * 480)).status == 200
    assert one.call().estimate.input > 1100
    assert one.poll().stop == "tokens"


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=30), st.integers(1, 2000))
def test_whatever_starts_together_is_within_the_cap_when_it_starts(calls: list[tuple[int, int]], cap: int) -> None:
    budget = Budget(Limits(tokens=cap), None, None)
    running = []
    for prompt, output in calls:
        if budget.admit(prompt) is None:
            before = budget.tokens + sum(h.prompt + h.output for h in budget.running)
            assert before + prompt < cap
            held = budget.start(prompt)
            held.output = output
            running.append((held, prompt, output))
        elif running:
            held, done_prompt, done_output = running.pop()
            budget.end(held, Usage(input=done_prompt, output=done_output), None)
    for held, prompt, output in running:
        budget.end(held, Usage(input=prompt, output=output), None)
    assert budget.running == []


def test_a_stream_is_cut_only_past_the_tolerance() -> None:
    budget = Budget(Limits(tokens=1000), None, None)
    held = budget.start(200)
    held.output = int(800 * TOLERANCE + SLACK)
    assert budget.running_over(held) is None
    held.output += 1
    assert budget.running_over(held) is not None


def test_money_runs_out_while_an_answer_runs() -> None:
    price = StatedPrice.of({"input": 0.0, "output": 10.0})
    budget = Budget(Limits(cost=0.01), price, None)
    held = budget.start(0)
    held.output = 1200
    assert budget.running_over(held) is None
    held.output = 1300
    stop = budget.running_over(held)
    assert stop is not None
    assert stop.ending == "cost"
