"""Names of models, words for agents, prices."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralphbench.endpoints import classify, same_model
from ralphbench.gateway.prices import LocalPrice, StatedPrice, TablePrice, find_price, table_context
from ralphbench.gateway.texts import is_loud, overflow_message, quiet, quiet_number, stop_message
from ralphbench.model import EndpointSpec, Usage
from ralphbench.model.names import StageEnding

SAME = [
    ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("gpt-4", "gpt-4-0613"),
    ("gemini-1.5-pro", "gemini-1.5-pro-002"),
    ("mistral-large-latest", "mistral-large-2411"),
    ("mistral-large-latest", "mistral-large"),
    ("mistralai/devstral-small-2-2512", "devstral-small-2-2512"),
    ("qwen/qwen3-coder-30b", "/models/Qwen3-Coder-30B-Q4_K_M.gguf"),
    ("qwen3-coder-30b", "Qwen3-Coder-30B-UD-Q4_K_XL-00001-of-00003.gguf"),
    ("qwen3:30b-a3b-q4_K_M", "qwen3:30b"),
    ("qwen3:latest", "qwen3"),
    ("gemma-3-27b-it-4bit", "mlx-community/gemma-3-27b-it"),
    ("google/gemma-3-27b@q4_k_m", "google/gemma-3-27b:2"),
    ("anthropic/claude-opus-4-6", "claude-opus-4-6"),
    ("openai/gpt-oss-20b", "gpt-oss-20b-MXFP4.gguf"),
    ("deepseek/deepseek-chat:free", "deepseek-chat"),
]
DIFFERENT = [
    ("gpt-4o", "gpt-4o-mini"),
    ("qwen3:30b", "qwen3:8b"),
    ("qwen3-8b", "qwen3-30b"),
    ("qwen3:30b", "qwen3"),
    ("devstral-small-2-2512", "devstral-small-2-2505"),
    ("claude-3-5-haiku-20241022", "claude-3-5-haiku-20240101"),
    ("claude-sonnet-4-5", "claude-sonnet-4-6"),
    ("claude-opus-4-6", "claude-sonnet-4-6"),
    ("a", "b"),
    ("llama-3.1-8b", "llama-3.1-8b-instruct"),
]


@pytest.mark.parametrize(("asked", "served"), SAME)
def test_one_model_under_two_names(asked: str, served: str) -> None:
    assert same_model(asked, served)
    assert same_model(served, asked)


@pytest.mark.parametrize(("asked", "served"), DIFFERENT)
def test_two_models(asked: str, served: str) -> None:
    assert not same_model(asked, served)
    assert not same_model(served, asked)


@given(st.text(max_size=40))
def test_every_name_is_its_own(name: str) -> None:
    assert same_model(name, name)


RETRIED = re.compile(
    r"429|500|502|503|504|524|rate limit|too many requests|overloaded|try again later|internal error", re.I
)


@given(st.integers(0, 10**30))
def test_numbers_are_rounded_down_past_status_codes(number: int) -> None:
    assert number * 0.97 - 1 <= quiet_number(number) <= number
    assert not RETRIED.search(str(quiet_number(number)))


@pytest.mark.parametrize(
    ("number", "quieted"), [(4096, 4096), (50000, 49999), (15028, 15019), (131072, 131072), (65024, 65019)]
)
def test_numbers_stay_near(number: int, quieted: int) -> None:
    assert quiet_number(number) == quieted


@given(st.one_of(st.none(), st.integers(1, 10**7)), st.one_of(st.none(), st.integers(0, 10**7)))
def test_an_overflow_is_known_as_one_and_not_tried_again(context: int | None, prompt: int | None) -> None:
    message = overflow_message(context, prompt)
    assert classify(400, message) == "overflow"
    assert not RETRIED.search(message)
    assert not is_loud(message)


@given(st.text(max_size=300))
def test_quiet_texts_are_quiet(text: str) -> None:
    assert not RETRIED.search(quiet(text + " rate limit 15028 Overloaded; Internal Server Error"))


def test_texts_without_such_words_stay_as_they_are() -> None:
    text = "tools[3].function.parameters: expected an object, found 12 of 4096"
    assert quiet(text) == text
    assert not is_loud(text)


@pytest.mark.parametrize("ending", list(StageEnding))
def test_no_stop_is_told_in_words_that_clients_try_again_on(ending: StageEnding) -> None:
    assert not is_loud(stop_message(ending.value, cap=False))
    if ending.limit is not None or ending is StageEnding.CONTEXT:
        assert not is_loud(stop_message(ending.value, cap=True))
        assert ending.value in stop_message(ending.value, cap=True)


def spec(**more: object) -> EndpointSpec:
    return EndpointSpec("e", "openai", **more)  # type: ignore[arg-type]


def test_a_local_model_costs_nothing_and_says_why() -> None:
    price = find_price(spec(), "qwen", provider=None, local=True)
    assert isinstance(price, LocalPrice)
    assert (price.cost(Usage()), price.source) == (0.0, "local")


def test_an_endpoints_own_price_goes_first_and_knows_cached_tokens() -> None:
    stated = {"input": 2.0, "output": 10.0, "cache_read": 0.5, "cache_write": 3.0}
    price = find_price(spec(price=stated), "gpt-5", provider="openai", local=True)
    assert isinstance(price, StatedPrice)
    usage = Usage(input=1_000_000, output=100_000, cache_read=400_000, cache_write=100_000)
    assert price.cost(usage) == pytest.approx(0.5 * 2 + 0.4 * 0.5 + 0.1 * 3 + 0.1 * 10)


def test_the_table_knows_cached_tokens_and_its_version() -> None:
    price = find_price(spec(), "claude-sonnet-4-6", provider="anthropic", local=False)
    assert isinstance(price, TablePrice)
    assert price.cost(Usage(input=10_000, cache_read=4_000, output=1_000)) == pytest.approx(0.0342)
    assert re.fullmatch(r"genai-prices \d+\.\d+\.\d+", price.source)


def test_money_that_is_not_paid_is_marked() -> None:
    price = find_price(spec(auth="passthrough"), "claude-opus-4-6", provider="anthropic", local=False)
    assert price is not None
    assert price.source.endswith("list-price equivalent")


@pytest.mark.parametrize(("model", "provider"), [("nonesuch", "openai"), ("gpt-5", None), ("x", "nowhere")])
def test_an_unknown_price_is_none(model: str, provider: str | None) -> None:
    assert find_price(spec(), model, provider=provider, local=False) is None


def test_what_a_server_did_not_count_has_no_cost() -> None:
    for price in (StatedPrice.of({"input": 1.0, "output": 1.0}), TablePrice("anthropic", "claude-opus-4-6", "t")):
        assert price.cost(Usage(input=5)) is None
        assert price.cost(Usage(output=5)) is None


@pytest.mark.parametrize("counted", [Usage(100, 10, 200), Usage(100, 10, 60, 60)])
def test_counts_that_contradict_each_other_have_no_cost(counted: Usage) -> None:
    for model in ("claude-opus-4-6", "nonesuch"):
        assert TablePrice("anthropic", model, "t").cost(counted) is None
    assert StatedPrice.of({"input": 1.0, "output": 1.0}).cost(counted) is None


def test_the_table_knows_windows() -> None:
    assert table_context("anthropic", "claude-sonnet-4-6") is not None
    assert table_context("anthropic", "nonesuch") is None
    assert table_context(None, "gpt-5") is None
