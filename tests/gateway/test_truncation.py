"""A server that quietly cuts the conversation is found out, and an honest one is not accused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.gateway.estimate import CEILING, FLOOR, GREW, Estimator, Seen, Sizer, raw_tokens

PROSE = "The heap is walked from its roots, and whatever cannot be reached is given back. "
CODE = 'if (obj->type == T_PAIR) {\n\tmark(car(obj));\n\treturn mark(cdr(obj)); /* "tail" */\n}\n'


def test_a_prompt_that_was_cut_is_marked(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    """Ollama: the front of the conversation is dropped to fit 2,048 tokens, with status 200."""
    upstream.gives(answer(tongue.stream("hi", prompt=2048)))
    one = stage(context=32768)
    assert one.ask(tongue.ask(PROSE * 200)).status == 200
    assert one.call().truncated is True


def test_a_prompt_that_was_counted_in_full_is_not(stage: Any, upstream: Any, tongue: Any, answer: Any) -> None:
    upstream.gives(answer(tongue.stream("hi", prompt=3400)))
    one = stage(context=32768)
    one.ask(tongue.ask(PROSE * 200))
    assert one.call().truncated is False


def test_a_prompt_pinned_at_the_window_while_the_conversation_grows_is_marked(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    one = stage(context=4096)
    verdicts = []
    for size, counted in ((150, 3100), (190, 3900), (230, 4040), (270, 4040), (310, 4040)):
        upstream.gives(answer(tongue.stream("hi", prompt=counted)))
        one.ask(tongue.ask(PROSE * size))
        verdicts.append(one.call().truncated)
    assert verdicts == [False, False, True, True, True]


def test_a_pinned_prompt_is_marked_though_the_conversation_grows_in_small_steps(
    stage: Any, upstream: Any, tongue: Any, answer: Any
) -> None:
    one = stage()
    verdicts = []
    for size in range(150, 240, 6):  # some 120 tokens each
        counted = min(size * len(PROSE) // 4, 3400)
        upstream.gives(answer(tongue.stream("hi", prompt=counted)))
        one.ask(tongue.ask(PROSE * size))
        verdicts.append(one.call().truncated)
    assert verdicts[:3] == [False] * 3
    assert verdicts[-2:] == [True] * 2


def test_a_server_that_does_not_count_is_not_judged(stage: Any, upstream: Any, chat: Any, answer: Any) -> None:
    events = chat.stream("hi")
    upstream.gives(answer([*events[:-2], events[-1]]))
    one = stage(chat)
    one.ask(chat.ask(PROSE * 200))
    assert one.call().truncated is None


def test_a_compaction_is_no_truncation() -> None:
    estimator = Estimator()
    assert not estimator.truncated(30_000, 29_000, None)
    estimator.learn(30_000, 29_000)
    assert not estimator.truncated(2_500, 2_400, Seen(30_000, 29_000))


def test_short_prompts_are_not_judged() -> None:
    """A template adds a hundred tokens and tools are rewritten: too much for a ratio."""
    assert not Estimator().truncated(1400, 300, None)


def test_what_never_becomes_text_tokens_is_left_out() -> None:
    text = b'{"messages":[{"role":"user","content":"%s"}]}'
    plain = raw_tokens(text % (b"x" * 4000))
    image = text % (b"x" * 4000) + b'"data:image/png;base64,' + b"A" * 100_000 + b'"'
    reasoning = text % (b"x" * 4000) + b',"reasoning_content":"' + b"deep \\n thought " * 5000 + b'"'
    assert abs(raw_tokens(image) - plain) < 20
    assert abs(raw_tokens(reasoning) - plain) < 20


def test_escapes_count_as_the_characters_that_they_stand_for() -> None:
    import json

    cyrillic = "Куча обходится от корней. " * 200
    escaped = raw_tokens(json.dumps(cyrillic).encode())
    plain = raw_tokens(json.dumps(cyrillic, ensure_ascii=False).encode())
    assert abs(escaped - plain) / plain < 0.05


def test_the_calibration_follows_a_server_and_stays_within_bounds() -> None:
    estimator = Estimator()
    for _ in range(20):
        estimator.learn(10_000, 12_000)
    assert abs(estimator.ratio - 1.2) < 0.01
    for _ in range(50):
        estimator.learn(10_000, 100)
    assert estimator.ratio == FLOOR
    for _ in range(50):
        estimator.learn(10_000, 10**6)
    assert estimator.ratio == CEILING


def test_even_a_calibration_gone_low_does_not_hide_a_cut_by_half() -> None:
    estimator = Estimator(ratio=FLOOR, calls=9)
    assert estimator.truncated(20_000, 8_000, None)


def test_an_anchored_estimate_is_nearer_than_a_calibrated_one() -> None:
    estimator = Estimator()
    assert estimator.anchored(1100.0, Seen(1000.0, 1500)) == 1600
    assert estimator.anchored(1100.0, None) == 1100


@given(st.lists(st.text(max_size=60), min_size=1, max_size=12), st.integers(0, 3))
def test_sizing_what_is_new_gives_what_sizing_all_gives(turns: list[str], shrink: int) -> None:
    import json

    sizer = Sizer()
    messages: list[str] = []
    for number, turn in enumerate(turns):
        messages.append((turn or "x") * 300 + PROSE * 20 + CODE * 20)
        if shrink and number % 4 == 3:
            messages = messages[shrink:]
        body = json.dumps({"messages": messages, "model": "m"}).encode()
        assert abs(sizer.size(body) - raw_tokens(body)) <= 2 * (number + 1)


class Session:
    """One conversation with a server; what the gateway makes of each count."""

    def __init__(self, estimator: Estimator | None = None, window: int | None = None) -> None:
        self.estimator = estimator or Estimator()
        self.window = window
        self.anchor: Seen | None = None

    def call(self, raw: float, counted: int, output: int | None = None) -> bool:
        cut = self.estimator.truncated(raw, counted, self.anchor, window=self.window, output=output)
        if not cut and self.estimator.moved(raw, self.anchor):
            self.estimator.learn(raw, counted)
            self.anchor = Seen(raw, counted)
        return cut


@pytest.mark.parametrize("window", [None, 32_768])
@pytest.mark.parametrize("density", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("step", [20, 300, 400, 499, 3_000])
def test_a_pinned_prompt_is_found_out_within_a_few_hundred_tokens_and_teaches_nothing(
    step: int, density: float, window: int | None
) -> None:
    session = Session(window=window)
    for real in range(20_000, 60_000, step):
        cut = session.call(real / density, min(real, 32_768))
        if real <= 32_768:
            assert not cut
        elif real > 32_768 + 2 * max(GREW, step):
            assert cut
    assert abs(session.estimator.ratio - density) < 0.1


def test_after_a_compaction_a_conversation_is_judged_anew() -> None:
    session = Session()
    sizes = [30_000, 31_000, 40_000, 41_000, 5_000, 5_300, 5_900, 12_000]
    assert [session.call(size, min(size, 32_000)) for size in sizes] == [False, False, True, True] + [False] * 4


def test_what_cannot_fit_into_the_window_was_cut_though_the_count_has_grown() -> None:
    """From 30,000 to 38,000 the count grows by more than a quarter of what is new."""
    session = Session(window=32_768)
    session.call(30_000, 30_000)
    assert session.call(38_000, 32_500)
    assert not Session().call(38_000, 32_500)


def test_an_answer_that_fills_the_window_exactly_gives_a_cut_prompt_away() -> None:
    assert Session(window=32_768).call(36_000, 32_000, output=768)
    assert not Session(window=32_768).call(36_000, 32_000, output=700)
    assert not Session(window=32_768).call(20_000, 19_500, output=13_268)


@given(
    st.floats(0.85, 1.5),
    st.lists(st.integers(-20_000, 8_000), min_size=1, max_size=40),
    st.booleans(),
)
def test_an_honest_server_is_not_accused(density: float, changes: list[int], known: bool) -> None:
    window = 60_000
    session, size = Session(window=window if known else None), 5_000
    for change in changes:
        size = min(max(200, size + change), int(window / density))
        assert not session.call(size, int(size * density), output=window - int(size * density))
